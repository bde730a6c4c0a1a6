import { h } from "../dom.ts";

export interface Field {
  element: HTMLElement;
  input: HTMLInputElement;
  /** The trimmed value, or null after having said what is wrong with it. */
  check(): string | null;
}

/** A labelled text field that explains itself beneath when it is wrong. */
export function field(id: string, label: string, complaint: string, attributes: Record<string, unknown>): Field {
  const error = h("p", { id: `${id}-error`, class: "error" });
  const input = h("input", { id, required: true, "aria-describedby": error.id, ...attributes });
  const clear = () => {
    if (!input.validity.valid) return;
    input.removeAttribute("aria-invalid");
    error.textContent = "";
  };
  input.addEventListener("input", clear);
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, label), input, error),
    input,
    check() {
      const value = input.value.trim();
      if (value && input.validity.valid) return value;
      input.setAttribute("aria-invalid", "true");
      error.textContent = complaint;
      return null;
    },
  };
}
