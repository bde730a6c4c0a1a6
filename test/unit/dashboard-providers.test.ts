import { expect, it } from "vitest";
import { PROVIDER_KINDS, setupSchema } from "../../shared/providers.ts";
import { aboutKind, KINDS, setupOf } from "../../workers/dashboard/app/views/settings/provider-kinds.ts";
import { PROVIDERS } from "../support/providers/index.ts";

it("the forms know every kind of provider that the server knows", () => {
  for (const kind of PROVIDER_KINDS) expect(KINDS).toHaveProperty(kind);
});

it.each(PROVIDERS.map((provider) => [provider.kind, provider] as const))(
  "the form of %s asks for all that it needs, and sends each value where it belongs",
  (kind, provider) => {
    const { settings, credentials } = provider.setup("http://127.0.0.1:1");
    const values = { ...settings, ...credentials } as Record<string, string>;
    const fields = aboutKind(kind).fields.map(({ name }) => name);
    expect(fields).toEqual(expect.arrayContaining(Object.keys(values).filter((name) => name !== "endpoint")));
    const given = setupOf(kind, (name) => values[name] ?? "");
    expect(setupSchema.safeParse({ kind, ...given }).error).toBeUndefined();
    const needed = aboutKind(kind).fields.filter(({ optional }) => !optional);
    const least = setupOf(kind, (name) => (needed.some((field) => field.name === name) ? (values[name] ?? "") : ""));
    expect(setupSchema.safeParse({ kind, ...least }).error).toBeUndefined();
  },
);
