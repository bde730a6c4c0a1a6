/** On a phone the columns lie side by side and snap; this knows which one is in view and brings another there. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ColumnName } from "../live/apply.ts";

export function useShownColumn(board: RefObject<HTMLElement | null>): {
  shown: ColumnName;
  show(name: ColumnName): void;
} {
  const [shown, setShown] = useState<ColumnName>("active");
  useEffect(() => {
    const root = board.current;
    if (!root) return;
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) setShown(entry.target.id.replace("column-", "") as ColumnName);
        }
      },
      // A strip down the middle: exactly one column crosses it at rest.
      { root, rootMargin: "0px -49% 0px -49%" },
    );
    for (const column of root.children) observer.observe(column);
    return () => observer.disconnect();
  }, [board]);
  const show = (name: ColumnName) => {
    const column = board.current?.querySelector<HTMLElement>(`#column-${name}`);
    if (!column || !board.current) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    board.current.scrollTo({
      left: column.offsetLeft - board.current.clientLeft,
      behavior: calm ? "instant" : "smooth",
    });
  };
  return { shown, show };
}
