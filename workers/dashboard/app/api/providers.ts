/** The store's own providers. */
import type { Channel } from "../../../../shared/views.ts";
import { call, get, one, type Page } from "./client.ts";

export interface Provider {
  id: string;
  channel: Channel;
  kind: string;
  position: number;
  from: { email: string; name: string | null } | null;
  settings: Record<string, unknown>;
  /** The last characters of the credential. */
  hint: string;
  enabled: boolean;
  /** `null` for kinds that report nothing. */
  callbackUrl: string | null;
  /** Of the circuit around its calls: `open` while it fails and is passed by. `null`: it has several. */
  breaker?: "closed" | "open" | "half_open" | null;
  version: number;
  createdAt: string;
  updatedAt: string;
}

export interface NewProvider {
  kind: string;
  channel: Channel;
  from?: { email: string; name: string | null };
  settings: Record<string, string>;
  credentials: Record<string, string>;
}

export interface ProviderChange {
  from?: { email: string; name: string | null };
  position?: number;
  enabled?: boolean;
  settings?: Record<string, string | null>;
  credentials?: Record<string, string | null>;
}

export interface ProviderVerdict {
  outcome: "sent" | "refused" | "unknown";
  messageId: string | null;
  reason: string | null;
  retryable: boolean;
  ms: number;
}

export type TestRecipient = { to: string } | { target: { kind: string } & Record<string, string> };

const PATH = "/v1/providers";

export const listProviders = () => get<Page<Provider>>(PATH);
export const addProvider = (given: NewProvider) => call<Provider>("POST", PATH, given);
export const changeProvider = ({ id, version }: Provider, change: ProviderChange) =>
  call<Provider>("PATCH", one(PATH, id), change, version);
export const removeProvider = (id: string) => call("DELETE", one(PATH, id));
export const testProvider = (id: string, recipient: TestRecipient) =>
  call<ProviderVerdict>("POST", `${one(PATH, id)}/test`, recipient);
