/**
 * What a requester checks before it pays an invoice, and when it gets what it has paid for.
 *
 * A bill is checked against the offer alone: whether the fuel was burnt, the market's verification has said.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Amount, subtract } from "../../src/base/money.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import { priceOf, type RunVerdict } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import {
  acceptDigest,
  invoiceDigest,
  type Market,
  NO_OUTPUT,
  saltedHash,
} from "../../src/protocol/typed-data.ts";
import { budgetOf } from "./order.ts";

/** What invoices and receipts have in common. */
type Bill = {
  readonly verdict: RunVerdict;
  readonly fuel: number;
  readonly rate: Amount;
  readonly price: Amount;
  readonly fee: Amount;
  readonly checks: Amount;
};

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
  const { provider, award, accept } = invoice;
  if (offer.payment !== "result") return "the offer was paid for beforehand";
  if (!isSignedBy(provider, acceptDigest(market, award), accept))
    return "the provider has not signed the award";
  if (provider === requester) return "the requester itself is named as provider";
  return whyNotBilled(offer, invoice);
}

/** Why a bill is not what the offer's fuel limit and the rate come to, or null when it is. */
function whyNotBilled(
  offer: Message<"offer">,
  { verdict, fuel, rate, price, fee, checks }: Bill,
): string | null {
  if (checks > price || fee > price) return "the parts are more than the whole";
  if (checks > offer.checkBudget) return `checks of ${checks}, of at most ${offer.checkBudget}`;
  if (fuel > offer.fuelLimit) return `${fuel} of fuel, of at most ${offer.fuelLimit}`;
  if (verdict === "out-of-fuel" && fuel !== offer.fuelLimit)
    return `out of fuel at ${fuel}, which is not the limit`;
  const run = subtract(price, checks);
  if (run > offer.maxPrice) return `a price of ${run}, of at most ${offer.maxPrice}`;
  return run === priceOf(rate, fuel) ? null : `a price of ${run}, and the fuel costs ${priceOf(rate, fuel)}`;
}

/** Why an answer contradicts itself or its offer, or null when it does not. */
export function whyNoAnswer(
  offer: Message<"offer">,
  { state, verdict, output, fuel, spent }: Message<"answer">,
): string | null {
  const budget = budgetOf(offer);
  if (spent > budget) return `${spent} taken, of at most ${budget}`;
  if (fuel > offer.fuelLimit) return `${fuel} of fuel, of at most ${offer.fuelLimit}`;
  if (state !== "paid") return null;
  if (verdict === null) return "paid, and the answer names no verdict";
  return (verdict === "ok") === (output !== null)
    ? null
    : `a run that ended ${verdict}, and its output do not fit`;
}

/** Why an answer is not the one that was paid for, or null when it is. */
export function whyNotPaidFor(invoice: Message<"invoice">, answer: Message<"answer">): string | null {
  const { output, salt, verdict, fuel } = answer;
  if (answer.state !== "paid") return `the invoice was paid, and the answer says ${answer.state}`;
  if (verdict !== invoice.verdict) return `invoiced as ${invoice.verdict}, and answered as ${verdict}`;
  if (fuel !== invoice.fuel) return `invoiced ${invoice.fuel} of fuel, and answered with ${fuel}`;
  if (salt === null) return "the answer does not open the invoice";
  if (saltedHash(salt, output ?? NO_OUTPUT) !== invoice.saltedOutput)
    return "the output is not the one that was invoiced";
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
  const isOurs = receipt.requester === requester && receipt.price === answer.spent;
  const isOfAnswer = receipt.output === answer.output && receipt.provider === answer.provider;
  if (!isOfOffer || !isOurs || !isOfAnswer) return "the receipt is for something else";
  if (receipt.meter !== offer.meter || receipt.costs !== offer.costs)
    return "another meter has counted the fuel";
  if (receipt.verdict !== answer.verdict || receipt.fuel !== answer.fuel)
    return `a receipt of ${receipt.verdict} at ${receipt.fuel}, and an answer of ${answer.verdict} at ${answer.fuel}`;
  return whyNotBilled(offer, receipt);
}
