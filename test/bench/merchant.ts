import { MAX_LIMIT } from "../../shared/policy/limits.ts";

/** A merchant with one store, made through the public API. */
export interface Merchant {
  /** Where its storefront sends beacons. */
  beacons: string;
  storeId: string;
  accessToken: string;
  credentials: { email: string; password: string };
  usage(): Promise<Usage>;
}

export interface Usage {
  events: { accepted: number; duplicates: number; rejected: number };
  rowsWritten: number;
}

export async function openStore(url: string, name = "bench"): Promise<Merchant> {
  const credentials = { email: `${name}@merchant.example`, password: "a-password-for-the-bench" };
  const response = await fetch(`${url}/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...credentials,
      store: { name: "Bench", url: "https://shop.example", currency: "EUR", timezone: "Europe/Berlin" },
    }),
  });
  if (response.status !== 201) throw new Error(`no store: ${response.status} ${await response.text()}`);
  const made = (await response.json()) as { store: { id: string }; publishableKey: string; accessToken: string };
  return {
    beacons: `${url}/v1/events?key=${made.publishableKey}`,
    storeId: made.store.id,
    accessToken: made.accessToken,
    credentials,
    async usage() {
      const reply = await fetch(`${url}/v1/usage`, { headers: { authorization: `Bearer ${made.accessToken}` } });
      return (await reply.json()) as Usage;
    },
  };
}

/** Lets the store's callers call as often as a limit may allow: their hop to the limiter is measured, not its refusals. */
export async function unhurried(url: string, merchant: Merchant): Promise<Merchant> {
  const { status } = await fetch(`${url}/v1/stores/${merchant.storeId}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${merchant.accessToken}`, "content-type": "application/json" },
    body: JSON.stringify({ rateLimits: { apiPerMinute: MAX_LIMIT } }),
  });
  if (status !== 200) throw new Error(`the store kept its limit: ${status}`);
  return merchant;
}
