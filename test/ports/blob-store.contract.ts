/** What every blob store must do. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type BlobStore, hashBlob, type Incoming } from "../../src/blob/blob.ts";
import type { StoreOptions } from "../../src/blob/shelf-store.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { ownerContract, retentionContract } from "./blob-owner.contract.ts";
import { A, a, B, b, begun, bring, C, c, DAY, d, kept, type Made, type Make } from "./blob-samples.ts";

const TOO_LARGE = expect.objectContaining({ refused: "too_large" });
const MISMATCH = expect.objectContaining({ refused: "hash_mismatch" });

/** @param make - an empty store */
export function blobStoreContract(name: string, make: (options: StoreOptions) => Promise<BlobStore>): void {
  const stores: BlobStore[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  const made = async (limits: Partial<StoreOptions> = {}): Promise<Made> => {
    const clock = new ManualClock();
    const faults: unknown[] = [];
    const onFault = (fault: unknown) => faults.push(fault);
    const whole = { quota: 1_000, ownerQuota: 1_000, retentionMs: DAY, clock, onFault, ...limits };
    const store = await make(whole);
    stores.push(store);
    return { store, clock, faults };
  };
  describe(`${name}: bytes`, () => bytesContract(made));
  describe(`${name}: a blob on its way`, () => incomingContract(made));
  describe(`${name}: room`, () => roomContract(made));
  describe(`${name}: owners`, () => ownerContract(made));
  describe(`${name}: retention`, () => retentionContract(made));
}

function bytesContract(made: Make): void {
  it("gives back what was put, under its hash", async () => {
    const { store } = await made({ quota: 10_000 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const hash = hashBlob(bytes);
        expect(await store.put(bytes, "anna")).toBe(hash);
        expect(store.sizeOf(hash)).toBe(bytes.length);
        expect(await store.get(hash)).toEqual(bytes);
      }),
      { numRuns: 40 },
    );
  });

  it("knows nothing of what was not put", async () => {
    const { store } = await made();
    expect(store.sizeOf(A)).toBeNull();
    expect(await store.get(A)).toBeNull();
    expect(await store.chunk(A, 0, 4)).toBeNull();
    expect(await store.assign({ hash: A, owner: "anna" })).toMatchObject({ refused: "blob_unknown" });
    expect(store.size).toBe(0);
  });

  it("keeps its own copy", async () => {
    const { store } = await made();
    const bytes = a.slice();
    await store.put(bytes, "anna");
    bytes.fill(0);
    (await store.get(A))?.fill(0);
    expect(await store.get(A)).toEqual(a);
  });

  it("gives any range of a blob, cut at its end", async () => {
    const { store } = await made();
    const range = fc.record({ offset: fc.nat(80), length: fc.nat(80) });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), range, async (bytes, { offset, length }) => {
        const hash = hashBlob(bytes);
        await store.put(bytes, "anna");
        expect(await store.chunk(hash, offset, length)).toEqual({
          total: bytes.length,
          bytes: bytes.slice(offset, offset + length),
        });
      }),
      { numRuns: 60 },
    );
  });

  it("gives ranges that cannot change the blob, and none of one that left", async () => {
    const { store } = await made({ quota: 4 });
    await store.put(a, "anna");
    (await store.chunk(A, 1, 2))?.bytes.fill(0);
    expect(await store.chunk(A, 1, 2)).toEqual({ total: 4, bytes: Uint8Array.of(2, 3) });
    await store.put(b, "anna");
    expect(await store.chunk(A, 0, 4)).toBeNull();
    await store.put(a, "anna");
    expect(await store.chunk(A, 0, 4)).toEqual({ total: 4, bytes: a });
  });

  it("counts the same bytes once", async () => {
    const { store } = await made();
    await Promise.all([store.put(a, "anna"), store.put(a, "anna"), store.put(b, "anna")]);
    expect(store.size).toBe(8);
    expect([await store.get(A), await store.get(B)]).toEqual([a, b]);
  });
}

function incomingContract(made: Make): void {
  it("is kept whatever the order of its pieces, however often they come", async () => {
    const { store } = await made();
    const sample = fc.uint8Array({ minLength: 1, maxLength: 60 }).chain((bytes) =>
      fc.record({
        bytes: fc.constant(bytes),
        cuts: fc.uniqueArray(fc.integer({ min: 1, max: bytes.length }), { maxLength: 8 }),
        seed: fc.infiniteStream(fc.nat()),
      }),
    );
    await fc.assert(
      fc.asyncProperty(sample, async ({ bytes, cuts, seed }) => {
        const edges = [0, ...cuts.toSorted((x, y) => x - y), bytes.length];
        const pieces = edges.slice(1).map((end, at) => ({ from: edges[at] ?? 0, end }));
        const twice = [...pieces, ...pieces].toSorted(() => ((seed.next().value ?? 0) % 3) - 1);
        const incoming = await begun(store, bytes);
        await Promise.all(twice.map(({ from, end }) => incoming.write(from, bytes.subarray(from, end))));
        expect(await incoming.finish()).toBeNull();
        expect(await store.get(hashBlob(bytes))).toEqual(bytes);
      }),
      { numRuns: 40 },
    );
  });

  it("is not there before it is whole, and takes room meanwhile", async () => {
    const { store } = await made();
    const incoming = await begun(store, a);
    await incoming.write(0, a);
    expect(store.sizeOf(A)).toBeNull();
    expect(await store.get(A)).toBeNull();
    expect(store.size).toBe(4);
    expect(await incoming.finish()).toBeNull();
    expect(store.sizeOf(A)).toBe(4);
    expect(store.size).toBe(4);
  });

  it("may be empty", async () => {
    const { store } = await made();
    const empty = new Uint8Array();
    expect(await (await begun(store, empty)).finish()).toBeNull();
    expect(await store.get(hashBlob(empty))).toEqual(empty);
  });

  it("is not whole before all of it has come, also where what is missing would be zeros", async () => {
    const { store } = await made();
    const zeros = new Uint8Array(4);
    const incoming = await begun(store, zeros);
    await incoming.write(0, zeros.subarray(0, 3));
    expect(await incoming.finish()).toEqual(MISMATCH);
    expect([store.size, store.sizeOf(hashBlob(zeros))]).toEqual([0, null]);
  });

  it.for([
    ["other bytes", (incoming: Incoming) => incoming.write(0, b)],
    ["no bytes", () => Promise.resolve()],
    ["too few bytes", (incoming: Incoming) => incoming.write(0, a.subarray(0, 3))],
  ] as const)("leaves nothing when it is %s", async ([, write]) => {
    const { store } = await made();
    const incoming = await begun(store, a);
    await write(incoming);
    expect(await incoming.finish()).toEqual(MISMATCH);
    expect(store.size).toBe(0);
    expect(store.sizeOf(A)).toBeNull();
    expect(await bring(store, a, "anna")).toBeNull();
  });

  it("takes no byte beyond its end", async () => {
    const { store } = await made();
    const incoming = await begun(store, a);
    await expect(incoming.write(1, a)).rejects.toMatchObject({ code: "impossible" });
    await incoming.write(0, a);
    expect(await incoming.finish()).toBeNull();
  });

  it("leaves nothing when it is given up, once and again", async () => {
    const { store } = await made();
    const incoming = await begun(store, a);
    await incoming.write(0, a.subarray(0, 2));
    await incoming.discard();
    await incoming.discard();
    expect(store.size).toBe(0);
    expect(store.sizeOf(A)).toBeNull();
  });

  it("is given up with the store", async () => {
    const { store } = await made();
    const incoming = await begun(store, a);
    await incoming.write(0, a);
    await store.close();
    expect(store.size).toBe(0);
    expect(store.sizeOf(A)).toBeNull();
  });

  it("is one blob when two bring it at once, and each brings all of it", async () => {
    const { store } = await made();
    const [one, other] = [await begun(store, a, "anna"), await begun(store, a, "ben")];
    await one.write(0, a);
    await other.write(0, b);
    expect(store.size).toBe(8);
    expect(await Promise.all([one.finish(), other.finish()])).toEqual([null, MISMATCH]);
    expect(store.size).toBe(4);
    const again = await begun(store, a, "ben");
    await again.write(0, a);
    expect(await again.finish()).toBeNull();
    expect(store.size).toBe(4);
    expect(await store.get(A)).toEqual(a);
  });
}

function roomContract(made: Make): void {
  it("is made by removing what was used longest ago", async () => {
    const { store, clock } = await made({ quota: 12 });
    for (const bytes of [a, b, c]) {
      clock.advance(1);
      await store.put(bytes, "anna");
    }
    store.hold("task", [{ hash: A, owner: "anna" }]);
    clock.advance(1);
    store.release("task");
    await store.put(d, "anna");
    expect(kept(store)).toBe("acd");
    expect(await store.get(B)).toBeNull();
    expect(store.size).toBe(12);
  });

  it("is not made of what is held, and refused when only that is left", async () => {
    const { store } = await made({ quota: 8 });
    await store.put(a, "anna");
    await store.put(b, "anna");
    store.hold("one", [{ hash: A, owner: "anna" }]);
    await store.put(c, "anna");
    expect(kept(store)).toBe("ac");
    store.hold("other", [{ hash: C, owner: "ben" }]);
    expect(await store.put(b, "anna")).toEqual(TOO_LARGE);
    expect(await store.begin(B, 4, "ben")).toEqual(TOO_LARGE);
    expect(await store.get(C)).toEqual(c);
    store.release("one");
    expect(await store.put(b, "anna")).toBe(B);
    expect(kept(store)).toBe("bc");
  });

  it("is refused for more than all of it without removing anything", async () => {
    const { store } = await made({ quota: 4 });
    expect(await store.put(a, "anna")).toBe(A);
    expect(await store.put(new Uint8Array(5), "anna")).toEqual(TOO_LARGE);
    expect(await store.get(A)).toEqual(a);
    expect(store.size).toBe(4);
  });

  it("counts what has come of what is on its way", async () => {
    const { store } = await made({ quota: 8 });
    const incoming = await begun(store, a);
    expect(await incoming.write(0, a.subarray(0, 1))).toBeNull();
    await store.put(b, "anna");
    await store.put(c, "anna");
    expect(kept(store)).toBe("c");
    const other = await begun(store, d, "anna");
    expect(await other.write(3, d.subarray(3))).toBeNull();
    expect(kept(store)).toBe("");
    expect(await store.put(b, "anna")).toEqual(TOO_LARGE);
    await other.discard();
    expect(await store.put(b, "anna")).toBe(B);
    await incoming.write(0, a);
    expect(await incoming.finish()).toBeNull();
    expect(kept(store)).toBe("ab");
  });

  it("is neither made for nor taken by what is only announced", async () => {
    const { store, clock } = await made({ quota: 8, ownerQuota: 4 });
    await store.put(a, "anna");
    clock.advance(DAY);
    const announced = [];
    for (const owner of ["ben", "cleo", "dora", "emil"]) announced.push(await begun(store, d, owner));
    expect([kept(store), store.size]).toEqual(["a", 4]);
    expect(await store.put(b, "fred")).toBe(B);
    expect(kept(store)).toBe("ab");
    const [first, ...others] = announced;
    expect(await first?.write(0, d)).toBeNull();
    expect(await first?.finish()).toBeNull();
    expect(kept(store)).toBe("bd");
    for (const other of others) expect(await other.write(0, d)).toEqual(TOO_LARGE);
    expect(store.size).toBe(8);
  });

  it("is made a transfer's window at a time", async () => {
    const step = 4 * 32_768;
    const { store } = await made({ quota: 10 * step, ownerQuota: 10 * step });
    const incoming = await begun(store, new Uint8Array(2 * step + 7));
    const sizes = [];
    for (const reach of [1, step, step + 1, 5, 2 * step, 2 * step + 7]) {
      expect(await incoming.write(reach - 1, Uint8Array.of(0))).toBeNull();
      sizes.push(store.size);
    }
    expect(sizes).toEqual([step, step, 2 * step, 2 * step, 2 * step, 2 * step + 7]);
    await incoming.discard();
    expect(store.size).toBe(0);
  });

  it("is asked for again by what was refused it", async () => {
    const { store, clock } = await made({ quota: 8 });
    const incoming = await begun(store, a);
    store.hold("task", [
      { hash: B, owner: "ben" },
      { hash: C, owner: "ben" },
    ]);
    await store.put(b, "ben");
    await store.put(c, "ben");
    expect(await incoming.write(0, a)).toEqual(TOO_LARGE);
    expect(store.size).toBe(8);
    store.release("task");
    expect(await incoming.write(0, a)).toEqual(TOO_LARGE);
    clock.advance(600_000);
    expect(await incoming.write(0, a)).toBeNull();
    expect(await incoming.finish()).toBeNull();
    expect(kept(store)).toBe("ac");
    expect(await incoming.write(0, b)).toBeNull();
    expect(await store.get(A)).toEqual(a);
  });

  it("is kept for what is held before it comes, and by as many as hold it", async () => {
    const { store } = await made({ quota: 8 });
    for (const holder of ["one", "other", "one"]) store.hold(holder, [{ hash: A, owner: "anna" }]);
    await store.put(a, "anna");
    await store.put(b, "anna");
    store.release("one");
    await store.put(c, "anna");
    expect(kept(store)).toBe("ac");
    store.hold("other", [{ hash: C, owner: "anna" }]);
    await store.put(d, "anna");
    expect(kept(store)).toBe("cd");
  });
}
