/**
 * A store out of its two halves: the shelf that counts, and the medium that has the bytes.
 *
 * What the shelf decides is decided at once, so that nobody can come between; the medium follows, one change of a name
 * after the other, those of different names side by side. Bytes are written and read beside that, any number at a time.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock, Instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import type { BlobRange, BlobStore, Incoming, Use } from "./blob.ts";
import type { Draft, Medium, Reading } from "./medium.ts";
import { Shelf, type ShelfLimits } from "./shelf.ts";
import { hashInSlices, hashOfRead } from "./slices.ts";
import { WINDOW_BYTES } from "./transfer.ts";

export type StoreOptions = ShelfLimits & {
  readonly clock: Clock;
  /** A blob could not be removed; the store goes on. */
  readonly onFault: (fault: unknown) => void;
};

type Coming = { readonly hash: Hex; readonly total: number; readonly owner: string };

/** A blob that a medium has from before. */
export type Found = { readonly hash: Hex; readonly length: number; readonly lastUse: Instant };

/** Longest wait between two sweeps, milliseconds. */
const SWEEP_MS = 60_000;

/** What part of the retention a blob's last use may be ahead of what the medium remembers of it. */
const TOUCH_PART = 64;

export class ShelfStore implements BlobStore {
  readonly #options: StoreOptions;
  readonly #medium: Medium;
  readonly #shelf: Shelf;
  /** Whether a blob is the one it is named for, for those that a chunk was read of. */
  readonly #checks = new Map<Hex, Promise<boolean>>();
  /** What the medium remembers as last use. */
  readonly #touched = new Map<Hex, Instant>();
  readonly #unfinished = new Set<Incoming>();
  /** The last change of each name that is being changed; none of them rejects. */
  readonly #turns = new Map<Hex, Promise<void>>();
  #stopSweep: () => void = () => undefined;
  #isClosed: boolean = false;

  /** @param found - in any order; what a smaller quota has no room for stays until room is needed */
  constructor(medium: Medium, found: readonly Found[], options: StoreOptions) {
    this.#options = options;
    this.#medium = medium;
    this.#shelf = new Shelf(options);
    for (const { hash, length, lastUse } of found.toSorted((a, b) => a.lastUse - b.lastUse)) {
      this.#shelf.add(hash, length, null, lastUse);
      this.#touched.set(hash, lastUse);
    }
  }

  get size(): number {
    return this.#shelf.size;
  }

  sizeOf(hash: Hex): number | null {
    return this.#shelf.find(hash)?.length ?? null;
  }

  async get(hash: Hex): Promise<Uint8Array | null> {
    const total = this.sizeOf(hash);
    if (total === null) return null;
    const bytes = new Uint8Array(total);
    const isWhole = await this.#reading(
      hash,
      async ({ read }) => (await hashOfRead(read, total, bytes)) === hash,
    );
    return isWhole ? bytes : null;
  }

  async chunk(hash: Hex, offset: number, length: number): Promise<BlobRange | null> {
    const total = this.sizeOf(hash);
    if (total === null || !(await this.#isWhole(hash, total))) return null;
    const bytes = new Uint8Array(Math.max(0, Math.min(length, total - offset)));
    const isThere = bytes.length === 0 || (await this.#reading(hash, ({ read }) => read(bytes, offset)));
    return isThere ? { total, bytes } : null;
  }

  async put(bytes: Uint8Array, owner: string): Promise<Hex | Refusal> {
    const hash = await hashInSlices(bytes);
    if (this.sizeOf(hash) !== null) return (await this.assign({ hash, owner })) ?? hash;
    const incoming = await this.begin(hash, bytes.length, owner);
    if (isRefusal(incoming)) return incoming;
    try {
      const refusal = await incoming.write(0, bytes);
      return refusal ?? (await incoming.finish()) ?? hash;
    } finally {
      await incoming.discard();
    }
  }

  async begin(hash: Hex, total: number, owner: string): Promise<Incoming | Refusal> {
    const refusal = this.#shelf.whyNot(total, owner, this.#options.clock.now());
    if (refusal) return refusal;
    return this.#incoming({ hash, total, owner }, await this.#medium.draft(total));
  }

  async assign(use: Use): Promise<Refusal | null> {
    const leaving = this.#shelf.assign(use);
    if (isRefusal(leaving)) return leaving;
    await this.#drop(leaving);
    return null;
  }

  hold(holder: string, uses: readonly Use[]): void {
    const now = this.#options.clock.now();
    for (const hash of this.#shelf.hold(holder, uses, now)) this.#touch(hash, now);
  }

  release(holder: string): void {
    this.hold(holder, []);
  }

  startSweep(): void {
    const { clock, retentionMs, onFault } = this.#options;
    if (this.#isClosed) return;
    this.#drop(this.#shelf.sweep(clock.now())).catch(onFault);
    this.#stopSweep();
    this.#stopSweep = clock.after(Math.min(SWEEP_MS, retentionMs), () => this.startSweep());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopSweep();
    this.#medium.hurry();
    await Promise.all([...this.#unfinished].map((incoming) => incoming.discard()));
    while (this.#turns.size > 0) await Promise.all(this.#turns.values());
    await this.#medium.close();
  }

  #incoming(what: Coming, draft: Draft): Incoming {
    const { hash, total, owner } = what;
    let isOver = false;
    // to where it has come, and how many bytes are set aside for that
    let [reach, aside] = [0, 0];
    const makeRoom = async (end: number): Promise<Refusal | null> => {
      const upTo = Math.min(Math.ceil(end / WINDOW_BYTES) * WINDOW_BYTES, total);
      if (upTo <= aside) return null;
      const leaving = this.#shelf.setAside(upTo - aside, owner, this.#options.clock.now());
      if (isRefusal(leaving)) return leaving;
      aside = upTo;
      if (leaving.length > 0) await this.#drop(leaving);
      return null;
    };
    const end = () => {
      isOver = true;
      this.#unfinished.delete(incoming);
    };
    const discard = async () => {
      if (isOver) return;
      end();
      this.#shelf.giveBack(aside, owner);
      await draft.discard();
    };
    const finish = async () => {
      try {
        const isRight = reach === total && (await hashOfRead(draft.read, total)) === hash;
        if (isRight) await draft.flush();
        if (isOver || !isRight) return refuse("hash_mismatch");
        end();
        await this.#inTurn(hash, () => this.#keep(what, draft));
        return null;
      } finally {
        await discard();
      }
    };
    const write = async (offset: number, bytes: Uint8Array) => {
      if (offset + bytes.length > total) throw new Fault("impossible", "bytes beyond the end of a blob");
      if (isOver) return null;
      const refusal = await makeRoom(offset + bytes.length);
      if (refusal || isOver) return refusal;
      reach = Math.max(reach, offset + bytes.length);
      await draft.write(offset, bytes);
      return null;
    };
    const incoming = { write, finish, discard };
    this.#unfinished.add(incoming);
    return incoming;
  }

  async #keep({ hash, total, owner }: Coming, draft: Draft): Promise<void> {
    const now = this.#options.clock.now();
    // the same bytes may have come another way meanwhile
    const isHere = this.sizeOf(hash) !== null;
    try {
      await (isHere ? draft.discard() : draft.keep(hash, now));
    } finally {
      // what is kept is all of it, and all of it was set aside
      this.#shelf.giveBack(total, owner);
    }
    this.#shelf.add(hash, total, owner, now);
    if (!isHere) this.#touched.set(hash, now);
  }

  /** Removes what the shelf has struck off, unless it has come back since. */
  async #drop(hashes: readonly Hex[]): Promise<void> {
    for (const hash of hashes) this.#forget(hash);
    const remove = async (hash: Hex) => {
      if (this.sizeOf(hash) === null) await this.#medium.remove(hash);
    };
    await Promise.all(hashes.map((hash) => this.#inTurn(hash, () => remove(hash))));
  }

  #forget(hash: Hex): void {
    this.#checks.delete(hash);
    this.#touched.delete(hash);
  }

  #touch(hash: Hex, now: Instant): void {
    const { retentionMs, onFault } = this.#options;
    if (now - (this.#touched.get(hash) ?? 0) <= retentionMs / TOUCH_PART) return;
    this.#touched.set(hash, now);
    this.#inTurn(hash, () => this.#medium.touch(hash, now)).catch(onFault);
  }

  /** Reads a blob; where that gives false, or it is not there, what is left of it is removed. */
  async #reading(hash: Hex, use: (reading: Reading) => Promise<boolean>): Promise<boolean> {
    const kept = this.#shelf.find(hash);
    const reading = await this.#medium.open(hash);
    const isSound = reading !== null && (await use(reading).finally(() => reading.close()));
    // one that has gone meanwhile, and come back, is another one
    if (!isSound && kept && this.#shelf.find(hash) === kept) {
      this.#shelf.remove(hash);
      await this.#drop([hash]);
    }
    return isSound;
  }

  /** Checks a blob once, however many ask meanwhile; a check that could not be made is made again. */
  #isWhole(hash: Hex, total: number): Promise<boolean> {
    const known = this.#checks.get(hash);
    if (known !== undefined) return known;
    const check = this.#reading(hash, async ({ read }) => (await hashOfRead(read, total)) === hash);
    this.#checks.set(hash, check);
    const forget = () => this.#checks.delete(hash);
    check.then((isSound) => isSound || forget(), forget);
    return check;
  }

  /** One change of a name at a time; a failed one is its caller's to hear of, not the next one's. */
  #inTurn<T>(hash: Hex, work: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(hash) ?? Promise.resolve()).then(work);
    const end = () => {
      if (this.#turns.get(hash) === turn) this.#turns.delete(hash);
    };
    const turn: Promise<void> = done.then(end, end);
    this.#turns.set(hash, turn);
    return done;
  }
}
