/** What calls would cost, and whether the chain would take them: asked without signing or sending anything. */
import type { Hex } from "../../base/bytes.ts";
import { isFault } from "../../base/fault.ts";
import type { Call, Chain, Transaction } from "../../settlement/chain.ts";
import type { Step } from "./send.ts";

/**
 * The most that gas for the call can cost now, in wei.
 *
 * @param gas - units of gas, where the chain cannot be asked yet
 * @throws {@link Fault} `transaction_failed` when the call would revert now; `chain_unreachable`
 */
export async function priceOf(chain: Chain, from: Hex, call: Call, gas?: bigint): Promise<bigint> {
  const asked: Transaction[] = [];
  const recorder = {
    address: from,
    signTransaction: (transaction: Transaction): Promise<Hex> => {
      asked.push(transaction);
      return Promise.resolve("0x");
    },
  };
  await chain.prepare(recorder, call, gas === undefined ? {} : { gas });
  return asked.reduce((sum, transaction) => sum + transaction.gas * transaction.maxFeePerGas, 0n);
}

/** As {@link priceOf}; null when the call would revert now. */
export async function priceIfAllowed(chain: Chain, from: Hex, call: Call): Promise<bigint | null> {
  try {
    return await priceOf(chain, from, call);
  } catch (fault) {
    if (isFault(fault, "transaction_failed")) return null;
    throw fault;
  }
}

/** Units of gas of a step that cannot be tried before the one ahead of it is mined: more than any of ours uses. */
const UNTRIED_GAS = 400_000n;

/**
 * The most that steps can cost that are sent one after the other, in wei.
 *
 * @throws {@link Fault} `transaction_failed` when the first one would revert now; `chain_unreachable`
 */
export async function priceOfSteps(chain: Chain, from: Hex, steps: readonly Step[]): Promise<bigint> {
  let sum = 0n;
  for (const [at, { call }] of steps.entries()) {
    sum += await priceOf(chain, from, call, at === 0 ? undefined : UNTRIED_GAS);
  }
  return sum;
}
