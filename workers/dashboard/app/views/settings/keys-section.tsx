/** The store's API keys: which there are, and new ones. */
import { useState } from "preact/hooks";
import { type ApiKey, listKeys } from "../../api/identity.ts";
import { user } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { KeyForm } from "./key-form.tsx";
import { KeyRow } from "./key-row.tsx";
import { Listed, Secret, ShownOnce } from "./parts.tsx";

export function KeysSection() {
  const keys = useResource(`keys ${user.value?.storeId}`, () => listKeys());
  const [made, setMade] = useState<ApiKey | null>(null);
  const [adding, setAdding] = useState(false);
  const show = (key: ApiKey) => {
    setAdding(false);
    setMade(key);
    keys.reload();
  };
  return (
    <>
      {made?.key && <NewKey kind={made.kind} text={made.key} done={() => setMade(null)} />}
      {adding ? (
        <KeyForm made={show} cancel={() => setAdding(false)} />
      ) : (
        !made && (
          <section class="panel panel-row">
            <p class="panel-lead">
              A publishable key stands in the pages of the shop and sends events. A secret key lets a program of yours
              do what you choose here.
            </p>
            <button type="button" class="button button-primary" onClick={() => setAdding(true)} data-testid="key-new">
              New key
            </button>
          </section>
        )
      )}
      <section class="panel">
        <h2>Keys</h2>
        <Listed resource={keys} empty="There is no key yet.">
          {(items) => (
            <ul class="lines">
              {items.map((item) => (
                <KeyRow key={item.id} item={item} changed={keys.reload} made={show} />
              ))}
            </ul>
          )}
        </Listed>
      </section>
    </>
  );
}

function NewKey({ kind, text, done }: { kind: ApiKey["kind"]; text: string; done: () => void }) {
  return (
    <ShownOnce title="Your new key" done="I have stored it" onDone={done}>
      <p>
        {kind === "secret"
          ? "It is shown now and never again. Put it where your secrets are, and into no page of the shop."
          : "It belongs into the pages of the shop, and can be read here again."}
      </p>
      <Secret text={text} label="Copy the key" />
    </ShownOnce>
  );
}
