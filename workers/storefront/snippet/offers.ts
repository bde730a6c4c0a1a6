/**
 * On-site offers that came with a reply. The page hears of each as `cartwake:offer`, and may take it over with
 * `preventDefault()`; what nobody took over is returned, for whoever draws it.
 */
export function announceOffers(offers: unknown[] | undefined): unknown[] {
  return (offers ?? []).filter((offer) => announce("offer", offer));
}

/** Dispatches `cartwake:<name>` on the document; false when a listener prevented the default. */
export const announce = (name: string, detail: unknown): boolean =>
  document.dispatchEvent(new CustomEvent(`cartwake:${name}`, { detail, bubbles: true, cancelable: true }));
