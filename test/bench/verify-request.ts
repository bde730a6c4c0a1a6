/** What the auth benchmark asks of its Worker: one token, and how to verify it. */
export interface VerifyRequest {
  /** `javascript`: by paseto-ts. */
  how: "product" | "hmac" | "javascript";
  token: string;
  jwks: { keys: { kid: string; alg: string; kty: string; x: string }[] };
}
