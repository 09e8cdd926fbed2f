/**
 * How far the money of each row has come: by its lane, up to a sequence.
 *
 * On a lane the vouchers only grow, so the rows of a lane stand in the order of what they promise: a claim settles all up
 * to one of them, and a close makes void all that is left. So no row is ever changed.
 */
import type { Store } from "./store.ts";

/** A lane by number: that of its device, twice, and one more for the lane from the gateway. */
export type LaneNumber = number;

/** The lane to the gateway, or from it, of the device with this number in the directory. */
export function laneNumber(device: number, isOutgoing: boolean): LaneNumber {
  return 2 * device + (isOutgoing ? 1 : 0);
}

type LaneState = {
  epoch: number;
  /** The newest voucher's cumulative. */
  signed: bigint;
  settled: bigint;
  /** How much of `settled` rows have told. */
  told: bigint;
  /** The highest cumulative that a row of this epoch waits for. */
  reach: bigint;
  /** The newest row of this lane. */
  newest: number;
  /** Rows up to this one are over: settled, or void where `voided` says so. */
  overTo: number;
  /** The first row that is not over; 0 for none. */
  open: number;
  /** The claim that settled the newest of them; 0 for none that is known. */
  lastTx: number;
  /** What earlier epochs have paid, by epoch. */
  readonly ended: Map<number, bigint>;
  /** First and last sequences of rows that a close made void. */
  readonly voided: (readonly [number, number])[];
};

/** A signed claim that is not known to be over. */
export type Outstanding = {
  readonly id: number;
  readonly nonce: number;
  readonly lanes: readonly {
    readonly lane: LaneNumber;
    readonly epoch: number;
    readonly cumulative: bigint;
  }[];
};

/** Where the money of a row is: in a voucher, in a claim that was sent, in one that is over, or nowhere. */
export type Standing = "pending" | "sent" | "claimed" | "failed";

type Kept = { readonly lanes: Map<LaneNumber, LaneState>; readonly outstanding: Map<string, Outstanding> };

export class LaneBook {
  readonly #store: Store;
  readonly #lanes: Map<LaneNumber, LaneState>;
  /** By transaction, in the order they were prepared. */
  readonly #outstanding: Map<string, Outstanding>;
  /** Newest row that an outstanding claim covers, by lane; made when it is asked for. */
  #sent: Map<LaneNumber, { upTo: number; tx: number }> | null = null;
  /** Changes with every claim, close and prepared transaction. */
  version: number = 0;

  constructor(store: Store) {
    const kept = store.kept("lanes") as Kept | null;
    this.#store = store;
    this.#lanes = kept?.lanes ?? new Map();
    this.#outstanding = kept?.outstanding ?? new Map();
  }

  keep(): void {
    this.#store.keep("lanes", { lanes: this.#lanes, outstanding: this.#outstanding } satisfies Kept);
  }

  /** Takes note of a voucher: its cumulative is what is signed on the lane now. */
  signed(lane: LaneNumber, epoch: number, cumulative: bigint): void {
    const state = this.#of(lane);
    this.#enter(lane, state, epoch);
    if (cumulative > state.signed) state.signed = cumulative;
  }

  /** What is signed on a lane so far, in its newest epoch. */
  signedOn(lane: LaneNumber): bigint {
    return this.#of(lane).signed;
  }

  /** A row waits for its lane to be settled up to `cumulative`, or to where the row before it waits for. */
  promised(lane: LaneNumber, sequence: number, cumulative: bigint): void {
    const state = this.#of(lane);
    const reach = cumulative > state.reach ? cumulative : state.reach;
    state.reach = reach;
    state.newest = sequence;
    const words = "INSERT INTO promise (lane, sequence, epoch, cumulative) VALUES (?, ?, ?, ?)";
    // what is paid out of money that was claimed before is over at once
    if (reach <= state.settled) state.overTo = sequence;
    else {
      this.#store.run(words, lane, sequence, state.epoch, sortable(reach));
      state.open ||= sequence;
    }
    this.#sent = null;
  }

  prepared(transaction: string, claim: Outstanding): void {
    this.#outstanding.set(transaction, claim);
    this.#changed();
  }

  /** Number of a transaction that is not over; null for one that is not known so. */
  waiting(transaction: string): number | null {
    return this.#outstanding.get(transaction)?.id ?? null;
  }

  /** A transaction is over, and with it every other one of its nonce, whose numbers are returned. */
  over(transaction: string): readonly number[] {
    const nonce = this.#outstanding.get(transaction)?.nonce;
    const group = [...this.#outstanding].filter(([, other]) => other.nonce === nonce);
    for (const [hash] of group) this.#outstanding.delete(hash);
    if (group.length > 0) this.#changed();
    return group.filter(([hash]) => hash !== transaction).map(([, { id }]) => id);
  }

  dropped(transaction: string): void {
    if (this.#outstanding.delete(transaction)) this.#changed();
  }

  /**
   * The chain shows a lane.
   *
   * @param tx - number of the claim that it is known by; null when it was only looked at
   * @returns how much was claimed that no row has told yet
   */
  observed(lane: LaneNumber, epoch: number, settled: bigint, tx: number | null): bigint {
    const state = this.#of(lane);
    if (epoch < state.epoch) return 0n;
    this.#enter(lane, state, epoch);
    if (settled > state.signed) state.signed = settled;
    const ours = tx ?? this.#claimOf(lane, epoch, settled);
    if (settled > state.settled) {
      state.settled = settled;
      this.#settle(lane, state, ours ?? 0);
    }
    const untold = settled > state.told ? settled - state.told : 0n;
    // what a claim of ours has brought is told with it
    if (tx !== null || ours === null) state.told = settled > state.told ? settled : state.told;
    return tx === null ? 0n : untold;
  }

  /** Where the money of a row is. */
  standing(lane: LaneNumber, sequence: number): Standing {
    const state = this.#lanes.get(lane);
    if (!state || sequence > state.overTo) {
      return sequence <= (this.#sentOn(lane)?.upTo ?? 0) ? "sent" : "pending";
    }
    return state.voided.some(([first, last]) => sequence >= first && sequence <= last) ? "failed" : "claimed";
  }

  /** Where the money of one voucher is. */
  standingOf(lane: LaneNumber, epoch: number, cumulative: bigint): Standing {
    const state = this.#lanes.get(lane);
    if (!state || epoch > state.epoch) return "pending";
    if (epoch < state.epoch) return cumulative <= (state.ended.get(epoch) ?? 0n) ? "claimed" : "failed";
    if (cumulative <= state.settled) return "claimed";
    return this.#claimAbove(lane, epoch, cumulative) === null ? "pending" : "sent";
  }

  /** Number of the transaction that a voucher's money is in, while that is not over. */
  claimOf(lane: LaneNumber, epoch: number, cumulative: bigint): number | null {
    return this.standingOf(lane, epoch, cumulative) === "sent"
      ? this.#claimAbove(lane, epoch, cumulative)
      : null;
  }

  /** Number of the transaction that a row's money is in, or came by; null for none that is known. */
  txOf(lane: LaneNumber, sequence: number): number | null {
    const standing = this.standing(lane, sequence);
    if (standing === "sent") return this.#sentOn(lane)?.tx ?? null;
    if (standing !== "claimed") return null;
    const words = "SELECT tx FROM mark WHERE lane = ? AND upTo >= ? ORDER BY upTo LIMIT 1";
    const mark = this.#store.get(words, lane, sequence);
    return (mark ? Number(mark["tx"]) : (this.#lanes.get(lane)?.lastTx ?? 0)) || null;
  }

  /** For a reading of many rows: {@link standing} without a call for most of them. */
  ends(lane: LaneNumber): { readonly overTo: number; readonly sentTo: number; readonly hasVoid: boolean } {
    const state = this.#lanes.get(lane);
    const sentTo = this.#sentOn(lane)?.upTo ?? 0;
    return { overTo: state?.overTo ?? 0, sentTo, hasVoid: (state?.voided.length ?? 0) > 0 };
  }

  /** The first row of all lanes that is not over, and the rows that are void. */
  unsettled(): { readonly first: number; readonly voided: readonly (readonly [number, number])[] } {
    let first = Number.POSITIVE_INFINITY;
    const voided: (readonly [number, number])[] = [];
    for (const state of this.#lanes.values()) {
      if (state.open > 0) first = Math.min(first, state.open);
      voided.push(...state.voided);
    }
    return { first, voided };
  }

  /** Rows of lanes that a transaction settles: after the first sequence, up to the second. */
  rowsOf(
    tx: number,
  ): readonly { readonly lane: LaneNumber; readonly after: number; readonly upTo: number }[] {
    const marks = this.#store.all("SELECT lane, upTo FROM mark WHERE tx = ?", tx).map((row) => {
      const [lane, upTo] = [Number(row["lane"]), Number(row["upTo"])];
      const words = "SELECT MAX(upTo) AS before FROM mark WHERE lane = ? AND upTo < ?";
      return { lane, after: Number(this.#store.get(words, lane, upTo)?.["before"] ?? 0), upTo };
    });
    const waiting = [...this.#sentLanes()]
      .filter(([, sent]) => sent.tx === tx)
      .map(([lane, { upTo }]) => ({ lane, after: this.#lanes.get(lane)?.overTo ?? 0, upTo }));
    return [...marks, ...waiting];
  }

  #of(lane: LaneNumber): LaneState {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const sums = { signed: 0n, settled: 0n, told: 0n, reach: 0n };
    const fresh: LaneState = {
      epoch: 0,
      ...sums,
      newest: 0,
      overTo: 0,
      open: 0,
      lastTx: 0,
      ended: new Map(),
      voided: [],
    };
    this.#lanes.set(lane, fresh);
    return fresh;
  }

  /** A new epoch makes void what the old one has not paid. */
  #enter(lane: LaneNumber, state: LaneState, epoch: number): void {
    if (epoch <= state.epoch) return;
    this.#mark(lane, state);
    if (state.open > 0) state.voided.push([state.open, state.newest]);
    state.ended.set(state.epoch, state.settled);
    this.#store.run("DELETE FROM promise WHERE lane = ?", lane);
    Object.assign(state, { epoch, signed: 0n, settled: 0n, told: 0n, reach: 0n, overTo: state.newest });
    Object.assign(state, { lastTx: 0, open: 0 });
    this.#mark(lane, state);
    this.#changed();
  }

  /** Writes down which claim the rows so far came by. */
  #mark(lane: LaneNumber, { overTo, lastTx }: LaneState): void {
    const words = "INSERT OR IGNORE INTO mark (lane, upTo, tx) VALUES (?, ?, ?)";
    if (overTo > 0) this.#store.run(words, lane, overTo, lastTx);
  }

  #settle(lane: LaneNumber, state: LaneState, tx: number): void {
    const upTo = this.#reachedBy(lane, state.epoch, state.settled);
    if (upTo > state.overTo) {
      this.#mark(lane, state);
      state.overTo = upTo;
      this.#store.run("DELETE FROM promise WHERE lane = ? AND sequence <= ?", lane, upTo);
      const left = this.#store.get("SELECT MIN(sequence) AS open FROM promise WHERE lane = ?", lane);
      state.open = Number(left?.["open"] ?? 0);
    }
    state.lastTx = tx;
    this.#mark(lane, state);
    this.#changed();
  }

  /** The newest row that waits for no more than `cumulative`; 0 for none. */
  #reachedBy(lane: LaneNumber, epoch: number, cumulative: bigint): number {
    const words =
      "SELECT MAX(sequence) AS upTo FROM promise WHERE lane = ? AND epoch = ? AND cumulative <= ?";
    return Number(this.#store.get(words, lane, epoch, sortable(cumulative))?.["upTo"] ?? 0);
  }

  /** The outstanding claim that settles a lane up to just there. */
  #claimOf(lane: LaneNumber, epoch: number, settled: bigint): number | null {
    for (const { id, lanes } of this.#outstanding.values()) {
      if (lanes.some((row) => row.lane === lane && row.epoch === epoch && row.cumulative === settled))
        return id;
    }
    return null;
  }

  #claimAbove(lane: LaneNumber, epoch: number, cumulative: bigint): number | null {
    for (const { id, lanes } of this.#outstanding.values()) {
      if (lanes.some((row) => row.lane === lane && row.epoch === epoch && row.cumulative >= cumulative))
        return id;
    }
    return null;
  }

  #sentOn(lane: LaneNumber) {
    return this.#sentLanes().get(lane);
  }

  #sentLanes(): Map<LaneNumber, { upTo: number; tx: number }> {
    if (this.#sent) return this.#sent;
    const sent = new Map<LaneNumber, { upTo: number; tx: number }>();
    for (const { id, lanes } of this.#outstanding.values()) {
      for (const { lane, epoch, cumulative } of lanes) {
        if (this.#of(lane).epoch !== epoch) continue;
        const upTo = this.#reachedBy(lane, epoch, cumulative);
        if (upTo >= (sent.get(lane)?.upTo ?? 1)) sent.set(lane, { upTo, tx: id });
      }
    }
    this.#sent = sent;
    return sent;
  }

  #changed(): void {
    this.version += 1;
    this.#sent = null;
  }
}

/** A cumulative as bytes that sort as it does. */
function sortable(cumulative: bigint): Uint8Array {
  const bytes = new Uint8Array(13);
  for (let at = 12, rest = cumulative; rest > 0n; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}
