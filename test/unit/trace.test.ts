import { describe, expect, it } from "vitest";
import { traceIdOf, traceOf, traceparentOf } from "../../shared/trace.ts";

const RANDOM = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
const FRESH = "0102030405060708090a0b0c0d0e0f10";
const SPAN = "1112131415161718";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

describe("traceparent", () => {
  it("is continued: the same trace and flags, a span of our own", () => {
    expect(traceOf(`00-${TRACE}-00f067aa0ba902b7-01`, RANDOM)).toEqual({
      traceId: TRACE,
      traceparent: `00-${TRACE}-${SPAN}-01`,
    });
  });

  it.each([
    ["nothing", null],
    ["an empty one", ""],
    ["a trace of zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["capitals", `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`],
    ["the forbidden version", `ff-${TRACE}-00f067aa0ba902b7-01`],
    ["a tail", `00-${TRACE}-00f067aa0ba902b7-01-x`],
    ["a log line", `00-${TRACE}-00f067aa0ba902b7-01\n{}`],
  ])("%s begins a new trace", (_name, header) => {
    expect(traceOf(header, RANDOM)).toEqual({ traceId: FRESH, traceparent: `00-${FRESH}-${SPAN}-00` });
  });

  it("is passed on as it is when it names a trace, and its id goes into the log", () => {
    const header = `00-${TRACE}-00f067aa0ba902b7-01`;
    expect([traceparentOf(header), traceIdOf(header)]).toEqual([header, TRACE]);
    for (const bad of [null, "", "x", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `${header}\n{}`])
      expect([traceparentOf(bad), traceIdOf(bad)]).toEqual([null, undefined]);
  });
});
