/** The template as it is being written, with a cart: rendered, or what is wrong with it. */
import { useEffect, useRef } from "preact/hooks";
import { canonicalLocale } from "../../../../../shared/locale.ts";
import type { Problem, ProblemField } from "../../api/http.ts";
import { previewTemplate, type Rendered, type TemplateInput } from "../../api/templates.ts";
import { useResource, useSoon } from "../../live/resource.ts";
import { type PreviewCart, usePreviewCart } from "../editing/preview-cart.tsx";

/** Of writing, between one preview and the next. */
const PAUSE_MS = 500;

export interface Preview {
  cart: PreviewCart;
  /** The last that could be rendered; what is written now may be wrong. */
  rendered: Rendered | null;
  faults: readonly ProblemField[];
  /** Why there is none that has nothing to do with what is written. */
  problem: Problem | null;
  reload(): void;
}

const NONE: readonly ProblemField[] = [];

/** `locale`: whose words; `null`: its own. */
export function usePreview(draft: TemplateInput, locale: string | null): Preview {
  const cart = usePreviewCart();
  const { cartId } = cart;
  const { data, problem, reload } = useResource(`preview ${cartId !== undefined}`, async () =>
    cartId === undefined
      ? null
      : // A name is asked for when it is saved.
        previewTemplate(
          { ...draft, name: draft.name || "Preview" },
          { cartId, shopperLocale: canonicalLocale(locale ?? draft.locale) ?? undefined },
        ),
  );
  const soon = useSoon(reload, PAUSE_MS);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) soon();
    // The first is read as soon as it is known which cart it is with.
    first.current = cartId === undefined;
  }, [draft, cartId, locale]);
  const isFault = problem?.status === 400 && problem.fields.length > 0;
  return {
    cart,
    rendered: data,
    faults: isFault ? problem.fields : NONE,
    problem: isFault ? null : problem,
    reload,
  };
}
