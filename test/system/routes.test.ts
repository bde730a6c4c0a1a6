/** Every route of the OpenAPI document, called once: what it answers is what the document says. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { operationsOf, type Placed, type Spec } from "../../workers/gateway/docs/spec.ts";
import { type JsonSchema, mismatches, undocumented } from "../support/json-schema.ts";
import { type Answer, http } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { bodyOf, FIXTURES, type Fixture, type World, worldOf } from "../support/route-fixtures.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let world: World;
let spec: Spec;

beforeAll(async () => {
  system = await startSystem();
  world = await worldOf(system);
  spec = (await http<Spec>(`${system.url}/openapi.json`)).body;
});
afterAll(() => system?.stop());

test("every operation has a fixture, and no fixture is left over", () => {
  const ids = operationsOf(spec).map(({ operation }) => operation.operationId);
  expect(Object.keys(FIXTURES).sort()).toEqual(ids.sort());
});

test("a good request to each operation gets a documented answer", async () => {
  const wrong: string[] = [];
  const all = operationsOf(spec);
  for (const placed of all) {
    const found = await judge(placed).catch((error: unknown) => [String(error)]);
    wrong.push(...found.map((what) => `${placed.operation.operationId}: ${what}`));
  }
  process.stdout.write(`routes: ${all.length} operations answered as documented\n`);
  expect(wrong).toEqual([]);
  expect(unexpectedIn(system.logs())).toEqual([]);
});

test("what needs a credential is refused without one, as a documented problem", async () => {
  const wrong: string[] = [];
  for (const { method, path, operation } of operationsOf(spec)) {
    if (operation.security.length === 0) continue;
    const answer = await http(system.url + path.replace(/\{\w+\}/g, "x"), { method });
    const { schema } = spec.components.responses.Unauthorized?.content?.["application/problem+json"] ?? {};
    const broken = mismatches((schema ?? { not: {} }) as JsonSchema, components(), answer.body);
    if (answer.status !== 401 || broken.length > 0)
      wrong.push(`${method} ${path}: ${answer.status} ${answer.text} ${broken}`);
  }
  expect(wrong).toEqual([]);
});

const components = () => spec.components.schemas as Record<string, JsonSchema>;

/** What is wrong with the answer to one good request. */
async function judge({ method, path, operation }: Placed): Promise<string[]> {
  const make = FIXTURES[operation.operationId];
  if (!make) return ["has no fixture in test/support/route-fixtures.ts"];
  const fixture = await make(world);
  const documented = Object.keys(operation.responses).filter((status) => status < "400");
  const expected = String(fixture.status ?? documented[0]);
  const url = system.url + addressOf(path, fixture);
  if (fixture.exchange) {
    const status = String(await fixture.exchange(url));
    return status === expected ? [] : [`answers ${status}, not ${expected}`];
  }
  const answer = await http<unknown>(url, requestOf(method, operation, fixture));
  if (String(answer.status) !== expected)
    return [`answers ${answer.status}, not ${expected}: ${answer.text.slice(0, 400)}`];
  return [...headersWrong(operation.responses[expected], answer), ...bodyWrong(operation.responses[expected], answer)];
}

function addressOf(path: string, { params = {}, query = {} }: Fixture): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const asked = new URLSearchParams(query).toString();
  return asked === "" ? filled : `${filled}?${asked}`;
}

function requestOf(method: string, operation: Placed["operation"], fixture: Fixture): RequestInit {
  const { headers, credential = world.merchant.credential } = fixture;
  const sent = bodyOf(spec, operation, fixture);
  return {
    method,
    headers: {
      ...(operation.security.some((way) => "accessToken" in way) ? { authorization: `Bearer ${credential}` } : {}),
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
  };
}

type Documented = Spec["components"]["responses"][string] & { headers?: Record<string, unknown> };

function headersWrong(documented: Documented | undefined, { headers }: Answer<unknown>): string[] {
  const wrong: string[] = [];
  if (!headers.get("x-request-id")) wrong.push("has no x-request-id");
  if (documented?.headers?.ETag && !/^"\d+"$/.test(headers.get("etag") ?? "")) wrong.push("has no ETag");
  for (const name of Object.keys(documented?.headers ?? {}).filter((n) => /^x-ratelimit-/i.test(n)))
    if (!/^\d+$/.test(headers.get(name) ?? "")) wrong.push(`${name} is ${headers.get(name)}`);
  return wrong;
}

function bodyWrong(documented: Documented | undefined, { headers, text, body }: Answer<unknown>): string[] {
  const [type, media] = Object.entries(documented?.content ?? {})[0] ?? [];
  if (!type) return text === "" ? [] : [`has a body that is not documented: ${text.slice(0, 200)}`];
  if (!headers.get("content-type")?.startsWith(type)) return [`is ${headers.get("content-type")}, not ${type}`];
  if (!type.includes("json") || !media?.schema) return [];
  const schema = media.schema as JsonSchema;
  const hidden = undocumented(schema, components(), body).map((path) => `${path} is not documented`);
  return [...mismatches(schema, components(), body), ...hidden].map((what) => `${what} in ${text.slice(0, 300)}`);
}
