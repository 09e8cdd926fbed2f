/** Walking in groups finds what walking one by one finds, whatever was done to a journal. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault, isFault } from "../../src/base/fault.ts";
import { GENESIS, type StoredEntry, sealEntry } from "../../src/journal/entry.ts";
import type { Draft, Entry } from "../../src/journal/journal.ts";
import { JournalWalk, type Verified, verifyJournal } from "../../src/journal/verify.ts";
import { sha256 } from "../../src/kernels/digest.ts";
import { checkSigners } from "../../src/kernels/signature.ts";
import { marketLife } from "./market-life.ts";
import { verifyOneByOne } from "./one-by-one.ts";

const drafts = await marketLife({ tasks: 8, requesters: 3, providers: 4 });
const entries = chain(drafts);
const whole = verifyOneByOne(entries);

function chain(of: readonly Draft[]): Entry[] {
  const all: Entry[] = [];
  for (const draft of of) all.push(sealEntry(all.at(-1) ?? GENESIS, draft));
  return all;
}

/** Gives every entry from `from` on the hash and the place that its text needs, as a forger would. */
function rehashed(stored: readonly StoredEntry[]): StoredEntry[] {
  let previous: string = GENESIS.hash;
  return stored.map(({ text }, at) => {
    const fields: unknown = JSON.parse(text);
    const [, , ...rest] = Array.isArray(fields) ? fields : [];
    const fresh = JSON.stringify([previous, at + 1, ...rest]);
    previous = sha256(fresh);
    return { index: at + 1, hash: previous, text: fresh };
  });
}

type Walk = (entries: Iterable<StoredEntry>) => Verified;

/** The first entry that does not hold, and why; or what holds. */
function outcome(walk: Walk, stored: Iterable<StoredEntry>): unknown {
  try {
    return walk(stored);
  } catch (fault) {
    if (isFault(fault, "journal_broken")) return fault.facts;
    // One by one, what no signature can cover ended the walk without a name.
    return isFault(fault, "impossible") ? { index: expect.any(Number), why: fault.message } : fault;
  }
}

const place = fc.nat(entries.length - 1);

describe("a journal that was changed", () => {
  it("holds as long as nobody has touched it", () => {
    expect(verifyJournal(entries)).toEqual(whole);
    expect(whole.held).toBe(entries.length);
  });

  it("is found at the same entry for the same reason, whichever character was changed", () => {
    const change = fc.tuple(place, fc.nat(), fc.constantFrom(...'019af"[]{}:,-Z'));
    fc.assert(
      fc.property(change, ([at, where, by]) => {
        const stored = entries.map(({ index, hash, text }) => ({ index, hash, text }));
        const one = stored[at];
        if (!one) return;
        const cut = where % one.text.length;
        const text = one.text.slice(0, cut) + by + one.text.slice(cut + 1);
        stored[at] = { ...one, text };
        const expected = text === one.text ? whole : { index: at + 1, why: expect.any(String) };
        expect(outcome(verifyJournal, stored)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("is found as well where the forger has rehashed everything after the change", () => {
    const digit = fc.constantFrom(..."0123456789abcdef");
    fc.assert(
      fc.property(place, fc.nat(), digit, (at, where, by) => {
        const changed = entries.map(({ index, hash, text }, i) => {
          if (i !== at) return { index, hash, text };
          const digits = [...text.matchAll(/[0-9a-f]/g)].map((match) => match.index);
          const cut = digits[where % digits.length] ?? 0;
          return { index, hash, text: text.slice(0, cut) + by + text.slice(cut + 1) };
        });
        if (!changed.every(({ text }) => isJson(text))) return;
        const stored = rehashed(changed);
        expect(outcome(verifyJournal, stored)).toEqual(outcome(verifyOneByOne, stored));
      }),
      { numRuns: 40 },
    );
  });

  it("is found where entries were removed, swapped or repeated, rehashed or not", () => {
    const order = fc.tuple(fc.constantFrom("remove", "swap", "repeat"), place, place);
    fc.assert(
      fc.property(order, fc.boolean(), ([how, a, b], isRehashed) => {
        const stored: StoredEntry[] = [...entries];
        const [first, second] = [stored[a], stored[b]];
        if (!first || !second) return;
        if (how === "remove") stored.splice(a, 1);
        if (how === "repeat") stored.splice(b, 0, first);
        if (how === "swap") [stored[a], stored[b]] = [second, first];
        const journal = isRehashed ? rehashed(stored) : stored;
        expect(outcome(verifyJournal, journal)).toEqual(outcome(verifyOneByOne, journal));
      }),
      { numRuns: 40 },
    );
  });
});

describe("a wrong signature in a group", () => {
  /** Swaps the signatures of two facts of a kind between two entries, both of them real. */
  function forged(wrongAt: readonly number[]): StoredEntry[] {
    const stored: StoredEntry[] = [...entries];
    for (const at of wrongAt) {
      const one = stored[at];
      if (!one) continue;
      const text = one.text.replace(/("signature":"0x)(..)/, (_, head, byte) => head + flipped(byte));
      stored[at] = { ...one, text };
    }
    return rehashed(stored);
  }

  const signed = entries.flatMap(({ text }, at) => (text.includes('"signature":"0x') ? [at] : []));

  it("is named exactly, also when there are several", () => {
    fc.assert(
      fc.property(fc.subarray(signed, { minLength: 1, maxLength: 5 }), (wrongAt) => {
        const first = Math.min(...wrongAt) + 1;
        const found = outcome(verifyJournal, forged(wrongAt));
        expect(found).toMatchObject({
          index: first,
          why: expect.stringMatching(/not signed|not its author/),
        });
        expect(found).toEqual(outcome(verifyOneByOne, forged(wrongAt)));
      }),
      { numRuns: 15 },
    );
  });

  it("is named before what else is wrong after it, and behind what is wrong before it", async () => {
    const [early = 0, late = 0] = [signed[2], signed.at(-1)];
    const stored = forged([early]);
    const broken = stored.map((one, at) => (at === late ? { ...one, hash: GENESIS.hash } : one));
    expect(outcome(verifyJournal, broken)).toMatchObject({ index: early + 1 });
    const other = forged([late]).map((one, at) => (at === early ? { ...one, hash: GENESIS.hash } : one));
    expect(outcome(verifyJournal, other)).toMatchObject({
      index: early + 1,
      why: expect.stringMatching(/hash/),
    });
    const walk = new JournalWalk();
    const check = (checks: Parameters<typeof checkSigners>[0]) => Promise.resolve(checkSigners(checks));
    await expect(walk.follow(broken, check, () => undefined)).rejects.toMatchObject({
      code: "journal_broken",
      facts: { index: early + 1 },
    });
  });
});

describe("a walk that goes on", () => {
  it("ends where one walk would have ended", async () => {
    const walk = new JournalWalk();
    const check = (checks: Parameters<typeof checkSigners>[0]) => Promise.resolve(checkSigners(checks));
    const held: number[] = [];
    const note = (verified: Verified) => held.push(verified.held);
    await walk.follow(entries.slice(0, 40), check, note);
    expect(walk.verified.held).toBe(40);
    expect(await walk.follow(entries.slice(40), check, note)).toEqual(whole);
    expect(held).toEqual([40, entries.length]);
  });

  it("passes on what its checker rejects with", async () => {
    const gone = new Error("no threads");
    const check = () => Promise.reject(gone);
    await expect(new JournalWalk().follow(entries, check, () => undefined)).rejects.toBe(gone);
  });

  it("names a wrong signature that stands before a torn file", () => {
    const stored = entries.slice(0, 9).map((one, at) => {
      const text = at === 3 ? one.text.replace(/"signature":"0x../, '"signature":"0x00') : one.text;
      return { ...one, text };
    });
    const torn = new Fault("disk_failed", "torn");
    function* until() {
      yield* rehashed(stored);
      throw torn;
    }
    expect(outcome(verifyJournal, until())).toMatchObject({ index: 4 });
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const flipped = (byte: string) => (Number.parseInt(byte, 16) ^ 1).toString(16).padStart(2, "0");
