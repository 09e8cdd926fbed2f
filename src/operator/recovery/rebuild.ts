/**
 * A journal out of what others hold: the chain its lanes, peers and watchtowers the vouchers.
 *
 * Each side of a lane ends at the higher of what the chain has settled and what the highest valid voucher says. What was
 * settled before is spent as far as anybody knows, so it comes back as nobody's credit: the books take it through
 * `recovery`. Pure.
 */
import type { Hex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import { type Amount, subtract, ZERO } from "../../base/money.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { apply, emptyState, type State } from "../../exchange/state.ts";
import { move } from "../../payment/books.ts";
import type { Lane } from "../../payment/lane.ts";
import { creditOf, decideVoucher, incomingLane, outgoingLane } from "../../payment/payment.ts";
import { decideShown } from "../../payment/reconcile.ts";
import type { Cause, Fact, FactNamed } from "../../protocol/facts.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { type Voucher, voucherPayer } from "../../protocol/voucher.ts";
import type { FoundVoucher } from "./voucher-file.ts";

/** A lane of the gateway's as the chain has it at a block that counts. */
export type SeenLane = Omit<FactNamed<"laneObserved">, "kind">;

export type RebuildSources = {
  readonly market: Market;
  readonly started: Pick<FactNamed<"gatewayStarted">, "decimals" | "feeBasisPoints">;
  readonly at: Instant;
  readonly lanes: readonly SeenLane[];
  readonly vouchers: readonly FoundVoucher[];
  /** Who is known to be enrolled; others are named after their address. */
  readonly devices: readonly FactNamed<"deviceEnrolled">[];
  /** Whether what a payer has signed and nobody has claimed is its credit, or the gateway's own. */
  readonly keepsCredit: boolean;
  /** Why the gateway does not take offers before it is resumed. */
  readonly reason: string;
};

/** A record of the new journal. */
type Draft = { readonly at: number; readonly cause: Cause; readonly facts: readonly Fact[] };

/** A voucher that was not taken, and why; `older` where a higher one of its lane was. */
export type LeftOut = FoundVoucher & { readonly why: "older" | Refusal };

export type Rebuilt = {
  readonly drafts: readonly Draft[];
  readonly state: State;
  readonly leftOut: readonly LeftOut[];
};

/** One side of what was found: a lane with a deposit or a voucher. */
export type FoundLane = {
  readonly lane: Lane;
  readonly direction: "in" | "out";
  readonly device: Hex;
  /** What a claim brings now. */
  readonly claimable: Amount;
  readonly credit: Amount;
};

/** Every record that the sources prove; a voucher that anything speaks against is left out by name. */
export function rebuild(sources: RebuildSources): Rebuilt {
  const { market, at } = sources;
  const state = emptyState();
  const drafts: Draft[] = [];
  const record = (facts: readonly Fact[]) => {
    if (facts.length === 0) return;
    const draft = { at, cause: CAUSE, facts };
    drafts.push(draft);
    apply(state, market, { index: drafts.length, ...draft });
  };
  record([{ kind: "gatewayStarted", ...market, ...sources.started }]);
  record([{ kind: "halted", reason: sources.reason }]);
  record(sources.devices);
  for (const lane of sources.lanes) record(takeOver(market, lane));
  const leftOut = takeVouchers(sources, state, record);
  record(enrolOthers(state, sources.devices));
  return { drafts, state, leftOut };
}

const CAUSE: Cause = { by: null, topic: "observed", id: "", digest: "", refused: null };

/** A lane as the chain has it, in new books. */
function takeOver(market: Market, lane: SeenLane): Fact[] {
  const { payer, payee, epoch, settled } = lane;
  const isIncoming = payee === market.gateway;
  const postings = isIncoming
    ? move(`in:${payer}`, "recovery", settled)
    : move("recovery", `out:${payee}`, settled);
  const observed: Fact = { kind: "laneObserved", ...lane };
  if (settled === ZERO) return [observed];
  return [{ kind: "laneReconciled", payer, payee, epoch, amount: settled, postings }, observed];
}

/** Of each lane the highest voucher that holds. */
function takeVouchers(
  sources: RebuildSources,
  state: State,
  record: (facts: readonly Fact[]) => void,
): LeftOut[] {
  const leftOut: LeftOut[] = [];
  const seen = new Set<Hex>();
  const highestFirst = sources.vouchers.toSorted((a, b) => {
    return a.voucher.cumulative < b.voucher.cumulative
      ? 1
      : a.voucher.cumulative > b.voucher.cumulative
        ? -1
        : 0;
  });
  for (const found of highestFirst) {
    const { voucher } = found;
    const taken = decide(sources, state, voucher);
    if (taken === null || isRefusal(taken)) {
      // the same voucher in two files is no news
      if (!seen.has(voucher.signature)) leftOut.push({ ...found, why: taken ?? "older" });
    } else record([taken]);
    seen.add(voucher.signature);
  }
  return leftOut;
}

/** What a voucher adds; null when a higher one, or the chain, has as much already. */
function decide(
  { market, keepsCredit }: RebuildSources,
  state: State,
  voucher: Voucher,
): Fact | Refusal | null {
  const { chainId, vault, token, gateway } = market;
  if (voucher.chainId !== chainId) return refuse("voucher_wrong_chain");
  if (voucher.vault !== vault) return refuse("voucher_wrong_vault");
  if (voucher.token !== token) return refuse("voucher_wrong_token");
  const payer = voucherPayer(voucher);
  if (payer === gateway) return decideShown(state.payment, market, voucher, () => true);
  if (voucher.payee !== gateway) {
    return refuse("voucher_wrong_payee", "it is neither to the gateway nor signed by it");
  }
  const lane = payer === null ? undefined : state.payment.incoming.get(payer);
  if (payer === null || !lane) {
    return refuse("bad_signature", "it is not signed by the payer of a lane to the gateway");
  }
  // Claimed at once, or lost: no margin is kept before a closing lane's end.
  const rules = { now: instant(0), closeMarginMs: 0, leastWindow: 0, isPayer: () => true };
  const received = decideVoucher(state.payment, market, payer, voucher, rules);
  if (isRefusal(received)) return received.refused === "voucher_stale" ? null : received;
  if (keepsCredit) return received;
  return { ...received, postings: move(`in:${payer}`, "recovery", received.amount) };
}

/**
 * Those whom no roster names: the gateway's own payees, and payers with a voucher that still counts.
 *
 * A lane to the gateway alone enrols nobody: anyone can open one, and being enrolled opens the market.
 */
function enrolOthers(
  { payment }: State,
  devices: readonly FactNamed<"deviceEnrolled">[],
): FactNamed<"deviceEnrolled">[] {
  const known = new Set(devices.map(({ device }) => device));
  const payers = [...payment.incoming.values()].filter(({ newest }) => newest !== null);
  const others = new Set([...payers.map(({ payer }) => payer), ...payment.outgoing.keys()]);
  return [...others.difference(known)].map((device) => {
    const name = `device-${device.slice(2, 10)}`;
    const topic = { manufacturer: "hirewire", serialNumber: device.slice(2) };
    return { kind: "deviceEnrolled", device, owner: null, name, ...topic };
  });
}

/** Both sides of the gateway's lanes as they stand, incoming ones first. */
export function foundLanes({ payment }: State, market: Market): FoundLane[] {
  const incoming = [...payment.incoming.keys()].map((device): FoundLane => {
    const lane = incomingLane(payment, market, device);
    return { lane, direction: "in", device, claimable: claimableOf(lane), credit: creditOf(payment, device) };
  });
  const outgoing = [...payment.outgoing.keys()].map((device): FoundLane => {
    const lane = outgoingLane(payment, market, device);
    return { lane, direction: "out", device, claimable: claimableOf(lane), credit: ZERO };
  });
  return [...incoming, ...outgoing];
}

function claimableOf({ newest, deposit, settled }: Lane): Amount {
  if (!newest) return ZERO;
  const most = newest.cumulative < deposit ? newest.cumulative : deposit;
  return most > settled ? subtract(most, settled) : ZERO;
}
