/**
 * Lets cards glide to where they now belong (first, last, invert, play). Positions are layout offsets inside the board: neither
 * scrolling nor an animation under way disturbs them. Nobody who asked for reduced motion sees any.
 */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Place {
  left: number;
  top: number;
  tone: string | undefined;
}

const GLIDE: KeyframeAnimationOptions = { duration: 520, easing: "cubic-bezier(0.22, 0.8, 0.24, 1)" };
const APPEAR: KeyframeAnimationOptions = { duration: 360, easing: "ease-out" };
/** Farther than this a glide is a blur across the page; the card fades in instead. */
const FARTHEST_PX = 1_600;

export function useBoardMotion(board: RefObject<HTMLElement | null>, ready: boolean): void {
  const before = useRef<Map<string, Place> | null>(null);
  useLayoutEffect(() => {
    if (!board.current || !ready) return;
    const after = new Map<string, Place>();
    const cards = [...board.current.querySelectorAll<HTMLElement>("[data-move]")];
    for (const card of cards) {
      after.set(card.dataset.move!, { left: card.offsetLeft, top: card.offsetTop, tone: card.dataset.tone });
    }
    const old = before.current;
    before.current = after;
    if (!old || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const card of cards) play(card, old.get(card.dataset.move!), after.get(card.dataset.move!)!);
  });
}

function play(card: HTMLElement, from: Place | undefined, to: Place): void {
  if (!from) {
    card.animate(
      [
        { opacity: 0, transform: "translateY(-8px)" },
        { opacity: 1, transform: "none" },
      ],
      APPEAR,
    );
    return;
  }
  const moved = from.tone !== to.tone;
  const x = from.left - to.left;
  const y = from.top - to.top;
  if (moved) ring(card);
  if (x === 0 && y === 0) return;
  if (Math.hypot(x, y) > FARTHEST_PX) card.animate([{ opacity: 0 }, { opacity: 1 }], APPEAR);
  else {
    const zIndex = moved ? 2 : 1;
    card.animate(
      [
        { transform: `translate(${x}px, ${y}px)`, zIndex },
        { transform: "none", zIndex },
      ],
      GLIDE,
    );
  }
}

/** A card that changed its column is outlined in the new colour for a moment, so that the eye can follow. */
function ring(card: HTMLElement): void {
  const at = (opacity: number) => ({ boxShadow: `0 0 0 3px color-mix(in srgb, var(--tone) ${opacity}%, transparent)` });
  card.animate([at(75), at(75), at(0)], { duration: 2_200, easing: "ease-in" });
}
