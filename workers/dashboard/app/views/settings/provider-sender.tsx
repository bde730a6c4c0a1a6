/** Whom mails come from. */
import type { Provider } from "../../api/providers.ts";
import { Field } from "../../ui/form.tsx";

export const Sender = ({ value }: { value?: Provider["from"] }) => (
  <div class="field-pair">
    <Field
      label="Sender’s address"
      name="sender"
      type="email"
      defaultValue={value?.email ?? ""}
      maxLength={254}
      required
      data-testid="field-sender"
    />
    <Field
      label="Sender’s name"
      name="senderName"
      defaultValue={value?.name ?? ""}
      maxLength={100}
      hint="Empty: the store’s name."
    />
  </div>
);
