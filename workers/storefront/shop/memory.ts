/** What the shop remembers on this device. Blocked storage means a shorter memory, not a broken shop. */
export function recall<T>(key: string, area: () => Storage = () => localStorage): T | null {
  try {
    return JSON.parse(area().getItem(`oblong.${key}`) ?? "null");
  } catch {
    return null;
  }
}

export function remember(key: string, value: unknown, area: () => Storage = () => localStorage): void {
  try {
    area().setItem(`oblong.${key}`, JSON.stringify(value));
  } catch {
    // Then not.
  }
}
