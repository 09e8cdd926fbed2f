/**
 * The vouchers that a watchtower keeps: of each lane and epoch the newest valid one, whoever brought it.
 *
 * A voucher speaks for itself, so anybody may bring one; what bounds the shelf is what strangers cannot make: money on
 * chain. Of lanes that hold a deposit every one is kept. Of lanes that hold none, or were not looked at yet, strangers
 * get so many places and no more; what the operator's own sources bring is never turned away.
 */
import type { Hex } from "../base/bytes.ts";
import { type Voucher, voucherPayer } from "../protocol/voucher.ts";
import type { LaneKey, LaneOnChain } from "./chain.ts";
import type { KeptVoucher, Position, TowerFile } from "./tower-file.ts";

/**
 * What became of a voucher: kept; nothing, as one at least as high is kept; no signature; another chain or vault; of
 * an epoch that is over or cannot be yet; a payee that is not asked for; no place for strangers' lanes just now.
 */
export const VERDICTS = ["kept", "older", "forged", "elsewhere", "void", "unwanted", "full"] as const;

export type Verdict = (typeof VERDICTS)[number];

/** A voucher that is brought. */
export type Offered = {
  readonly voucher: Voucher;
  /** Who is said to have signed it. Believed only where a verified voucher of that payer is worth as much. */
  readonly payer?: Hex;
};

/** A lane at the newest block, and at the newest one that counts; null while that one cannot be read. */
export type LaneView = { readonly head: LaneOnChain; readonly confirmed: LaneOnChain | null };

/** A lane with vouchers. */
export type ShelfLane = {
  readonly id: string;
  readonly key: LaneKey;
  /** By epoch. */
  readonly rows: ReadonlyMap<number, KeptVoucher>;
  /** Null before the first look at the chain. */
  readonly seen: LaneView | null;
};

type OpenLane = {
  readonly id: string;
  readonly key: LaneKey;
  rows: Map<number, KeptVoucher>;
  seen: LaneView | null;
};

/** Places for strangers' lanes without a deposit, where nobody says otherwise. */
const STRANGERS = 1_024;

/** Epochs that a stranger's lane may have vouchers of before the chain says which one counts. */
export const UNSEEN_EPOCHS = 8;

/** What one {@link VoucherShelf.offer} is going to change. */
type Draft = {
  readonly rows: Map<string, KeptVoucher>;
  /** Vouchers of new epochs that strangers bring, by lane. */
  readonly added: Map<string, number>;
  readonly evicted: Set<OpenLane>;
  /** Lanes of strangers that were not here before. */
  newcomers: number;
};

export class VoucherShelf {
  readonly #file: TowerFile;
  readonly #payees: ReadonlySet<Hex> | null;
  readonly #strangers: number;
  readonly #lanes = new Map<string, OpenLane>();
  readonly #bySignature = new Map<Hex, KeptVoucher>();
  /** Strangers' lanes without a deposit, as far as is known; oldest first. */
  readonly #unproven = new Map<string, OpenLane>();
  readonly #counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;

  /**
   * @param options - `payees`: keep vouchers to these accounts alone; `strangers`: places for lanes of strangers that
   *   hold no deposit as far as is known (default 1,024)
   * @throws {@link Fault} `file_format`, `disk_failed`
   */
  constructor(
    file: TowerFile,
    options: { readonly payees?: readonly Hex[]; readonly strangers?: number } = {},
  ) {
    this.#file = file;
    this.#strangers = options.strangers ?? STRANGERS;
    this.#payees = options.payees && options.payees.length > 0 ? new Set(options.payees) : null;
    for (const row of file.vouchers()) this.#put(row);
  }

  /** How many vouchers met which fate since the start. */
  get counts(): Readonly<Record<Verdict, number>> {
    return this.#counts;
  }

  /** Lanes with vouchers. */
  lanes(): readonly ShelfLane[] {
    return [...this.#lanes.values()];
  }

  lane(key: LaneKey): ShelfLane | null {
    return this.#lanes.get(idOf(key)) ?? null;
  }

  /** How far a source has been read; null for one that never was. */
  position(source: string): string | null {
    return this.#file.position(source);
  }

  /**
   * Keeps what is worth keeping; it is on disk, together with the source's position, when this returns.
   *
   * @param by - `own`: the operator's own source, which the places for strangers do not bind
   * @returns one verdict per voucher
   * @throws {@link Fault} `disk_failed`; nothing is kept then, and the position stays
   */
  offer(
    offered: readonly Offered[],
    by: { readonly own: boolean; readonly position?: Position },
  ): readonly Verdict[] {
    const draft: Draft = { rows: new Map(), added: new Map(), evicted: new Set(), newcomers: 0 };
    const verdicts = offered.map((one) => this.#judge(one, by.own, draft));
    const dropped = [...draft.evicted].flatMap((lane) => [...lane.rows.values()]);
    if (draft.rows.size > 0 || by.position) {
      this.#file.save({ keep: draft.rows.values(), drop: dropped, position: by.position });
    }
    for (const row of dropped) this.#remove(row);
    for (const row of draft.rows.values()) this.#put(row);
    for (const verdict of verdicts) this.#counts[verdict] += 1;
    return verdicts;
  }

  /**
   * Takes over what the chain shows of a lane.
   *
   * @returns its vouchers that can never be claimed: of an epoch that is over for good, or that cannot be yet
   */
  see(key: LaneKey, view: LaneView): readonly KeptVoucher[] {
    const lane = this.#lanes.get(idOf(key));
    if (!lane) return [];
    lane.seen = { head: view.head, confirmed: view.confirmed ?? lane.seen?.confirmed ?? null };
    this.#sort(lane);
    return [...lane.rows.values()].filter(({ voucher }) => !isPossible(voucher.epoch, view));
  }

  /** @throws {@link Fault} `disk_failed`; they are still kept then */
  drop(rows: readonly KeptVoucher[]): void {
    if (rows.length === 0) return;
    this.#file.save({ drop: rows });
    for (const row of rows) this.#remove(row);
  }

  #judge({ voucher, payer: said }: Offered, own: boolean, draft: Draft): Verdict {
    const { chainId, vault } = this.#file.venue;
    if (voucher.chainId !== chainId || voucher.vault !== vault) return "elsewhere";
    if (this.#payees && !this.#payees.has(voucher.payee)) return "unwanted";
    const twin = this.#bySignature.get(voucher.signature);
    const isTwin = twin && isSame(twin.voucher, voucher);
    const known = isTwin ? twin.payer : said;
    if (known !== undefined && this.#isCovered(known, voucher, own, draft)) return "older";
    const payer = isTwin ? twin.payer : voucherPayer(voucher);
    if (payer === null || voucher.cumulative === 0n) return payer === null ? "forged" : "older";
    if (this.#isCovered(payer, voucher, own, draft)) return "older";
    const lane = this.#lanes.get(idOf({ ...voucher, payer }));
    if (lane?.seen && !isPossible(voucher.epoch, lane.seen)) return "void";
    if (!own && !this.#hasPlace(payer, voucher, draft)) return "full";
    draft.rows.set(rowId(payer, voucher), {
      voucher,
      payer,
      own: own || this.#row(payer, voucher)?.own === true,
    });
    return "kept";
  }

  /** Whether a verified voucher is there that is worth as much. An own source makes it its own. */
  #isCovered(payer: Hex, voucher: Voucher, own: boolean, draft: Draft): boolean {
    const id = rowId(payer, voucher);
    const kept = draft.rows.get(id) ?? this.#row(payer, voucher);
    if (!kept || kept.voucher.cumulative < voucher.cumulative) return false;
    if (own && !kept.own) draft.rows.set(id, { ...kept, own });
    return true;
  }

  #row(payer: Hex, voucher: Voucher): KeptVoucher | undefined {
    return this.#lanes.get(idOf({ ...voucher, payer }))?.rows.get(voucher.epoch);
  }

  /** Whether a stranger's voucher may stay; takes the place. */
  #hasPlace(payer: Hex, voucher: Voucher, draft: Draft): boolean {
    const id = idOf({ ...voucher, payer });
    const found = this.#lanes.get(id);
    const lane = found && !draft.evicted.has(found) ? found : null;
    // the chain has said which epochs can be
    if (lane?.seen?.confirmed) return true;
    const added = draft.added.get(id);
    if (lane?.rows.has(voucher.epoch) || draft.rows.has(rowId(payer, voucher))) return true;
    if ((lane?.rows.size ?? 0) + (added ?? 0) >= UNSEEN_EPOCHS) return false;
    if (!lane && added === undefined && !this.#makePlace(draft)) return false;
    draft.added.set(id, (added ?? 0) + 1);
    return true;
  }

  /** A place for one more stranger's lane, where need be that of one that was looked at and holds nothing. */
  #makePlace(draft: Draft): boolean {
    if (this.#unproven.size - draft.evicted.size + draft.newcomers >= this.#strangers) {
      const idle = this.#unproven.values().find((lane) => lane.seen !== null && !draft.evicted.has(lane));
      if (!idle) return false;
      draft.evicted.add(idle);
    }
    draft.newcomers += 1;
    return true;
  }

  #put(row: KeptVoucher): void {
    const { payee, token, epoch, signature } = row.voucher;
    const key = { payer: row.payer, payee, token };
    const id = idOf(key);
    const lane = this.#lanes.get(id) ?? { id, key, rows: new Map<number, KeptVoucher>(), seen: null };
    const before = lane.rows.get(epoch);
    if (before) this.#bySignature.delete(before.voucher.signature);
    lane.rows.set(epoch, row);
    this.#lanes.set(id, lane);
    this.#bySignature.set(signature, row);
    this.#sort(lane);
  }

  #remove({ payer, voucher }: KeptVoucher): void {
    const lane = this.#lanes.get(idOf({ ...voucher, payer }));
    if (!lane) return;
    lane.rows.delete(voucher.epoch);
    this.#bySignature.delete(voucher.signature);
    if (lane.rows.size > 0) return;
    this.#lanes.delete(lane.id);
    this.#unproven.delete(lane.id);
  }

  #sort(lane: OpenLane): void {
    const isOwn = lane.rows.values().some(({ own }) => own);
    const deposits = [lane.seen?.head.deposit ?? 0n, lane.seen?.confirmed?.deposit ?? 0n];
    const isFunded = deposits.some((deposit) => deposit > 0n);
    if (isOwn || isFunded) this.#unproven.delete(lane.id);
    else this.#unproven.set(lane.id, lane);
  }
}

/** One text per lane. */
export function idOf({ payer, payee, token }: LaneKey): string {
  return `${payer}${payee.slice(2)}${token.slice(2)}`;
}

function rowId(payer: Hex, voucher: Voucher): string {
  return `${idOf({ ...voucher, payer })}/${voucher.epoch}`;
}

/** A reorganization can bring back what is not confirmed, and the next epoch may begin before the next look. */
function isPossible(epoch: number, { head, confirmed }: LaneView): boolean {
  if (!confirmed) return true;
  return epoch >= Math.min(confirmed.epoch, head.epoch) && epoch <= Math.max(confirmed.epoch, head.epoch) + 1;
}

function isSame(a: Voucher, b: Voucher): boolean {
  return a.payee === b.payee && a.token === b.token && a.epoch === b.epoch && a.cumulative === b.cumulative;
}
