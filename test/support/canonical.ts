/** JSON with sorted keys; zeros and what holds nothing else (a revenue refunded in full) are no difference. */
export function canonical(value: unknown): string | undefined {
  if (value === 0) return undefined;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).flatMap(([key, inner]) => {
    const text = canonical(inner);
    return text === undefined ? [] : [`${key}:${text}`];
  });
  return fields.length > 0 ? `{${fields.sort().join()}}` : undefined;
}
