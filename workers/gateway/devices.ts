/** Browsers that had a session of an account: a stranger who keeps the account locked does not lock them out. */
import { DEVICE_TTL_MS, type KnownDevice, readDevice, signDevice } from "../../shared/auth/device-tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { base64url } from "../../shared/ids.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { forgiveDevice, limitDevice } from "./limits.ts";
import type { Call } from "./route.ts";
import { type Account, findAccount } from "./users.ts";

const COOKIE = "cw_device";
const ID_BYTES = 16;

interface Visit extends KnownDevice {
  email: string;
}

async function deviceOf(request: Request, env: Env): Promise<Visit | null> {
  const token = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];
  if (token === undefined) return null;
  let email = "";
  const device = await readDevice(token, parseConfig(env).AUTH_SECRET, Date.now(), async (userId) => {
    const account = await findAccount(env, userId);
    email = account?.email ?? "";
    return account?.password_hash ?? null;
  });
  return device && { ...device, email };
}

/** The browser of one call. Nothing is asked of anybody before it matters; what a known one tries is counted once. */
export class Visitor {
  readonly #request: Request;
  readonly #env: Env;
  #device: Promise<Visit | null> | null = null;
  #allowed: Promise<boolean> | null = null;

  constructor(request: Request, env: Env) {
    this.#request = request;
    this.#env = env;
  }

  /** Whether it had a session of this account: an id or an e-mail address. One that failed too often is a stranger, too. */
  async isKnownTo(account: string | null): Promise<boolean> {
    this.#device ??= deviceOf(this.#request, this.#env);
    const device = await this.#device;
    if (!device || account === null || (account !== device.userId && account.trim().toLowerCase() !== device.email))
      return false;
    this.#allowed ??= limitDevice(this.#env, device.id).then(({ allowed }) => allowed);
    return this.#allowed;
  }

  /** What it tried was right. */
  async forgive(): Promise<void> {
    const device = await this.#device;
    if (device && (await this.#allowed)) await forgiveDevice(this.#env, device.id);
  }
}

/** For who has just proved to be this account. A device that was known keeps its name. HttpOnly, and for no other site. */
export async function deviceCookie(
  { request, env, url }: Pick<Call, "request" | "env" | "url">,
  { id: userId, password_hash: bound }: Pick<Account, "id" | "password_hash">,
): Promise<string> {
  const known = await deviceOf(request, env);
  const id = known?.userId === userId ? known.id : base64url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  const token = await signDevice({ id, userId }, bound, parseConfig(env).AUTH_SECRET, Date.now());
  const secure = url.protocol === "https:" ? "; Secure" : "";
  const age = DEVICE_TTL_MS / SECOND_MS;
  return `${COOKIE}=${token}; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}
