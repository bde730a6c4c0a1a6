/** The OpenAPI document is a valid one, says what the declarations say, and shows examples that would be accepted. */
import { describe, expect, it } from "vitest";
import about from "../../package.json" with { type: "json" };
import { curlOf } from "../../workers/gateway/docs/curl.ts";
import { html } from "../../workers/gateway/docs/html.ts";
import { docsPage } from "../../workers/gateway/docs/page.ts";
import { sampleOf } from "../../workers/gateway/docs/sample.ts";
import { operationsOf, type Placed, type Spec } from "../../workers/gateway/docs/spec.ts";
import { openApi, pathOf } from "../../workers/gateway/openapi.ts";
import { allRoutes } from "../../workers/gateway/routes/index.ts";
import type { Neighbours } from "../../workers/gateway/routes/storefront.ts";
import { compiled, type JsonSchema, mismatches, undocumented } from "../support/json-schema.ts";

const routes = allRoutes({} as Neighbours);
const text = JSON.stringify(openApi(routes, "https://api.example"));
const spec = JSON.parse(text) as Spec & Record<string, unknown>;
const operations = operationsOf(spec);
const components = spec.components.schemas as Record<string, JsonSchema>;
const named = ({ method, path }: Placed): string => `${method} ${path}`;
const routeOf = (placed: Placed) =>
  routes.find((route) => route.method === placed.method && pathOf(route) === placed.path)!;

/** Every value in a tree, with its path. */
function* walk(value: unknown, path = "#"): Generator<[string, unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* walk(inner, `${path}/${key.replaceAll("/", "~1")}`);
}

const at = (pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .reduce<unknown>(
      (value, part) => (value as Record<string, unknown> | undefined)?.[part.replaceAll("~1", "/")],
      spec,
    );

describe("the OpenAPI document", () => {
  it("has what OpenAPI 3.1 requires, and nothing it does not know", () => {
    expect(Object.keys(spec).sort()).toEqual(["components", "info", "openapi", "paths", "servers", "tags"]);
    expect(spec.openapi).toBe("3.1.0");
    expect(spec.info).toMatchObject({ title: "Cartwake", version: about.version });
    const keywords = [
      "operationId",
      "tags",
      "summary",
      "description",
      "security",
      "parameters",
      "requestBody",
      "responses",
    ];
    for (const placed of operations) {
      const foreign = Object.keys(placed.operation).filter((key) => !keywords.includes(key) && !key.startsWith("x-"));
      expect(foreign, named(placed)).toEqual([]);
      expect(Object.keys(placed.operation.responses).filter((status) => !/^([1-5]\d\d|default)$/.test(status))).toEqual(
        [],
      );
      for (const answer of Object.values(placed.operation.responses))
        expect(answer.$ref ?? answer.description, named(placed)).toEqual(expect.any(String));
    }
  });

  it("covers every declared route, once", () => {
    expect(operations.map(named).sort()).toEqual(routes.map((route) => `${route.method} ${pathOf(route)}`).sort());
    const same = operations.map(({ path }) => path.replace(/\{\w+\}/g, "{}"));
    expect(new Set(same).size).toBe(new Set(operations.map(({ path }) => path)).size);
  });

  it("has no reference that leads nowhere", () => {
    const references = [...walk(spec)].filter(([path]) => path.endsWith("/$ref")).map(([, value]) => String(value));
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((reference) => at(reference) === undefined)).toEqual([]);
  });

  it("names every operation with one readable word of its own", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(ids.filter((id) => !/^[a-z][A-Za-z0-9]{4,48}$/.test(id))).toEqual([]);
    expect(ids).toEqual(
      expect.arrayContaining(["listCarts", "getCartTimeline", "createApiKey", "authLogin", "updateStore"]),
    );
  });

  it("declares exactly the parameters that stand in the path, as required", () => {
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect(inPath.map(({ name }) => `{${name}}`).join()).toBe([...path.matchAll(/\{\w+\}/g)].join());
      expect(inPath.every(({ required }) => required)).toBe(true);
    }
  });

  it("gives every parameter a name of its own and a schema", () => {
    for (const placed of operations) {
      const all = placed.operation.parameters ?? [];
      expect(new Set(all.map((parameter) => `${parameter.in} ${parameter.name}`)).size, named(placed)).toBe(all.length);
      for (const parameter of all) expect(typeof parameter.schema, named(placed)).toBe("object");
    }
  });

  it("has only schemas that compile", () => {
    const schemas = [...walk(spec)].filter(([path]) => /\/(schema|schemas\/\w+)$/.test(path));
    expect(schemas.length).toBeGreaterThan(100);
    for (const [path, schema] of schemas) expect(() => compiled(schema as JsonSchema, components), path).not.toThrow();
  });

  it("lets objects in answers gain fields", () => {
    const closed = [...walk(spec)].filter(
      ([path, value]) =>
        /\/(responses|schemas)\//.test(path) && path.endsWith("/additionalProperties") && value === false,
    );
    expect(closed.map(([path]) => path)).toEqual([]);
  });

  it("promises an ETag wherever the version can be read or given back", () => {
    const tagged = operations
      .filter(({ operation }) => JSON.stringify(operation.responses).includes("#/components/headers/ETag"))
      .map(named);
    expect(tagged).toEqual(
      expect.arrayContaining(["GET /v1/campaigns/{id}", "PUT /v1/campaigns/{id}", "PATCH /v1/stores/{id}"]),
    );
    expect(tagged).not.toContain("GET /v1/campaigns");
    for (const placed of operations) {
      const takes = (placed.operation.parameters ?? []).some(({ name }) => name === "If-Match");
      expect(takes, named(placed)).toBe(routeOf(placed).ifMatch === true);
    }
  });

  it("gives objects names that mean something", () => {
    expect(Object.keys(components).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
  });

  it("describes every tag that is used, and no other", () => {
    const used = new Set(operations.flatMap(({ operation }) => operation.tags));
    expect(spec.tags.map(({ name }) => name).sort()).toEqual([...used].sort());
    expect(spec.tags.every(({ description }) => description.length > 10)).toBe(true);
  });

  it("says who may call, as the declaration does", () => {
    for (const placed of operations) {
      const { access } = routeOf(placed);
      const ways = placed.operation.security.map((way) => Object.keys(way).join());
      const expected = { public: [], publishable: ["publishableKey"], user: ["accessToken"] }[access as string];
      expect(ways, named(placed)).toEqual(expected ?? ["accessToken", "secretKey"]);
      for (const way of ways) expect(spec.components.securitySchemes).toHaveProperty(way);
      expect(placed.operation["x-permission"] ?? placed.operation["x-access"]).toBe(access);
    }
  });

  it("names the problems that follow from the declaration", () => {
    const has = (placed: Placed, status: string): boolean => status in placed.operation.responses;
    for (const placed of operations) {
      const route = routeOf(placed);
      expect(has(placed, "429"), named(placed)).toBe(true);
      if (route.access !== "public")
        expect([has(placed, "401"), has(placed, "403")], named(placed)).toEqual([true, true]);
      if (route.path.includes(":")) expect(has(placed, "404"), named(placed)).toBe(true);
      if (route.query || route.body) expect(has(placed, "400"), named(placed)).toBe(true);
      const bounded = Boolean(route.body) || (route.problems?.includes("PAYLOAD_TOO_LARGE") ?? false);
      expect([has(placed, "413"), has(placed, "415")], named(placed)).toEqual([bounded, Boolean(route.body)]);
    }
  });

  it("lets members' changes, and only those, take an Idempotency-Key", () => {
    for (const placed of operations) {
      const { method, access, reads = false } = routeOf(placed);
      const takes = (placed.operation.parameters ?? []).some(({ name }) => name === "Idempotency-Key");
      expect(takes, named(placed)).toBe(method !== "GET" && !reads && access !== "public" && access !== "publishable");
    }
  });
});

describe("the examples", () => {
  it.each(
    operations
      .filter((placed) => placed.operation.requestBody && !routeOf(placed).fileBody)
      .map((placed) => [named(placed), placed] as const),
  )("%s: its example would be accepted", (_, placed) => {
    const schema = Object.values(placed.operation.requestBody?.content ?? {})[0]!.schema;
    const sample = sampleOf(spec, schema, true);
    const result = routeOf(placed).body!.safeParse(sample);
    expect(result.success ? [] : result.error.issues, JSON.stringify(sample)).toEqual([]);
    expect(mismatches(schema as JsonSchema, components, sample)).toEqual([]);
  });

  it("of answers fit their schemas", () => {
    for (const [name, schema] of Object.entries(spec.components.schemas))
      expect(mismatches(schema as JsonSchema, components, sampleOf(spec, schema, false)), name).toEqual([]);
  });

  it("survive a shell", () => {
    const quoted = { ...operations[0]!, operation: { ...operations[0]!.operation } };
    quoted.operation.requestBody = { content: { "application/json": { schema: { const: { name: "Ada's" } } } } };
    expect(curlOf(spec, quoted)).toContain(`"name": "Ada'\\''s"`);
  });
});

describe("the reference page", () => {
  it("escapes whatever is put into it", () => {
    expect(html`<p title="${'"'}">${"<script>&'"}${[html`<b>`, "<"]}${null}${false}${0}</p>`.text).toBe(
      '<p title="&quot;">&lt;script&gt;&amp;&#39;<b>&lt;0</p>',
    );
    const hostile = structuredClone(spec);
    hostile.paths["/v1/carts"]!.get!.summary = '<img src=x onerror="alert(1)">';
    expect(docsPage(hostile)).not.toContain("<img");
  });
});

describe("the checks themselves", () => {
  const money: JsonSchema = { type: "object", properties: { amount: { type: "string" } }, required: ["amount"] };
  const cart: JsonSchema = {
    type: "object",
    properties: { total: { anyOf: [{ $ref: "#/components/schemas/Money" }, { type: "null" }] } },
  };

  it("see what is wrong behind a reference", () => {
    expect(mismatches(cart, { Money: money }, { total: { amount: "1" } })).toEqual([]);
    expect(mismatches(cart, { Money: money }, { total: null })).toEqual([]);
    expect(mismatches(cart, { Money: money }, { total: { amount: 1 } })).toHaveLength(1);
    expect(mismatches(money, {}, {})).toHaveLength(1);
  });

  it("see fields that nobody documented", () => {
    expect(undocumented(cart, { Money: money }, { total: { amount: "1" } })).toEqual([]);
    expect(undocumented(cart, { Money: money }, { total: { amount: "1", vat: 2 } })).toEqual([".total.vat"]);
    expect(undocumented({ type: "array", items: money }, {}, [{ amount: "1" }, { x: 1 }])).toEqual(["[1].x"]);
  });
});
