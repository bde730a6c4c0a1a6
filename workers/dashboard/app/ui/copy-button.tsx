import { useState } from "preact/hooks";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("Copied");
    } catch {
      setState("Select and copy by hand"); // no clipboard outside a secure context
    }
    setTimeout(() => setState(""), 2_500);
  };
  return (
    <button type="button" class="button" onClick={copy}>
      <span aria-live="polite">{state || label}</span>
    </button>
  );
}
