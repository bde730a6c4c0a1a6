/** What must not stand in the audit log. Pure. */

/** The last words of names whose values open something. */
const SECRET =
  /(?:password|passwd|passphrase|secret|token|credential|authorization|cookie|signature|otp|hash|key|(?:recovery|backup)_?code)s?$/i;

/** Public, or no credential at all, although the name ends like one. */
const OPEN = /^(?:publishable_?key|idempotency_?key|message_?key)$/i;

const HIDDEN = "[redacted]";

/**
 * A copy in which the values of fields named like secrets (`password`, `accessToken`, `api_key`, …) are replaced, however
 * deep they are. `null` stays: that a secret was set or removed may be seen.
 */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isSecret(name) ? hidden(inner) : redacted(inner)]),
  );
}

const isSecret = (name: string): boolean => SECRET.test(name) && !OPEN.test(name);

const hidden = (value: unknown): unknown => (value === null || value === undefined ? value : HIDDEN);
