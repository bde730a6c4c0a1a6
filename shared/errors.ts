/** The stable error codes of the public surface and the one map from code to HTTP status (RFC 9457 problems). */
export const STATUS = {
  VALIDATION_ERROR: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

const TITLE: Record<ErrorCode, string> = {
  VALIDATION_ERROR: "The request is not valid",
  UNAUTHORIZED: "Authentication is required",
  FORBIDDEN: "Not allowed",
  NOT_FOUND: "Not found",
  METHOD_NOT_ALLOWED: "Method not allowed",
  CONFLICT: "Conflict",
  PAYLOAD_TOO_LARGE: "The body is too large",
  UNSUPPORTED_MEDIA_TYPE: "The media type is not supported",
  TOO_MANY_REQUESTS: "Too many requests",
  INTERNAL_ERROR: "Something went wrong on our side",
  SERVICE_UNAVAILABLE: "Temporarily unavailable",
};

export interface FieldError {
  field: string;
  message: string;
  code: string;
}

/** What a handler throws to answer with a problem. `detail` is shown to the client: never put internals in it. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly extra: Record<string, unknown> | undefined;
  /** Headers of the answer, e.g. `allow` or `retry-after`. */
  headers: Record<string, string> = {};

  constructor(code: ErrorCode, detail: string, errors?: FieldError[], extra?: Record<string, unknown>) {
    super(`${code}: ${detail}`);
    this.name = "AppError";
    this.code = code;
    this.detail = detail;
    this.errors = errors;
    this.extra = extra;
  }

  with(headers: Record<string, string>): this {
    this.headers = { ...this.headers, ...headers };
    return this;
  }
}

/** An `application/problem+json` body: `{ type, title, status, detail, code, requestId, errors? }`. */
export function problem(error: AppError, requestId: string): Record<string, unknown> {
  return {
    type: `https://cartwake.dev/problems/${error.code.toLowerCase().replaceAll("_", "-")}`,
    title: TITLE[error.code],
    status: STATUS[error.code],
    detail: error.detail,
    code: error.code,
    requestId,
    ...(error.errors ? { errors: error.errors } : {}),
    ...error.extra,
  };
}
