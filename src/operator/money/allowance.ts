/** What an account's own key may move: set by its owner. */
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount, parseAmount } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { keySigner } from "../../protocol/signer.ts";
import type { Call, Chain } from "../../settlement/chain.ts";
import { signOrder } from "../../settlement/orders.ts";
import { setAllowance, setAllowanceWithSig } from "../../settlement/vault-calls.ts";
import type { Account } from "./account.ts";
import type { Deed } from "./deed.ts";
import { newTerms, RELAY_SECONDS } from "./order.ts";
import { priceOf } from "./price.ts";
import { keySender, requireGas } from "./send.ts";

type AllowanceContext = {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly token: Hex;
  readonly account: Account;
};

/**
 * Sets the allowance to `typed`, whatever is left of the old one.
 *
 * @param keys - the owner's, and that of who pays the gas if somebody else does
 * @throws {@link Fault} `usage` when the account has no owner or another one, `amount_syntax`, `funds_short`
 */
export async function allowanceDeed(
  { chain, clock, token, account }: AllowanceContext,
  keys: { readonly owner: Uint8Array; readonly relay: Uint8Array | null },
  typed: string,
): Promise<Deed<{ allowance: string }>> {
  const owner = addressOfKey(keys.owner);
  const { address, name } = account;
  const decimals = await chain.decimals(token);
  const amount = parseAmount(typed, decimals);
  const named = await chain.ownerOf(address);
  if (named === null)
    throw new Fault("usage", `${name} has no owner yet, so that its own key may move everything`);
  if (named !== owner)
    throw new Fault("usage", `the owner of ${name} is ${named}, and this is the key of ${owner}`);
  const sender = keySender(chain, keys.relay ?? keys.owner, clock);
  let call: Call = setAllowance(chain.vault, address, token, amount);
  if (keys.relay) {
    const what = { account: address, token, amount };
    const terms = newTerms(clock.now(), RELAY_SECONDS);
    const order = await signOrder(keySigner(keys.owner), chain, "SetAllowance", what, terms);
    call = setAllowanceWithSig(chain.vault, what, order);
  }
  const step = keys.relay ? "setAllowanceWithSig" : "setAllowance";
  const gasCost = await priceOf(chain, sender.address, call);
  await requireGas(chain, sender.address, gasCost);
  return {
    ...{ sender, gasCost, steps: [{ step, purpose: "approve" as const, call }] },
    intent: (before) => [
      `lets the own key of ${name} (${address}) move ${formatAmount(amount, decimals)} of token ${token}`,
      `before, it may move ${before.allowance}`,
    ],
    outcome: (after) => [`the own key of ${name} may move ${after.allowance}`],
    facts: { account: address, token, owner },
    look: async () => ({ allowance: formatAmount(await chain.spendAllowance(address, token), decimals) }),
  };
}
