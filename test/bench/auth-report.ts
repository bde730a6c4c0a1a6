/** The auth benchmark's tables, and its one line for machines. */
import { type AuthReport, ROUTES, type Route, type RouteSlice, VERIFIERS, type Verifier } from "./auth.ts";
import { median } from "./load.ts";
import { type NeighbourSummary, neighbourSummaryOf, neighbourTable } from "./neighbour.ts";
import { number, table, times } from "./table.ts";

const VERIFIER_LABELS: Record<Verifier, string> = {
  hmac: "floor: an HMAC of the same bytes",
  ES256: "JWT, ES256",
  EdDSA: "JWT, EdDSA",
  "v4.public": "PASETO v4.public",
  javascript: "PASETO v4.public, paseto-ts in JavaScript",
};

const ROUTE_LABELS: Record<Route, string> = {
  hello: "bare Worker",
  public: "GET /health/live",
  authenticated: "GET /auth/me (token, one D1 read)",
  login: "POST /auth/login (scrypt)",
};

/** A verification must cost less. */
const LIMIT_US = 1_000;

export interface AuthSummary {
  bench: "auth";
  rounds: number;
  verifyCpuUs: Record<Verifier, number>;
  verifyToHmac: Record<string, number>;
  verifyUnderMillisecond: boolean;
  routes: Record<Route, Omit<RouteSlice, "name" | "round">>;
  ratios: { authenticatedToPublic: number; authenticatedToHello: number; publicToHello: number };
  neighbour: NeighbourSummary;
}

export function authSummaryOf(report: AuthReport): AuthSummary {
  const { verifications, routes, rounds } = report;
  const cost = (name: Verifier): number =>
    round(median(verifications.filter((s) => s.name === name).map((s) => s.cpuUs)));
  const mid = (name: Route, value: (slice: RouteSlice) => number): number =>
    round(median(routes.filter((s) => s.name === name).map(value)));
  /** The median over rounds of one route's requests/s divided by another's in the same round. */
  const ratio = (name: Route, to: Route): number =>
    round(
      median(
        routes
          .filter((slice) => slice.name === name)
          .map((slice) => {
            const base = routes.find((other) => other.name === to && other.round === slice.round)!;
            return slice.requestsPerSecond / base.requestsPerSecond;
          }),
      ),
    );
  const verifyCpuUs = Object.fromEntries(VERIFIERS.map((name) => [name, cost(name)])) as AuthSummary["verifyCpuUs"];
  return {
    bench: "auth",
    rounds,
    verifyCpuUs,
    verifyToHmac: Object.fromEntries(VERIFIERS.slice(1).map((name) => [name, round(cost(name) / cost("hmac"))])),
    verifyUnderMillisecond: (["ES256", "EdDSA", "v4.public"] as const).every((name) => verifyCpuUs[name] < LIMIT_US),
    routes: Object.fromEntries(
      ROUTES.map((name) => [
        name,
        {
          requestsPerSecond: mid(name, (s) => s.requestsPerSecond),
          p50: mid(name, (s) => s.p50),
          p99: mid(name, (s) => s.p99),
          cpuMs: mid(name, (s) => s.cpuMs),
        },
      ]),
    ) as AuthSummary["routes"],
    ratios: {
      authenticatedToPublic: ratio("authenticated", "public"),
      authenticatedToHello: ratio("authenticated", "hello"),
      publicToHello: ratio("public", "hello"),
    },
    neighbour: neighbourSummaryOf(report.neighbours),
  };
}

const round = (value: number): number => Math.round(value * 1e3) / 1e3;

export function authTablesOf(report: AuthReport): string {
  const { verifyCpuUs, verifyToHmac, routes, ratios, rounds, neighbour } = authSummaryOf(report);
  const limit = (name: Verifier): string => {
    if (name === "hmac" || name === "javascript") return "";
    return verifyCpuUs[name] < LIMIT_US ? "< 1 ms: yes" : "< 1 ms: NO";
  };
  return [
    table(
      `Verifying one access token, in the runtime: medians of ${rounds} rounds`,
      ["", "CPU µs", "to the HMAC", "aim"],
      VERIFIERS.map((name) => [
        VERIFIER_LABELS[name],
        number(verifyCpuUs[name], 1),
        name === "hmac" ? "" : times(verifyToHmac[name]!),
        limit(name),
      ]),
    ),
    table(
      `Requests through the pipeline: medians of ${rounds} rounds`,
      ["", "requests/s", "p50 ms", "p99 ms", "CPU ms a request"],
      ROUTES.map((name) => {
        const route = routes[name];
        return [
          ROUTE_LABELS[name],
          number(route.requestsPerSecond, name === "login" ? 1 : 0),
          number(route.p50, 1),
          number(route.p99, 1),
          number(route.cpuMs, 2),
        ];
      }),
    ),
    table(
      "Ratios within the run, of requests/s",
      ["", "ratio"],
      [
        ["authenticated : public", times(ratios.authenticatedToPublic)],
        ["authenticated : bare Worker", times(ratios.authenticatedToHello)],
        ["public : bare Worker", times(ratios.publicToHello)],
      ],
    ),
    neighbourTable(neighbour),
  ].join("\n\n\n");
}
