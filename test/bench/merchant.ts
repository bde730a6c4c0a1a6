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

export async function openStore(url: string): Promise<Merchant> {
  const credentials = { email: "bench@merchant.example", password: "a-password-for-the-bench" };
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
