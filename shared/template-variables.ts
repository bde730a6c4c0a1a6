/** What a template may use, in words: the same names as `TemplateContext` of `templates.ts`, for those who write templates. Pure. */

export interface TemplateVariable {
  name: string;
  about: string;
  /** As it is mostly written; without it, the name in braces. */
  written?: string;
}

export interface VariableGroup {
  title: string;
  variables: readonly TemplateVariable[];
}

export const VARIABLES: readonly VariableGroup[] = [
  {
    title: "Links",
    variables: [
      { name: "recovery_url", about: "back to the shop, with the cart restored" },
      { name: "unsubscribe_url", about: "the shopper’s own page; belongs in every mail" },
    ],
  },
  {
    title: "Cart",
    variables: [
      {
        name: "cart.items",
        about: "what is in it, one after the other",
        written: "{% for item in cart.items %}\n{{ item.quantity }} × {{ item.name }}\n{% endfor %}",
      },
      { name: "cart.count", about: "pieces" },
      {
        name: "cart.total",
        about: "as a decimal; `money` writes it as the reader does",
        written: "{{ cart.total | money }}",
      },
      { name: "cart.currency", about: "three letters" },
      { name: "cart.created_at", about: "when it was begun", written: "{{ cart.created_at | date }}" },
    ],
  },
  {
    title: "Each item, within the loop",
    variables: [
      { name: "item.name", about: "without anything that could be a link" },
      { name: "item.quantity", about: "pieces" },
      { name: "item.price", about: "of one", written: "{{ item.price | money }}" },
      { name: "item.total", about: "of all of them", written: "{{ item.total | money }}" },
      { name: "item.currency", about: "three letters" },
      { name: "item.url", about: "its page, when it is one of the store’s own addresses; else nothing" },
      { name: "item.image_url", about: "its picture, under the same condition" },
    ],
  },
  {
    title: "Shopper",
    variables: [
      {
        name: "shopper.firstName",
        about: "empty when it is not known",
        written: '{{ shopper.firstName | default: "there" }}',
      },
      { name: "shopper.name", about: "empty when it is not known" },
      { name: "shopper.email", about: "empty when it is not known" },
      { name: "shopper.timezone", about: "the zone that dates are written in; or nothing" },
    ],
  },
  {
    title: "Coupon, if there is one",
    variables: [
      {
        name: "coupon.code",
        about: "given with this message, else one that the cart has",
        written: "{% if coupon %}{{ coupon.code }}{% endif %}",
      },
      { name: "coupon.expires_at", about: "when it ends; or nothing", written: "{{ coupon.expires_at | date }}" },
      { name: "coupon.kind", about: "percent, amount, free_shipping or pool; or nothing" },
      { name: "coupon.amount", about: "percent, or money; or nothing" },
    ],
  },
  {
    title: "Shop",
    variables: [
      { name: "store.name", about: "the shop’s name" },
      { name: "store.url", about: "the shop’s address" },
      { name: "locale", about: "what the message is written in, such as de-AT" },
    ],
  },
];

export const writtenOf = ({ name, written }: TemplateVariable): string => written ?? `{{ ${name} }}`;
