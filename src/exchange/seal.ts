/** The gateway's signatures, put into facts after they are decided and before they are journalled. */
import { Fault } from "../base/fault.ts";
import { taskOf } from "../market/market.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import type { Signer } from "../protocol/signer.ts";
import { type Market, receiptDigest } from "../protocol/typed-data.ts";
import { voucherDigest } from "../protocol/voucher.ts";
import type { State } from "./state.ts";

/** Signs awards, vouchers and receipts. `state` is as it was when the facts were decided. */
export async function seal(
  state: State,
  market: Market,
  signer: Signer,
  facts: readonly Fact[],
): Promise<Fact[]> {
  const sealed: Fact[] = [];
  for (const fact of facts) {
    if (fact.kind === "awarded") sealed.push({ ...fact, signature: await signer.sign(fact.award) });
    else if (fact.kind === "paid") sealed.push(await sealPaid(state, market, signer, fact));
    else sealed.push(fact);
  }
  return sealed;
}

async function sealPaid(
  state: State,
  market: Market,
  signer: Signer,
  fact: FactNamed<"paid">,
): Promise<Fact> {
  const legs = [];
  for (const leg of fact.legs) {
    const signature = await signer.sign(voucherDigest(market, leg.voucher));
    legs.push({ ...leg, voucher: { ...leg.voucher, signature } });
  }
  return { ...fact, legs, receipt: await signer.sign(receiptDigest(market, receiptOf(state, fact))) };
}

/** What a receipt says: the first leg's provider gave the answer. */
function receiptOf(
  state: State,
  fact: Pick<FactNamed<"paid">, "task" | "price" | "fee" | "checks" | "legs">,
) {
  const task = taskOf(state.market, fact.task);
  const provider = fact.legs[0]?.payee;
  const answer = task.run?.provider === provider ? task.run : task.check;
  if (!provider || !answer?.output) throw new Fault("impossible", "a payment without an answer");
  return {
    task: task.id,
    requester: task.requester,
    provider,
    firmware: task.firmware,
    input: task.input,
    output: answer.output,
    price: fact.price,
    fee: fact.fee,
    checks: fact.checks,
  };
}
