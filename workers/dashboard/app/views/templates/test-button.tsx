/** Sends the template, as it is stored, to an address of the reader's choice. It counts for no shopper. */
import { useState } from "preact/hooks";
import { user } from "../../api/session.ts";
import { type As, testTemplate } from "../../api/templates.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, textOf } from "../../ui/form.tsx";

export function TestButton({ id, dirty, as }: { id: string; dirty: boolean; as: As }) {
  const [asking, setAsking] = useState(false);
  const [sentTo, setSentTo] = useState("");
  const send = async (values: FormData) => {
    const to = textOf(values, "to");
    await testTemplate(id, to, as);
    setSentTo(to);
  };
  return (
    <div class="test-send">
      <button
        type="button"
        class="button"
        aria-disabled={dirty}
        onClick={() => !dirty && setAsking(true)}
        data-testid="template-test"
      >
        Send a test
      </button>
      <p class="field-hint" role="status">
        {dirty ? "Save it first: a test is of what is stored." : sentTo ? `On its way to ${sentTo}` : ""}
      </p>
      {asking && (
        <Confirm title="Send a test" confirm="Send" busy="Sending…" onConfirm={send} onClose={() => setAsking(false)}>
          <p>With the cart that the preview shows. Its links only lead to the shop.</p>
          <Field
            label="To"
            name="to"
            type="email"
            defaultValue={user.value?.email ?? ""}
            maxLength={254}
            required
            data-testid="field-to"
          />
        </Confirm>
      )}
    </div>
  );
}
