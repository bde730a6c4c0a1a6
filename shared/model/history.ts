/** What a shopper's earlier carts came to: what the model may know of a person. Kept by the shopper, lent to the cart. */
export interface ShopperHistory {
  /** Whose it is: another identity has another. */
  shopperId: string;
  /** Earlier carts that were left or bought, and how many were bought. */
  carts: number;
  purchases: number;
  /** Products put into them. */
  adds: number;
  /** When the last one ended, whether it was bought, and when the last purchase was (ms). */
  lastCartAt: number | null;
  lastBought: boolean | null;
  lastPurchaseAt: number | null;
  /** Messages that went out to them, and how many channels they have answered on. */
  messages: number;
  answered: number;
}
