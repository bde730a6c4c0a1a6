/** One request to the API; every failure comes out as a `Problem`. */
export interface ProblemField {
  field: string;
  message: string;
}

/** A `application/problem+json` answer, or our own for a server that could not be reached (`OFFLINE`, status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  readonly fields: ProblemField[];

  constructor(from: {
    status: number;
    code: string;
    title: string;
    detail?: string;
    requestId?: string;
    fields?: ProblemField[];
  }) {
    super(from.detail || from.title);
    this.status = from.status;
    this.code = from.code;
    this.title = from.title;
    this.requestId = from.requestId ?? null;
    this.fields = from.fields ?? [];
  }
}

export interface Sending {
  method?: "GET" | "POST";
  body?: unknown;
  token?: string | null;
}

export async function send<T>(path: string, { method = "GET", body, token }: Sending = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
    });
    text = await response.text();
  } catch {
    throw new Problem({
      status: 0,
      code: "OFFLINE",
      title: "Cartwake cannot be reached",
      detail: "Check the connection and try again.",
    });
  }
  if (!response.ok) throw toProblem(response.status, text, response.headers.get("retry-after"));
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** Reads a problem document; a proxy's HTML or an empty body still becomes a sentence. */
export function toProblem(status: number, text: string, retryAfter: string | null = null): Problem {
  const body = parseObject(text);
  const string = (key: string) => (typeof body[key] === "string" ? (body[key] as string) : undefined);
  const wait = status === 429 && retryAfter && /^\d+$/.test(retryAfter) ? ` (try again in ${retryAfter} s)` : "";
  const fields = Array.isArray(body.errors)
    ? body.errors.filter(
        (error): error is ProblemField => typeof error?.field === "string" && typeof error?.message === "string",
      )
    : [];
  return new Problem({
    status,
    code: string("code") ?? "UNEXPECTED",
    title: string("title") ?? `The server answered ${status}`,
    detail: `${string("detail") ?? string("title") ?? "Try again in a moment."}${wait}`,
    requestId: string("requestId"),
    fields,
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
