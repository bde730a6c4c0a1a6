import type { ScriptData } from "../types.ts";
import { styleOf } from "./style.ts";

type Child = Node | string | null | false;

/** An element with attributes and children. Text goes in as text, never as markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

export function button(style: string, label: string, pressed: () => void): HTMLButtonElement {
  const element = h("button", { type: "button", class: style }, label);
  element.addEventListener("click", pressed);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
function cross(): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 18 18");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M3 3l12 12M15 3L3 15");
  svg.append(path);
  return svg;
}

export interface Words {
  headline: string;
  text: string;
  locale: string;
  /** The name of the cross. */
  close: string;
}

/** A constructed sheet needs no permission of the page's policy; a browser too old for those gets an element. */
function dress(root: ShadowRoot, css: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(h("style", {}, css));
  }
}

/**
 * A dialog in the top layer, so that no stacking order of the page's can cover it and a modal dialog of the page's cannot make it inert.
 * It stands outside the flow, at the end of the document: nothing moves. Closing gives the focus back.
 */
export function openDialog(
  data: ScriptData,
  { headline, text, locale, close: closing }: Words,
  fill: (body: HTMLElement) => void,
  dismissed: () => void,
): { dialog: HTMLDialogElement; close: () => void } {
  const host = h("cartwake-offer" as "div");
  const root = host.attachShadow({ mode: "open" });
  dress(root, styleOf(data));
  const exit = button("x", "", dismissed);
  exit.setAttribute("aria-label", closing);
  exit.append(cross());
  const body = h("div", { class: "body" }, h("div", { class: "top" }, h("h2", { id: "headline" }, headline), exit));
  const dialog = h(
    "dialog",
    {
      role: "dialog",
      "aria-modal": "true",
      "aria-labelledby": "headline",
      ...(text ? { "aria-describedby": "text" } : {}),
      lang: locale,
      dir: "auto",
      tabindex: "-1",
      "data-position": data.position ?? "corner",
    },
    body,
  );
  fill(body);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    dismissed();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dismissed()); // beside it
  dialog.addEventListener("keydown", (event) => {
    // The shop's own shortcuts are not meant.
    event.stopPropagation();
    if (event.key !== "Tab") return;
    const stops = [...dialog.querySelectorAll("button")];
    const [first, last] = [stops[0], stops.at(-1)];
    const at = root.activeElement;
    if (event.shiftKey ? at === first || at === dialog : at === last) {
      event.preventDefault();
      (event.shiftKey ? last : first)?.focus();
    }
  });
  root.append(dialog);
  document.documentElement.append(host);
  dialog.showModal();
  dialog.focus(); // not a button: a key that was meant for the page must press nothing
  return {
    dialog,
    close() {
      dialog.close();
      host.remove();
    },
  };
}
