/** A message as a real cart of the store would get it now: which cart, and how it looks. Nothing is sent or counted. */
import { useState } from "preact/hooks";
import type { CartListItem, Channel } from "../../../../../shared/views.ts";
import { get, type Page } from "../../api/client.ts";
import type { Rendered } from "../../api/templates.ts";
import { formatMoney } from "../../format.ts";
import { type Resource, useResource } from "../../live/resource.ts";
import { SelectField } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { MailFrame } from "../mail-frame.tsx";
import { MessageLook } from "../message-look.tsx";

const SAMPLE = "";

export interface PreviewCart {
  carts: Resource<Page<CartListItem>>;
  /** `null`: a sample cart; `undefined`: it is not known yet which carts there are. */
  cartId: string | null | undefined;
  choose(id: string): void;
}

/** First one of a shopper whose name is known. */
export function usePreviewCart(): PreviewCart {
  const carts = useResource("preview carts", () => get<Page<CartListItem>>("/v1/carts?limit=50"));
  const [chosen, choose] = useState<string | null>(null);
  const filled = filledOf(carts.data);
  const known = filled.find(({ shopper }) => shopper.name !== null) ?? filled[0];
  const cartId = chosen ?? known?.id ?? SAMPLE;
  return { carts, cartId: carts.data || carts.problem ? cartId || null : undefined, choose };
}

const filledOf = (page: Page<CartListItem> | null) => (page?.items ?? []).filter(({ itemCount }) => itemCount > 0);

export function CartSelect({ from: { carts, cartId, choose } }: { from: PreviewCart }) {
  return (
    <>
      <SelectField
        label="With the cart of"
        name="preview-cart"
        value={cartId ?? SAMPLE}
        options={[...filledOf(carts.data).map(cartOption), { value: SAMPLE, label: "A sample cart" }]}
        onChange={choose}
      />
      {carts.problem && <ProblemNotice problem={carts.problem} retry={carts.reload} />}
    </>
  );
}

const cartOption = ({ id, shopper, total }: CartListItem) => ({
  value: id,
  label: `${shopper.name ?? shopper.email ?? "Anonymous visitor"}${total ? `, ${formatMoney(total)}` : ""}`,
});

export function Message({ channel, rendered }: { channel: Channel; rendered: Rendered }) {
  if (channel !== "email") return <MessageLook channel={channel} subject={rendered.subject} text={rendered.text} />;
  return (
    <>
      <p class="preview-subject">
        <span>Subject</span> {rendered.subject}
      </p>
      {rendered.html ? <MailFrame html={rendered.html} /> : <pre class="mail-text">{rendered.text}</pre>}
    </>
  );
}
