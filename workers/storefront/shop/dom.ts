type Child = Node | string | number | null | undefined | false;

interface Props {
  class?: string;
  testid?: string;
  on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
  [attribute: string]: unknown;
}

/** An element with attributes, listeners and children. Text goes in as text, never as markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value as object)) element.addEventListener(type, listener);
    } else if (value !== false && value != null) {
      element.setAttribute(name === "testid" ? "data-testid" : name, value === true ? "" : String(value));
    }
  }
  element.append(
    ...children.filter((child) => child != null && child !== false).map((child) => child as Node | string),
  );
  return element;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element as T;
}

/** Says something to those who hear the page instead of seeing it. */
export function announce(text: string): void {
  byId("announce").textContent = text;
}
