/** What is left to do until a lost key's money is in its successor's vault: read from the chain each time. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import type { State } from "../../exchange/state.ts";
import type { Chain, LaneKey } from "../../settlement/chain.ts";
import { finalizeClose, requestClose, setAllowance, sweep, withdraw } from "../../settlement/vault-calls.ts";
import { depositAddressOf } from "../money/deposit-address.ts";
import { orderCall } from "../money/order.ts";
import type { Step } from "../money/send.ts";
import { laneAtHead } from "../money/target.ts";
import { keptOwnerOrder } from "./order-store.ts";
import type { Replacement } from "./replacement.ts";

/** One transaction that can be sent at once. */
export type Duty = Step & {
  readonly by: "owner" | "gateway";
  /** For a person. */
  readonly what: string;
};

export type Duties = {
  readonly due: readonly Duty[];
  /** Signed by the lost key to the gateway and not claimed yet: the end of the lane would make it void. */
  readonly unclaimed: bigint;
  /** When the next lane can be closed, unix seconds; null when nothing is waited for. */
  readonly waitsUntil: number | null;
};

export type DutyContext = {
  readonly chain: Chain;
  readonly token: Hex;
  readonly decimals: number;
  readonly gateway: Hex;
  readonly data: string;
  readonly replacement: Replacement;
  /** The books as the journal has them now. */
  readonly books: () => State;
};

/**
 * What can be done now, in the order in which it has to be, and what has to be waited for.
 *
 * @throws {@link Fault} `usage` when the new account has got another owner, `chain_unreachable`
 */
export async function dutiesOf(context: DutyContext): Promise<Duties> {
  const { chain, token } = context;
  const { lost } = context.replacement;
  const guard: Duty[] = [];
  if ((await chain.spendAllowance(lost, token)) > 0n) {
    const call = setAllowance(chain.vault, lost, token, 0n);
    guard.push({ ...duty("setAllowance", "owner", call), what: "takes the lost key's allowance away" });
  }
  const named = await naming(context);
  const lanes = await Promise.all((await lanesOf(context)).map((key) => laneDuty(context, key)));
  const closes = lanes.flatMap(({ due }) => (due ? [due] : []));
  const ends = lanes.flatMap(({ waitsUntil }) => (waitsUntil === null ? [] : [waitsUntil]));
  const due = [...guard, ...named, ...closes, ...(await moving(context))];
  const unclaimed = await unclaimedOf(context);
  return { due, unclaimed, waitsUntil: ends.length === 0 ? null : Math.min(...ends) };
}

/** What the gateway can still claim on the lost account's lane to it. */
async function unclaimedOf({ chain, token, gateway, replacement, books }: DutyContext): Promise<bigint> {
  const known = books().payment.incoming.get(replacement.lost);
  const lane = await laneAtHead(chain, { payer: replacement.lost, payee: gateway, token });
  if (!known?.newest || known.epoch !== lane.epoch) return 0n;
  const top = known.newest.cumulative < lane.deposit ? known.newest.cumulative : lane.deposit;
  return top > lane.settled ? top - lane.settled : 0n;
}

function duty(step: string, purpose: Step["purpose"], call: Step["call"]): Omit<Duty, "what"> {
  return { step, purpose, call, by: "owner" };
}

async function naming({ chain, data, replacement }: DutyContext): Promise<Duty[]> {
  const { fresh, owner, name } = replacement;
  const named = await chain.ownerOf(fresh);
  if (named === owner) return [];
  if (named !== null)
    throw new Fault("usage", `the owner of the new account ${fresh} is ${named}, not ${owner}`);
  const order = keptOwnerOrder(data, name, chain);
  if (!order || order.message.account !== fresh) return [];
  return [
    {
      ...duty("setOwnerWithSig", "owner", orderCall(order)),
      what: `names ${owner} the new account's owner`,
    },
  ];
}

/** Lanes that hold money of the lost account, and the gateway's lane to it. */
async function lanesOf({ chain, token, gateway, replacement }: DutyContext): Promise<LaneKey[]> {
  const { lost, since } = replacement;
  const known = [
    { payer: lost, payee: gateway, token },
    { payer: gateway, payee: lost, token },
  ];
  if (since === null) return known;
  const found = await chain.lanesOf(lost, BigInt(since));
  const others = found.filter((key) => key.payer === lost && key.payee !== gateway);
  return [...known, ...others];
}

async function laneDuty(
  { chain, gateway }: DutyContext,
  key: LaneKey,
): Promise<{ due: Duty | null; waitsUntil: number | null }> {
  const lane = await laneAtHead(chain, key);
  if (lane.deposit === lane.settled) return { due: null, waitsUntil: null };
  const title = key.payer === gateway ? "the gateway's lane to the lost account" : `the lane to ${key.payee}`;
  if (lane.closeAt === 0) {
    const due: Duty = {
      ...duty("requestClose", "close", requestClose(chain.vault, key)),
      what: `closes ${title}`,
    };
    if (key.payer !== gateway) return { due, waitsUntil: null };
    // the gateway claims first what it owes the lost account
    return { due: { ...due, by: "gateway", ask: { do: "closeLane", device: key.payee } }, waitsUntil: null };
  }
  if ((await chain.head()).time < lane.closeAt) return { due: null, waitsUntil: lane.closeAt };
  const call = finalizeClose(chain.vault, key);
  return { due: { ...duty("finalizeClose", "close", call), what: `ends ${title}` }, waitsUntil: null };
}

/** From the lost account's vault to the new one's deposit address, and from there into its vault. */
async function moving({ chain, token, decimals, replacement }: DutyContext): Promise<Duty[]> {
  const { lost, fresh } = replacement;
  const place = await depositAddressOf(chain, fresh);
  const waiting = await chain.tokenBalance(place, token);
  const sweeping = {
    ...duty("sweep", "fund", sweep(chain.vault, fresh, token)),
    what: "moves that into its vault",
  };
  if (waiting > 0n) return [sweeping];
  const has = await chain.vaultBalance(lost, token);
  if (has === 0n) return [];
  const call = withdraw(chain.vault, lost, token, has, place);
  const what = `sends ${formatAmount(has, decimals)} to the new account's deposit address`;
  return [{ ...duty("withdraw", "withdraw", call), what }];
}
