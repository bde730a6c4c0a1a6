/** What every refusal looks like: a problem document with a stable code, and nothing of the inside. */
import { expect } from "vitest";
import { type ErrorCode, STATUS } from "../../shared/errors.ts";
import type { Answer } from "./merchant.ts";

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: { field: string; message: string; code: string }[];
}

/** `field`: one of `errors[].field` must be it. Answers the problem. */
export function expectProblem(answer: Answer<unknown>, code: ErrorCode, field?: string): Problem {
  const shown = `${answer.status} ${answer.text.slice(0, 600)}`;
  expect(answer.headers.get("content-type"), shown).toMatch(/^application\/problem\+json/);
  const problem = answer.body as Problem;
  expect(problem.code, shown).toBe(code);
  expect(answer.status, shown).toBe(STATUS[code]);
  expect(problem.status, shown).toBe(STATUS[code]);
  expect(problem.requestId, shown).toMatch(/^[\w.-]{1,64}$/);
  expect(answer.headers.get("x-request-id"), shown).toBe(problem.requestId);
  for (const text of [problem.type, problem.title, problem.detail]) expect(text, shown).toEqual(expect.any(String));
  expect(answer.text, shown).not.toMatch(/\n\s+at |\bat [\w.#]+ \(|\.[jt]s:\d|node_modules|SQLITE|D1_ERROR/);
  if (field !== undefined)
    expect(
      problem.errors?.map((e) => e.field),
      shown,
    ).toContain(field);
  for (const error of problem.errors ?? []) {
    expect([typeof error.field, typeof error.message, typeof error.code], shown).toEqual([
      "string",
      "string",
      "string",
    ]);
  }
  return problem;
}

/** Lines of the server's log that tell of a bug: an exception nobody expected, or a beacon lost to one. */
export const unexpectedIn = (logs: string): string[] =>
  logs
    .split("\n")
    .filter((line) => /"event":"(unhandled|beacon_failed|frame_failed|cart_wake_failed)"|Uncaught/.test(line));
