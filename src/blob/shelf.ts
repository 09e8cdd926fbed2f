/**
 * Which blobs a store keeps, for whom and since when, and which of them go to make room or because their time is over.
 *
 * Pure: the bytes are elsewhere, and what has to go is returned, already struck off.
 */
import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import type { Use } from "./blob.ts";

export type ShelfLimits = {
  /** Most bytes in all. */
  readonly quota: number;
  /** Of those, most on one owner's account. A blob that several owners use counts on each of them. */
  readonly ownerQuota: number;
  /** How long a blob that nobody holds any more is kept, milliseconds. */
  readonly retentionMs: number;
};

/**
 * How long after its last use no other owner's bytes drive a blob out, milliseconds: a requester has that long at least to
 * fetch the answer of a task that has ended.
 */
const FRESH_MS = 600_000;

type Kept = {
  readonly length: number;
  readonly owners: Set<string>;
  lastUse: Instant;
};

/** What an owner has here or on its way. */
type Share = { bytes: number; readonly hashes: Set<Hex> };

export class Shelf {
  readonly #limits: ShelfLimits;
  /** The longest unused first; where those stand that are held says nothing. */
  readonly #kept = new Map<Hex, Kept>();
  readonly #shares = new Map<string, Share>();
  /** What each holder holds, by hash and owner: two owners may have handed over the same bytes. */
  readonly #holds = new Map<string, ReadonlyMap<string, Use>>();
  /** How often each blob is held on whose account, whether it is here or not. */
  readonly #held = new Map<Hex, Map<string, number>>();
  #size: number = 0;

  constructor(limits: ShelfLimits) {
    this.#limits = limits;
  }

  /** Bytes kept, and come so far of what is on its way. */
  get size(): number {
    return this.#size;
  }

  /** A blob that is here: the same object until it is struck off; undefined when it is not. */
  find(hash: Hex): Readonly<Kept> | undefined {
    return this.#kept.get(hash);
  }

  /** Bytes that count on an owner. */
  shareOf(owner: string): number {
    return this.#shares.get(owner)?.bytes ?? 0;
  }

  /** Why room could not be made for `length` bytes; null when it could. Makes none. */
  whyNot(length: number, owner: string, now: Instant): Refusal | null {
    const room = this.#room(length, owner, now);
    return isRefusal(room) ? room : null;
  }

  /**
   * Sets `length` bytes aside for what comes of a blob, until {@link giveBack}. Returns the blobs that go for it; refuses
   * `blob_quota` and `too_large`, and then none does.
   */
  setAside(length: number, owner: string, now: Instant): Hex[] | Refusal {
    const room = this.#room(length, owner, now);
    if (isRefusal(room)) return room;
    for (const hash of room.struck) this.#takeOff(hash, owner);
    for (const hash of room.leaving) this.remove(hash);
    this.#size += length;
    this.#share(owner).bytes += length;
    return room.leaving;
  }

  /** Ends what {@link setAside} began. */
  giveBack(length: number, owner: string): void {
    this.#size -= length;
    this.#share(owner).bytes -= length;
    this.#tidy(owner);
  }

  /** Notes a blob that is here, on its owner's account; null when that is not known yet. Makes no room. */
  add(hash: Hex, length: number, owner: string | null, lastUse: Instant): void {
    if (!this.#kept.has(hash)) {
      this.#kept.set(hash, { length, owners: new Set(), lastUse });
      this.#size += length;
    }
    if (owner !== null) this.#putOn(hash, owner);
  }

  /** Strikes a blob off; those who hold it hold it again when it comes back. */
  remove(hash: Hex): void {
    const kept = this.#kept.get(hash);
    if (!kept) return;
    for (const owner of [...kept.owners]) this.#takeOff(hash, owner);
    this.#kept.delete(hash);
    this.#size -= kept.length;
  }

  /** Counts a blob that is here on an owner. Returns the blobs that go for it; refuses `blob_quota` and `blob_unknown`. */
  assign({ hash, owner }: Use): Hex[] | Refusal {
    const kept = this.#kept.get(hash);
    if (!kept) return refuse("blob_unknown");
    const struck = this.#roomOnShare(owner, kept.owners.has(owner) ? 0 : kept.length, hash);
    if (isRefusal(struck)) return struck;
    const leaving = struck.filter((other) => this.#isLast(other, owner));
    for (const other of struck) this.#takeOff(other, owner);
    for (const other of leaving) this.remove(other);
    this.#putOn(hash, owner);
    return leaving;
  }

  /** As {@link BlobStore.hold}. Returns the blobs that are here and that nobody holds any more. */
  hold(holder: string, uses: readonly Use[], now: Instant): Hex[] {
    const before = this.#holds.get(holder) ?? new Map<string, Use>();
    const after = new Map(uses.map((use) => [`${use.hash} ${use.owner}`, use]));
    for (const [key, use] of after) if (!before.has(key)) this.#begin(use);
    for (const [key, use] of before) if (!after.has(key)) this.#end(use);
    if (after.size > 0) this.#holds.set(holder, after);
    else this.#holds.delete(holder);
    const hashes = new Set([...before.values()].map(({ hash }) => hash));
    return [...hashes].filter((hash) => !this.#held.has(hash) && this.#touch(hash, now));
  }

  /** Strikes off what nobody has held for as long as the retention says, and returns it. */
  sweep(now: Instant): Hex[] {
    const over: Hex[] = [];
    for (const [hash, { lastUse }] of this.#kept) {
      if (this.#held.has(hash)) continue;
      if (lastUse + this.#limits.retentionMs > now) break;
      over.push(hash);
    }
    for (const hash of over) this.remove(hash);
    return over;
  }

  /** What has to come off the owner's share, and what has to leave, so that `more` bytes of its fit. */
  #room(more: number, owner: string, now: Instant): { struck: Hex[]; leaving: Hex[] } | Refusal {
    const { quota } = this.#limits;
    if (more > quota) return refuse("too_large", `send less: this store keeps ${quota} bytes in all`);
    const struck = this.#roomOnShare(owner, more);
    if (isRefusal(struck)) return struck;
    const gone = new Set(struck.filter((hash) => this.#isLast(hash, owner)));
    const others = this.#roomInAll(more, gone, { owner, now });
    return isRefusal(others) ? others : { struck, leaving: [...gone, ...others] };
  }

  /** What the owner's tasks have done with and that is to come off its share, so that `more` bytes fit. */
  #roomOnShare(owner: string, more: number, except?: Hex): Hex[] | Refusal {
    const { ownerQuota } = this.#limits;
    if (more > ownerQuota) {
      return refuse("blob_quota", `send less: one owner may have ${ownerQuota} bytes here`);
    }
    const share = this.#shares.get(owner);
    const isIdle = (hash: Hex) => hash !== except && !this.#held.get(hash)?.has(owner);
    let excess = (share?.bytes ?? 0) + more - ownerQuota;
    const struck: Hex[] = [];
    if (excess <= 0) return struck;
    for (const hash of this.#byLastUse(share?.hashes ?? new Set())) {
      if (excess <= 0) break;
      if (!isIdle(hash)) continue;
      struck.push(hash);
      excess -= this.#kept.get(hash)?.length ?? 0;
    }
    return excess <= 0 ? struck : refuse("blob_quota");
  }

  #byLastUse(hashes: ReadonlySet<Hex>): Hex[] {
    const since = (hash: Hex) => this.#kept.get(hash)?.lastUse ?? 0;
    return [...hashes].sort((a, b) => since(a) - since(b));
  }

  /** Blobs besides `gone` that go so that `more` bytes of an owner fit in all. */
  #roomInAll(
    more: number,
    gone: ReadonlySet<Hex>,
    { owner, now }: { owner: string; now: Instant },
  ): Hex[] | Refusal {
    let excess = this.#size + more - this.#limits.quota;
    for (const hash of gone) excess -= this.#kept.get(hash)?.length ?? 0;
    const leaving: Hex[] = [];
    for (const [hash, kept] of this.#kept) {
      if (excess <= 0) break;
      if (gone.has(hash) || this.#held.has(hash) || this.#isKeptFrom(owner, kept, now)) continue;
      leaving.push(hash);
      excess -= kept.length;
    }
    return excess <= 0 ? leaving : refuse("too_large", "wait: the store is full until tasks end");
  }

  /** Whether a blob is too fresh to go for this owner's bytes: another one has it, and has no more than its share. */
  #isKeptFrom(owner: string, { lastUse, owners }: Kept, now: Instant): boolean {
    const { ownerQuota, retentionMs } = this.#limits;
    if (lastUse + Math.min(FRESH_MS, retentionMs) <= now) return false;
    return [...owners].some((other) => other !== owner && this.shareOf(other) <= ownerQuota);
  }

  /** Whether a blob has no use but this owner's, which is over. */
  #isLast(hash: Hex, owner: string): boolean {
    const owners = this.#kept.get(hash)?.owners;
    return !this.#held.has(hash) && owners?.size === 1 && owners.has(owner);
  }

  #begin({ hash, owner }: Use): void {
    const counts = this.#held.get(hash) ?? new Map<string, number>();
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
    this.#held.set(hash, counts);
  }

  #end({ hash, owner }: Use): void {
    const counts = this.#held.get(hash);
    const left = (counts?.get(owner) ?? 1) - 1;
    if (left > 0) counts?.set(owner, left);
    else counts?.delete(owner);
    if (counts?.size === 0) this.#held.delete(hash);
  }

  /** Makes a blob the one used last; false when it is not here. */
  #touch(hash: Hex, now: Instant): boolean {
    const kept = this.#kept.get(hash);
    if (!kept) return false;
    kept.lastUse = instant(Math.max(now, kept.lastUse));
    this.#kept.delete(hash);
    this.#kept.set(hash, kept);
    return true;
  }

  #putOn(hash: Hex, owner: string): void {
    const kept = this.#kept.get(hash);
    if (!kept || kept.owners.has(owner)) return;
    kept.owners.add(owner);
    const share = this.#share(owner);
    share.hashes.add(hash);
    share.bytes += kept.length;
  }

  #takeOff(hash: Hex, owner: string): void {
    const kept = this.#kept.get(hash);
    if (!kept?.owners.delete(owner)) return;
    const share = this.#share(owner);
    share.hashes.delete(hash);
    share.bytes -= kept.length;
    this.#tidy(owner);
  }

  #share(owner: string): Share {
    const share = this.#shares.get(owner) ?? { bytes: 0, hashes: new Set() };
    this.#shares.set(owner, share);
    return share;
  }

  #tidy(owner: string): void {
    const share = this.#shares.get(owner);
    if (share?.bytes === 0 && share.hashes.size === 0) this.#shares.delete(owner);
  }
}
