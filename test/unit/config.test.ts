import { describe, expect, it } from "vitest";
import { parseConfig } from "../../shared/config.ts";

const SECRETS = { LINK_SECRET: "a-link-secret-of-ours", AUTH_SECRET: "an-auth-secret-of-ours" };

describe("the environment", () => {
  it.each(["LINK_SECRET", "AUTH_SECRET"])(
    "the local %s is refused in production, and the error says what to do",
    (key) => {
      const env = { ...SECRETS, [key]: "local-only-secret-change-me" };
      for (const ENVIRONMENT of ["production", "staging", undefined])
        expect(() => parseConfig({ ...env, ENVIRONMENT })).toThrow(
          new RegExp(`^configuration: ${key} .*npm run deploy`),
        );
      for (const ENVIRONMENT of ["local", "test"]) expect(parseConfig({ ...env, ENVIRONMENT })).toMatchObject(env);
    },
  );

  it("secrets of one's own are taken, missing ones are named", () => {
    expect(parseConfig({ ENVIRONMENT: "production", ...SECRETS })).toMatchObject(SECRETS);
    expect(() => parseConfig({ LINK_SECRET: SECRETS.LINK_SECRET })).toThrow("AUTH_SECRET");
  });
});
