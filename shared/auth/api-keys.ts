/**
 * API keys: `cw_pk_…` (publishable, in the shop's pages) and `cw_sk_…` (secret, scoped). A key is found by its hash
 * (`shared/db/api-keys.ts`): one indexed read, whose time tells nothing about the key, for nobody can aim at a hash. The
 * prefix that is kept of a secret key is for people, to know it again in a list; nothing is looked up by it.
 */
import { newSecret } from "../ids.ts";
import { HOUR_MS } from "../time.ts";

export interface ApiKey {
  id: string;
  storeId: string;
  kind: "publishable" | "secret";
  scopes: string[];
  /** Pages of other origins may not use it; empty: wherever the store allows. */
  allowedOrigins: string[];
  /** From here on it opens nothing. */
  expiresAt: number | null;
  /** To the hour. */
  lastUsedAt: number | null;
}

export const looksLikeKey = (key: string): boolean => /^cw_(pk|sk)_[A-Za-z0-9_-]{20,80}$/.test(key);

export const newKey = (kind: ApiKey["kind"]): string => `cw_${kind === "secret" ? "sk" : "pk"}_${newSecret()}`;

/** What is kept of a key to show it: secret ones only as their first characters. */
export const shownOf = (kind: ApiKey["kind"], key: string): string => (kind === "secret" ? key.slice(0, 12) : key);

/** Whether `lastUsedAt` is old enough to be written again. */
export const isUseNews = (key: ApiKey, now: number): boolean =>
  key.lastUsedAt === null || key.lastUsedAt <= now - HOUR_MS;
