import type { Store } from "./types.ts";

/**
 * Wraps a browser storage so that it never throws. Private mode, a full quota or blocked cookies degrade to memory:
 * the page still works, it only forgets at its end. `open` is a function because reading `window.localStorage` can throw by itself.
 */
export function safeStore(open: () => Storage | undefined): Store {
  const memory = new Map<string, string>();
  const attempt = <T>(use: (storage: Storage) => T): T | undefined => {
    try {
      const storage = open();
      return storage && use(storage);
    } catch {
      return undefined;
    }
  };
  return {
    // Memory first: a key is there only while the storage refuses it.
    get: (key) => memory.get(key) ?? attempt((s) => s.getItem(key)) ?? null,
    set(key, value) {
      const stored = attempt((s) => {
        s.setItem(key, value);
        return true;
      });
      if (stored) memory.delete(key);
      else memory.set(key, value);
    },
    remove(key) {
      memory.delete(key);
      attempt((s) => s.removeItem(key));
    },
    keys: () => [...new Set([...memory.keys(), ...(attempt((s) => Object.keys(s)) ?? [])])],
  };
}

/** Parses stored JSON; anything unreadable is as good as absent. */
export function readJson<T>(store: Store, key: string): T | null {
  try {
    return JSON.parse(store.get(key) ?? "null");
  } catch {
    return null;
  }
}
