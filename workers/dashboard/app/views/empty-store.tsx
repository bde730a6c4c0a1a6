/** A store that has sent nothing yet: what to paste, where, and what happens then. */
import { getKeyHint } from "../api/client.ts";
import { useResource } from "../live/resource.ts";
import { CopyButton } from "../ui/copy-button.tsx";

export function EmptyStore() {
  const { data } = useResource("key", () => getKeyHint());
  const key = data ?? "cw_pk_…";
  const snippet = `<script async src="${location.origin}/cartwake.js" data-key="${key}"></script>`;
  return (
    <section class="empty" aria-labelledby="empty-heading">
      <h2 id="empty-heading">Connect your shop</h2>
      <p>
        Paste this line before <code>&lt;/head&gt;</code> on every page of the shop
        {key.includes("…") && ", with the publishable key that you were shown when the store was registered"}. The first
        cart appears here by itself.
      </p>
      <pre class="snippet">
        <code>{snippet}</code>
      </pre>
      <CopyButton text={snippet} label="Copy the line" />
    </section>
  );
}
