/**
 * `npm run bench -- auth`: what it costs to know who is calling. Verification alone in the runtime; an authenticated
 * route through the whole pipeline beside a public one and beside a bare Worker; a login. Interleaved rounds of one run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createPair, signToken } from "../../objects/keyring/keys.ts";
import { KEY_ALGORITHMS, type KeyAlgorithm } from "../../shared/auth/tokens.ts";
import { build } from "../../workers/cli/build.ts";
import { DIST } from "../../workers/cli/paths.ts";
import { bundleOf, type Contender, startContender } from "./contender.ts";
import { closedLoop, percentile } from "./load.ts";
import { type Merchant, openStore, unhurried } from "./merchant.ts";
import { besideFlood, type NeighbourSlice, neighbourSeconds } from "./neighbour.ts";
import type { Progress } from "./progress.ts";
import type { VerifyRequest } from "./verify-request.ts";

const CLIENTS = 32;
/** Callers take turns: each is limited by itself. */
const CALLERS = 16;
const LOGIN_CLIENTS = 4;
const RAMP_MS = 700;

export const VERIFIERS = ["hmac", ...KEY_ALGORITHMS, "javascript"] as const;
export type Verifier = (typeof VERIFIERS)[number];
export const ROUTES = ["hello", "public", "authenticated", "login"] as const;
export type Route = (typeof ROUTES)[number];

export interface AuthOptions {
  rounds: number;
  seconds: number;
}

export interface VerifySlice {
  name: Verifier;
  round: number;
  /** The runtime's processor time for one verification. */
  cpuUs: number;
}

export interface RouteSlice {
  name: Route;
  round: number;
  requestsPerSecond: number;
  p50: number;
  p99: number;
  /** The runtime's processor time for one request. */
  cpuMs: number;
}

export interface AuthReport {
  rounds: number;
  verifications: VerifySlice[];
  routes: RouteSlice[];
  neighbours: NeighbourSlice[];
}

export const plannedAuthSeconds = ({ rounds, seconds }: AuthOptions): number =>
  Math.round(
    10 + rounds * (VERIFIERS.length * 3 + ROUTES.length * (seconds + RAMP_MS / 1000 + 2) + neighbourSeconds(seconds)),
  );

export async function benchAuth(options: AuthOptions, progress: Progress): Promise<AuthReport> {
  await build({ log: () => {} });
  const folder = mkdtempSync(join(DIST, "bench-"));
  const started: Contender[] = [];
  try {
    progress.step(0, "starting");
    started.push(await startContender(folder, "bare", { script: await bundleOf(folder, "auth-worker"), bare: true }));
    started.push(await startContender(folder, "product"));
    const [bare, product] = started as [Contender, Contender];
    const requests = await verifyRequests();
    const store = (name: string) => openStore(product.url, name);
    const callers: Merchant[] = [];
    for (let i = 0; i < CALLERS; i++) callers.push(await unhurried(product.url, await store(`caller-${i}`)));
    const targets = targetsOf(bare, product, callers);
    const [flooder, neighbour] = [await store("flooder"), await unhurried(product.url, await store("neighbour"))];
    const report: AuthReport = { rounds: options.rounds, verifications: [], routes: [], neighbours: [] };
    await warmUp(bare, requests);
    progress.step(10, "rounds");
    for (let round = 0; round < options.rounds; round++) {
      const order = <T>(names: readonly T[]): T[] => (round % 2 ? names.toReversed() : [...names]);
      for (const name of order(VERIFIERS)) {
        progress.step(0, `round ${round + 1} of ${options.rounds}: verify, ${name}`);
        report.verifications.push({ name, round, cpuUs: await verifyCost(bare, name, requests[name]) });
        progress.step(3, "");
      }
      for (const name of order(ROUTES)) {
        progress.step(0, `round ${round + 1} of ${options.rounds}: ${name}`);
        report.routes.push(await runRoute(targets[name], name, round, options.seconds));
        progress.step(options.seconds + RAMP_MS / 1000 + 2, "");
      }
      progress.step(0, `round ${round + 1} of ${options.rounds}: a flood beside a neighbour`);
      report.neighbours.push(await besideFlood(product.url, flooder, neighbour, options.seconds));
      progress.step(neighbourSeconds(options.seconds), "");
    }
    return report;
  } finally {
    for (const contender of started) await contender.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One token of each kind of key, with the claims that the product's tokens have, and the key set to verify it with. */
async function verifyRequests(): Promise<Record<Verifier, VerifyRequest>> {
  const kid = "key_0123456789abcdefghij";
  const made = async (alg: KeyAlgorithm): Promise<VerifyRequest> => {
    const { open, secret } = await createPair(alg, kid);
    const claims = { email: "bench@merchant.example", storeId: "st_bench", role: "store_owner", sid: "fam_bench" };
    const token = await signToken(secret, alg, kid, {
      subject: "us_bench",
      claims,
      jti: "tok_bench",
      now: Date.now(),
    });
    return { how: "product", token, jwks: { keys: [open as VerifyRequest["jwks"]["keys"][number]] } };
  };
  const [es256, eddsa, paseto] = await Promise.all([made("ES256"), made("EdDSA"), made("v4.public")]);
  return {
    hmac: { ...es256, how: "hmac" },
    ES256: es256,
    EdDSA: eddsa,
    "v4.public": paseto,
    javascript: { ...paseto, how: "javascript" },
  };
}

/** How often a verifier runs in one slice: about a second of processor time. */
const timesOf = (name: Verifier): number => ({ hmac: 200_000, javascript: 150 })[name as string] ?? 8_000;

async function verify({ url }: Contender, request: VerifyRequest, n: number): Promise<void> {
  const response = await fetch(`${url}/verify?n=${n}`, { method: "POST", body: JSON.stringify(request) });
  if (response.status !== 200) throw new Error(`verification failed: ${response.status} ${await response.text()}`);
}

async function warmUp(bare: Contender, requests: Record<Verifier, VerifyRequest>): Promise<void> {
  for (const name of VERIFIERS) await verify(bare, requests[name], Math.ceil(timesOf(name) / 10));
}

async function verifyCost(bare: Contender, name: Verifier, request: VerifyRequest): Promise<number> {
  const before = bare.cpuMs();
  await verify(bare, request, timesOf(name));
  return ((bare.cpuMs() - before) * 1000) / timesOf(name);
}

interface Target {
  contender: Contender;
  url: string;
  clients: number;
  method: string;
  /** One after another. */
  headers: Record<string, string>[];
  body: string;
}

const bearer = ({ accessToken }: Merchant) => ({ authorization: `Bearer ${accessToken}` });

function targetsOf(bare: Contender, product: Contender, merchants: Merchant[]): Record<Route, Target> {
  const get = (contender: Contender, path: string, headers: Target["headers"] = [{}]): Target => ({
    contender,
    url: contender.url + path,
    clients: CLIENTS,
    method: "GET",
    headers,
    body: "",
  });
  const { email, password } = merchants[0]!.credentials;
  return {
    hello: get(bare, "/"),
    public: get(product, "/health/live"),
    authenticated: get(product, "/auth/me", merchants.map(bearer)),
    login: {
      ...get(product, "/auth/login", [{ "content-type": "application/json" }]),
      method: "POST",
      clients: LOGIN_CLIENTS,
      body: JSON.stringify({ email, password }),
    },
  };
}

async function runRoute(target: Target, name: Route, round: number, seconds: number): Promise<RouteSlice> {
  const { contender, url, clients, method, headers, body } = target;
  const cpuBefore = contender.cpuMs();
  const measureFrom = performance.now() + RAMP_MS;
  const until = measureFrom + seconds * 1000;
  let all = 0;
  let turn = 0;
  const load = await closedLoop({
    url,
    clients,
    measureFrom,
    next: () => (performance.now() < until ? { method, headers: headers[turn++ % headers.length]!, body } : null),
    check: (_, { status, body: text }) => {
      if (status !== 200) throw new Error(`${name}: ${status} ${text.slice(0, 300)}`);
      all += 1;
    },
  });
  await contender.settle();
  return {
    name,
    round,
    requestsPerSecond: load.latencies.length / load.seconds,
    p50: percentile(load.latencies, 0.5),
    p99: percentile(load.latencies, 0.99),
    cpuMs: (contender.cpuMs() - cpuBefore) / all,
  };
}
