/** The demo merchant and store, made through the public API alone. Running it again changes nothing. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ApiError, call, Merchant, persist } from "./api.ts";
import { CommandError } from "./command.ts";
import { makeCampaigns } from "./shop/campaigns.ts";

export const DEMO = { email: "demo@cartwake.example", password: "cartwake-demo" } as const;
const STORE = { name: "Oblong", currency: "EUR", timezone: "Europe/Berlin" } as const;

export interface Demo {
  url: string;
  storeId: string;
  /** The publishable key of the storefront. */
  key: string;
  merchant: Merchant;
}

export interface SeedOptions {
  /** What `PATCH /v1/stores/{id}` takes, e.g. `{ abandonAfterMinutes: 0.25 }`; made once per state folder. */
  settings?: Record<string, unknown>;
}

interface Registered {
  store: { id: string };
  publishableKey: string;
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
}

interface Remembered {
  storeId: string;
  key: string;
  /** The settings were made once; what the merchant changed since then stays. */
  settled: boolean;
}

/** Makes or finds the demo store of the server at `url`; remembers its key in the state folder's demo.json. */
export async function seedDemo(url: string, state: string, { settings }: SeedOptions = {}): Promise<Demo> {
  const merchant = new Merchant(url, DEMO.email, DEMO.password);
  const before = remembered(state);
  const made = await register(url, merchant);
  const known = made ?? (await find(merchant, before));
  if (made) await makeCampaigns(merchant);
  const settle = settings !== undefined && !before?.settled;
  const body = { url: `${url}/shop/?key=${known.key}`, ...(settle ? settings : {}) };
  await merchant.call(`/v1/stores/${known.storeId}`, { method: "PATCH", body });
  const demo: Remembered = { ...known, settled: settle || before?.settled === true };
  const text = JSON.stringify({ email: DEMO.email, ...demo }, null, 2);
  writeFileSync(join(state, "demo.json"), `${text}\n`, { mode: 0o600 });
  return { url, merchant, ...known };
}

async function register(url: string, merchant: Merchant): Promise<{ storeId: string; key: string } | null> {
  const body = { ...DEMO, name: "Demo Merchant", store: { ...STORE, url: `${url}/shop/` } };
  try {
    const made = await persist(4, () => call<Registered & Record<string, unknown>>(url, "/auth/register", { body }));
    merchant.use(made);
    return { storeId: made.store.id, key: made.publishableKey };
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return null;
    throw error;
  }
}

type Listed<T> = T[] | { items: T[] };
const itemsOf = <T>(list: Listed<T>): T[] => (Array.isArray(list) ? list : list.items);

async function find(merchant: Merchant, before: Remembered | null): Promise<{ storeId: string; key: string }> {
  const stores = itemsOf(await merchant.call<Listed<{ id: string; name: string }>>("/v1/stores"));
  const store = stores.find(({ name }) => name === STORE.name) ?? stores[0];
  const keys = itemsOf(
    await merchant.call<Listed<{ key?: string; storeId?: string; revokedAt?: string | null }>>("/v1/api-keys"),
  );
  const own = keys.filter(({ storeId, revokedAt }) => !revokedAt && (storeId === undefined || storeId === store?.id));
  const key =
    own.map(({ key }) => key).find((key) => key?.startsWith("cw_pk_")) ??
    (before?.storeId === store?.id ? before?.key : undefined);
  if (!store || !key)
    throw new CommandError("the demo account exists, but not its store or key", "start with a new --state folder");
  return { storeId: store.id, key };
}

function remembered(state: string): Remembered | null {
  try {
    return JSON.parse(readFileSync(join(state, "demo.json"), "utf8")) as Remembered;
  } catch {
    return null;
  }
}
