/** What every blob store must do for the owners of blobs, and when their time is over. */
import { expect, it } from "vitest";
import { isRefusal } from "../../src/base/refusal.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { A, a, B, b, begun, bring, C, c, D, DAY, d, kept, type Make } from "./blob-samples.ts";

const OVER_QUOTA = expect.objectContaining({ refused: "blob_quota" });

/** Each owner's quota. */
export function ownerContract(made: Make): void {
  const held = (hash: `0x${string}`, owner: string) => [{ hash, owner }];

  it("have each a quota, of which what their tasks have done with goes first", async () => {
    const { store } = await made({ ownerQuota: 8 });
    store.hold("one", held(A, "anna"));
    expect(await bring(store, a, "anna")).toBeNull();
    expect(await bring(store, b, "anna")).toBeNull();
    expect(await bring(store, d, "ben")).toBeNull();
    expect(await bring(store, c, "anna")).toBeNull();
    expect(kept(store)).toBe("acd");
    store.hold("two", held(C, "anna"));
    expect(await bring(store, b, "anna")).toEqual(OVER_QUOTA);
    expect(await bring(store, b, "ben")).toBeNull();
    expect(kept(store)).toBe("abcd");
    store.release("one");
    expect(await bring(store, Uint8Array.of(0), "anna")).toBeNull();
    expect(kept(store)).toBe("bcd");
  });

  it("are refused more than their quota, whatever there is room for in all", async () => {
    const { store } = await made({ ownerQuota: 3 });
    expect(await bring(store, a, "anna")).toEqual(OVER_QUOTA);
    const refusal = await store.put(a, "anna");
    expect(refusal).toEqual(OVER_QUOTA);
    expect(refusal).toMatchObject({ hint: expect.stringMatching(/^send less: .* 3 bytes/) });
    expect(store.size).toBe(0);
  });

  it("are refused a blob that is here when it is more than what they have left", async () => {
    const { store } = await made({ ownerQuota: 4 });
    expect(await store.put(a, "ben")).toBe(A);
    store.hold("task", held(B, "anna"));
    expect(await store.put(b, "anna")).toBe(B);
    expect(await store.put(a, "anna")).toEqual(OVER_QUOTA);
    expect(await store.assign({ hash: A, owner: "anna" })).toEqual(OVER_QUOTA);
    expect(store.size).toBe(8);
  });

  it("each pay for a blob that they share, once", async () => {
    const { store } = await made({ ownerQuota: 8 });
    await bring(store, a, "anna");
    expect(await store.assign({ hash: A, owner: "ben" })).toBeNull();
    expect(await store.assign({ hash: A, owner: "ben" })).toBeNull();
    store.hold("task", held(A, "ben"));
    store.hold("same task's other", held(A, "ben"));
    await bring(store, b, "ben");
    store.hold("next", held(B, "ben"));
    expect(await bring(store, c, "ben")).toEqual(OVER_QUOTA);
    expect(await bring(store, c, "anna")).toBeNull();
    // anna's use is over: it stays for ben's, and no longer counts on her
    expect(await bring(store, d, "anna")).toBeNull();
    expect(kept(store)).toBe("abcd");
    store.release("task");
    expect(await bring(store, c, "ben")).toEqual(OVER_QUOTA);
    store.release("same task's other");
    expect(await bring(store, c, "ben")).toBeNull();
    expect(kept(store)).toBe("bcd");
  });

  it("pay for what has come of what they have begun to send", async () => {
    const { store } = await made({ ownerQuota: 8 });
    const [one, other, late] = [await begun(store, a), await begun(store, b), await begun(store, c)];
    expect(await one.write(0, a.subarray(0, 1))).toBeNull();
    expect(await other.write(0, b.subarray(0, 1))).toBeNull();
    expect(await late.write(0, c)).toEqual(OVER_QUOTA);
    expect(await store.begin(C, 4, "anna")).toEqual(OVER_QUOTA);
    expect(isRefusal(await store.begin(C, 4, "ben"))).toBe(false);
    await one.discard();
    expect(isRefusal(await store.begin(D, 4, "anna"))).toBe(false);
    await other.write(0, b);
    expect(await other.finish()).toBeNull();
    expect(await bring(store, a, "anna")).toBeNull();
    expect(await bring(store, c, "anna")).toBeNull();
    expect(kept(store)).toBe("ac");
  });

  it("lose nothing used in the last ten minutes to others, as long as they have no more than their quota", async () => {
    const { store, clock } = await made({ quota: 12, ownerQuota: 8 });
    store.hold("task", held(A, "anna"));
    await store.put(a, "anna");
    clock.advance(DAY);
    store.release("task");
    for (const bytes of [b, c, d]) expect(await store.put(bytes, "ben")).toBe(hashBlob(bytes));
    expect(kept(store)).toBe("acd");
    const [fifth, sixth] = [Uint8Array.of(17), Uint8Array.of(18)];
    clock.advance(599_999);
    // cleo may have neither: ben has used his for less than that as well
    expect(await store.put(fifth, "cleo")).toMatchObject({
      refused: "too_large",
      hint: "wait: the store is full until tasks end",
    });
    clock.advance(1);
    expect(await store.put(fifth, "cleo")).toBe(hashBlob(fifth));
    expect(kept(store)).toBe("cd");
    // what is one's own goes at once
    expect(await store.put(sixth, "ben")).toBe(hashBlob(sixth));
    expect(store.sizeOf(hashBlob(fifth))).toBe(1);
  });

  it("hold the same bytes each on their own account", async () => {
    const { store } = await made({ ownerQuota: 4 });
    await bring(store, a, "anna");
    const both = [...held(A, "anna"), ...held(A, "ben")];
    store.hold("task", both);
    expect(await store.assign({ hash: A, owner: "ben" })).toBeNull();
    for (const owner of ["anna", "ben"]) expect(await bring(store, b, owner)).toEqual(OVER_QUOTA);
    store.hold("task", held(A, "ben"));
    expect(await bring(store, b, "anna")).toBeNull();
    expect(await bring(store, b, "ben")).toEqual(OVER_QUOTA);
    store.hold("task", both);
    store.release("task");
    expect(await bring(store, b, "ben")).toBeNull();
    expect(kept(store)).toBe("b");
  });

  it("do not pay for what they hold before they have handed it over", async () => {
    const { store } = await made({ ownerQuota: 4 });
    await bring(store, a, "anna");
    store.hold("task", held(A, "ben"));
    expect(await bring(store, b, "ben")).toBeNull();
    expect(await store.assign({ hash: A, owner: "ben" })).toBeNull();
    expect(kept(store)).toBe("a");
    expect(await bring(store, b, "ben")).toEqual(OVER_QUOTA);
  });
}

/** How long a blob is kept. */
export function retentionContract(made: Make): void {
  it("begins when nobody holds a blob any more, and ends it", async () => {
    const { store, clock, faults } = await made({ retentionMs: 1_000 });
    store.hold("one", [{ hash: A, owner: "anna" }]);
    store.hold("other", [{ hash: A, owner: "anna" }]);
    await store.put(a, "anna");
    await store.put(b, "anna");
    store.startSweep();
    clock.advance(999);
    expect(kept(store)).toBe("ab");
    clock.advance(1);
    expect(kept(store)).toBe("a");
    store.release("one");
    clock.advance(10_000);
    store.release("other");
    clock.advance(999);
    expect(kept(store)).toBe("a");
    clock.advance(1_000);
    expect(kept(store)).toBe("");
    expect(await store.get(A)).toBeNull();
    expect(store.size).toBe(0);
    expect(faults).toEqual([]);
  });

  it("is not enforced before it is told, nor after the end", async () => {
    const { store, clock } = await made({ retentionMs: 1_000 });
    await store.put(a, "anna");
    clock.advance(DAY);
    expect(kept(store)).toBe("a");
    await store.close();
    store.startSweep();
    clock.advance(DAY);
    expect(kept(store)).toBe("a");
  });

  it("frees an owner's quota", async () => {
    const { store, clock } = await made({ retentionMs: 1_000, ownerQuota: 4 });
    await bring(store, a, "anna");
    store.startSweep();
    clock.advance(1_000);
    store.hold("task", [{ hash: B, owner: "anna" }]);
    expect(await bring(store, b, "anna")).toBeNull();
    expect(kept(store)).toBe("b");
  });
}
