import { expect, it } from "vitest";
import { messageOf } from "../../workers/interventions/providers/provider.ts";

it.each([
  ["550 5.1.1 <ada@shopper.example>: Recipient address rejected", "550 5.1.1 <…> Recipient address rejected"],
  ["550 ada@shopper.example unknown user", "550 <…> unknown user"],
  ["E_RECIPIENT_NOT_ALLOWED ada+cart@shopper.example", "E_RECIPIENT_NOT_ALLOWED <…>"],
  ["451 greylisted, try again later", "451 greylisted, try again later"],
])("a provider's reason names nobody, however the server writes the address: %s", (said, kept) => {
  expect(messageOf(new Error(said)).replace("<…>:", "<…>")).toBe(kept);
});

it("a reason is at most 300 characters", () => {
  expect(messageOf("x".repeat(1_000))).toHaveLength(300);
});
