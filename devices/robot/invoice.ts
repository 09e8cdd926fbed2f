/** What a requester checks before it pays an invoice, and when it gets what it has paid for. */
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { keccak256 } from "../../src/kernels/digest.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import type { Message } from "../../src/protocol/message.ts";
import { acceptDigest, invoiceDigest, type Market } from "../../src/protocol/typed-data.ts";

/** Whether the gateway has signed this invoice for this requester. */
export function isInvoiceOf(market: Market, requester: Hex, invoice: Message<"invoice">): boolean {
  return isSignedBy(market.gateway, invoiceDigest(market, requester, invoice), invoice.signature);
}

/** Why an invoice of the gateway's is not paid: it is not what the offer agreed to. Null when it is. */
export function whyNotOwed(
  market: Market,
  requester: Hex,
  offer: Message<"offer">,
  invoice: Message<"invoice">,
): string | null {
  const { provider, award, accept, price, fee, checks } = invoice;
  if (offer.payment !== "result") return "the offer was paid for beforehand";
  if (!isSignedBy(provider, acceptDigest(market, award), accept))
    return "the provider has not signed the award";
  if (provider === requester) return "the requester itself is named as provider";
  if (checks > price || fee > price) return "the parts are more than the whole";
  if (checks > offer.checkBudget) return `checks of ${checks}, of at most ${offer.checkBudget}`;
  if (price - checks > offer.maxPrice) return `a price of ${price - checks}, of at most ${offer.maxPrice}`;
  return null;
}

/** Why an answer is not the one that was paid for, or null when it is. */
export function whyNotPaidFor(invoice: Message<"invoice">, answer: Message<"answer">): string | null {
  const { output, salt } = answer;
  if (answer.state !== "paid") return `the invoice was paid, and the answer says ${answer.state}`;
  if (output === null || salt === null) return "the answer names no output";
  if (saltedHash(salt, output) !== invoice.saltedOutput) return "the output is not the one that was invoiced";
  if (answer.outputBytes !== invoice.outputBytes) return "the output has another size than was invoiced";
  if (answer.spent !== invoice.price) return `invoiced ${invoice.price}, and ${answer.spent} taken`;
  return answer.provider === invoice.provider ? null : "the answer names another provider";
}

/** Why a receipt does not prove what was bought, or null when it does. */
export function whyNoProof(
  receipt: Message<"receipt"> | null,
  requester: Hex,
  offer: Message<"offer">,
  answer: Message<"answer">,
): string | null {
  if (!receipt) return "no receipt came with the answer";
  const isOfOffer = receipt.firmware === offer.firmware && receipt.input === offer.input;
  const isOfAnswer = receipt.output === answer.output && receipt.provider === answer.provider;
  const isOurs = receipt.requester === requester && receipt.price === answer.spent;
  return isOfOffer && isOfAnswer && isOurs ? null : "the receipt is for something else";
}

function saltedHash(salt: Hex, output: Hex): Hex {
  const bytes = new Uint8Array(64);
  bytes.set(fromHex(salt));
  bytes.set(fromHex(output), 32);
  return keccak256(bytes);
}
