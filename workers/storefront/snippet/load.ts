import type { Extra, ScriptData } from "./types.ts";

/** Where `cartwake-offer.js` leaves what it makes: a property of the global function, so that no other name is taken. */
export interface ExtraSlot {
  extra?: (data: ScriptData) => Extra;
}

/** Loads the drawing code when it is first needed; a failure may be tried again. */
export function loadExtra(script: HTMLScriptElement, slot: () => ExtraSlot | undefined): () => Promise<Extra> {
  let loading: Promise<Extra> | null = null;
  return () => {
    loading ??= new Promise<Extra>((resolve, reject) => {
      const element = document.createElement("script");
      element.src = script.src.replace("cartwake.js", "cartwake-offer.js");
      // A page whose policy goes by nonces trusts what a trusted script brings along only with the same one.
      element.nonce = script.nonce;
      element.onload = () => {
        const extra = slot()?.extra;
        if (extra) resolve(extra({ ...script.dataset }));
        else reject(new Error("cartwake-offer.js did not start"));
      };
      element.onerror = reject;
      document.head.append(element);
    }).catch((error) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}
