/** The gateway's signatures, put into facts after they are decided and before they are journalled. */
import { Fault } from "../base/fault.ts";
import { taskOf } from "../market/market.ts";
import { answerOf } from "../market/task.ts";
import { type Fact, type FactNamed, type Leg, UNSIGNED } from "../protocol/facts.ts";
import type { Signer } from "../protocol/signer.ts";
import { invoiceDigest, type Market, receiptDigest } from "../protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../protocol/voucher.ts";
import type { State } from "./state.ts";

/** Signs awards, vouchers, invoices and receipts. `state` is as it was when the facts were decided. */
export async function seal(
  state: State,
  market: Market,
  signer: Signer,
  facts: readonly Fact[],
): Promise<Fact[]> {
  const sealed: Fact[] = [];
  for (const fact of facts) sealed.push(await sealFact(state, market, signer, fact));
  return sealed;
}

async function sealFact(state: State, market: Market, signer: Signer, fact: Fact): Promise<Fact> {
  switch (fact.kind) {
    case "awarded":
      return { ...fact, signature: await signer.sign(fact.award) };
    case "creditPaidOut":
      return { ...fact, voucher: await sealVoucher(state, signer, fact.voucher) };
    case "ended":
      return { ...fact, legs: await sealLegs(state, signer, fact.legs) };
    case "paid":
      // an invoice's receipt is signed already, and its legs are paid
      if (fact.receipt !== UNSIGNED) return fact;
      return { ...fact, ...(await sealBill(state, market, signer, fact)) };
    case "invoiced":
      return await sealInvoiced(state, market, signer, fact);
    default:
      return fact;
  }
}

async function sealInvoiced(
  state: State,
  market: Market,
  signer: Signer,
  fact: FactNamed<"invoiced">,
): Promise<Fact> {
  const { task, requester, provider, saltedOutput, price, fee, checks, due } = fact;
  const { award, verdict, rate } = answerIn(state, fact);
  const run = { award, verdict, rate, fuel: fact.fuel };
  const invoice = { task, provider, ...run, saltedOutput, price, fee, checks, due };
  const signature = await signer.sign(invoiceDigest(market, requester, invoice));
  return { ...fact, signature, ...(await sealBill(state, market, signer, fact)) };
}

type Billed = FactNamed<"paid"> | FactNamed<"invoiced">;

async function sealBill(state: State, market: Market, signer: Signer, fact: Billed) {
  const legs = await sealLegs(state, signer, fact.legs);
  return { legs, receipt: await signer.sign(receiptDigest(market, receiptOf(state, fact))) };
}

async function sealLegs(state: State, signer: Signer, legs: readonly Leg[]): Promise<Leg[]> {
  const sealed: Leg[] = [];
  for (const leg of legs) sealed.push({ ...leg, voucher: await sealVoucher(state, signer, leg.voucher) });
  return sealed;
}

/** The only place where the gateway signs a voucher: whatever was decided, none is signed while paying is stopped. */
async function sealVoucher({ payment }: State, signer: Signer, voucher: Voucher): Promise<Voucher> {
  if (payment.stopped !== null) throw new Fault("impossible", "a voucher while paying is stopped");
  return { ...voucher, signature: await signer.sign(voucherDigest(voucher)) };
}

function answerIn(state: State, { task, provider }: Billed) {
  const answer = answerOf(taskOf(state.market, task), provider);
  if (!answer?.verdict) throw new Fault("impossible", "a payment without an answer");
  const { award, verdict, output, rate } = answer;
  return { award, verdict, output, rate };
}

function receiptOf(state: State, fact: Billed) {
  const { id, requester, firmware, input, meter, costs } = taskOf(state.market, fact.task);
  const { verdict, output, rate } = answerIn(state, fact);
  return {
    ...{ task: id, requester, provider: fact.provider, firmware, input, meter, costs },
    ...{ verdict, output, fuel: fact.fuel, rate },
    price: fact.price,
    fee: fact.fee,
    checks: fact.checks,
  };
}
