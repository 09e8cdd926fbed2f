import { describe, expect, it } from "vitest";
import { instant } from "../../src/base/clock.ts";
import { isFault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { GENESIS, type StoredEntry, sealEntry } from "../../src/journal/entry.ts";
import type { Draft, Entry } from "../../src/journal/journal.ts";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { type Verified, verifyJournal } from "../../src/journal/verify.ts";
import { sha256 } from "../../src/kernels/digest.ts";
import type { Fact, FactKind, FactNamed, Leg } from "../../src/protocol/facts.ts";
import { BOARD, buildLife, bytes32, CHECKER, draftOf, ROBOT, START } from "./life.ts";
import { verifyOneByOne } from "./one-by-one.ts";

const life = await buildLife();

/** A chain over any drafts, with every hash right: what a forger who owns the disk would leave. */
function chain(drafts: readonly Draft[]): Entry[] {
  const entries: Entry[] = [];
  for (const draft of drafts) entries.push(sealEntry(entries.at(-1) ?? GENESIS, draft));
  return entries;
}

/** The life with the nth fact of one kind changed, and the index of its record. */
function forged<K extends FactKind>(kind: K, change: (fact: FactNamed<K>) => Fact, nth = 0) {
  let seen = -1;
  let index = 0;
  const drafts = life.drafts.map((draft, i) => {
    const facts = draft.facts.map((fact) => {
      if (fact.kind !== kind || ++seen !== nth) return fact;
      index = i + 1;
      return change(fact as FactNamed<K>);
    });
    return { ...draft, facts };
  });
  // What comes before is known to hold, and nothing after the forgery is read.
  return { index, entries: chain(drafts.slice(0, index)) };
}

const broken = (index: number, why: unknown = expect.any(String)) =>
  expect.objectContaining({ code: "journal_broken", facts: { index, why } });

/** What a walk says: that all holds, or which entry does not and why. */
function found(walk: (entries: Iterable<StoredEntry>) => Verified, entries: Iterable<StoredEntry>): unknown {
  try {
    return walk(entries);
  } catch (fault) {
    return isFault(fault, "journal_broken") ? fault.facts : fault;
  }
}

describe("verifyJournal", () => {
  it("holds an honest life and counts its signatures", () => {
    const journal = memoryJournal();
    journal.append(life.drafts);
    const progress: number[] = [];
    const verified = verifyJournal(journal.entries(), (held) => progress.push(held));
    expect(verified).toEqual(verifyOneByOne(journal.entries()));
    // 3 vouchers in, 2 of our own outside of tasks, 4 offers, 1 bid, 5 awards, 4 accepts, 3 results, 4 legs,
    // 1 invoice, 3 receipts, 1 manifest.
    expect(verified).toEqual({ held: life.drafts.length, signatures: 31, head: journal.head() });
    expect(progress.at(-1)).toBe(life.drafts.length);
  });

  it("holds an empty journal", () => {
    expect(verifyJournal([])).toEqual({ held: 0, signatures: 0, head: GENESIS });
  });

  it("names a changed text, a wrong hash, a removed, a moved and a repeated entry", () => {
    const [first, second, third] = chain(life.drafts.slice(0, 3));
    if (!first || !second || !third) throw new Error("no life");
    const changed = { ...second, text: second.text.replace("robot-1", "robot-2") };
    expect(() => verifyJournal([first, changed])).toThrow(broken(2));
    expect(() => verifyJournal([first, { ...second, hash: bytes32(1) }])).toThrow(broken(2));
    expect(() => verifyJournal([first, third])).toThrow(broken(2));
    expect(() => verifyJournal([second])).toThrow(broken(1));
    expect(() => verifyJournal([first, { ...third, index: 2 }])).toThrow(broken(2));
    expect(() => verifyJournal([first, first])).toThrow(broken(2));
  });

  it("names an entry that is well hashed but no record", () => {
    const [first] = chain([draftOf([])]);
    if (!first) throw new Error("no entry");
    for (const text of ["{}", "[]", "not json", JSON.stringify([GENESIS.hash, 1, 0, {}, []])]) {
      const hash = sha256(text);
      expect(() => verifyJournal([{ index: 1, hash, text }])).toThrow(broken(1, "its text is no record"));
    }
  });

  it("names postings that do not sum to zero", () => {
    const { index, entries } = forged("ended", (fact) => ({ ...fact, postings: fact.postings.slice(1) }));
    expect(() => verifyJournal(entries)).toThrow(broken(index, expect.stringContaining("sum to")));
  });

  it("names a task fact whose offer is missing, and an offer made twice", () => {
    const offers = life.drafts.slice(0, 4);
    expect(() => verifyJournal(chain([...offers, ...offers.slice(3)]))).toThrow(broken(5));
    const [head] = offers;
    const later = life.drafts.slice(5, 6);
    if (!head) throw new Error("no life");
    expect(() => verifyJournal(chain([head, ...later]))).toThrow(
      broken(2, expect.stringContaining("not open")),
    );
    expect(() => verifyJournal(chain(later))).toThrow(broken(1, expect.stringContaining("no start")));
  });
});

/** Each forgery with the chain rehashed over it: only signatures and the terms under them can tell. */
const FORGERIES: readonly [string, () => { index: number; entries: Entry[] }][] = [
  ["an offer's price", () => forged("offered", (fact) => ({ ...fact, maxPrice: amount(9n) }))],
  ["an offer's requester", () => forged("offered", (fact) => ({ ...fact, requester: BOARD.address }))],
  ["a bid's rate", () => forged("bidPlaced", (fact) => ({ ...fact, rate: amount(9n) }))],
  ["a bid's provider", () => forged("bidPlaced", (fact) => ({ ...fact, provider: CHECKER.address }))],
  ["an offer's fuel limit", () => forged("offered", (fact) => ({ ...fact, fuelLimit: 9 }))],
  ["an offer's cost table", () => forged("offered", (fact) => ({ ...fact, costs: bytes32(9) }))],
  ["an award's rate", () => forged("awarded", (fact) => ({ ...fact, rate: amount(9n) }))],
  ["an award's fee", () => forged("awarded", (fact) => ({ ...fact, feeBasisPoints: 9 }))],
  ["an award's hash", () => forged("awarded", (fact) => ({ ...fact, award: bytes32(9) }))],
  [
    "an award's signature",
    () => forged("awarded", (fact) => ({ ...fact, signature: `0x${"11".repeat(65)}` })),
  ],
  ["who accepted", () => forged("accepted", (fact) => ({ ...fact, provider: CHECKER.address }))],
  ["an accept's award", () => forged("accepted", (fact) => ({ ...fact, award: bytes32(9) }))],
  [
    "an accept's signature",
    () => forged("accepted", (fact) => ({ ...fact, signature: `0x${"00".repeat(65)}` })),
  ],
  ["an output", () => forged("delivered", (fact) => ({ ...fact, output: bytes32(9) }))],
  ["a run's verdict", () => forged("delivered", (fact) => ({ ...fact, verdict: "trap" }))],
  ["the fuel of a run", () => forged("delivered", (fact) => ({ ...fact, fuel: 9 }))],
  ["the fuel that a receipt is for", () => forged("paid", (fact) => ({ ...fact, fuel: 9 }))],
  ["the fuel that an invoice is for", () => forged("invoiced", (fact) => ({ ...fact, fuel: 9 }))],
  ["an output's size", () => forged("delivered", (fact) => ({ ...fact, outputBytes: 9 }), 1)],
  [
    "a manifest's name",
    () =>
      forged(
        "offered",
        (fact) => ({ ...fact, manifest: fact.manifest && { ...fact.manifest, name: "x" } }),
        2,
      ),
  ],
  ["a result's role", () => forged("delivered", (fact) => ({ ...fact, role: "check" }))],
  ["who paid in", () => forged("voucherReceived", (fact) => ({ ...fact, payer: BOARD.address }))],
  ["what a voucher adds", () => forged("voucherReceived", (fact) => ({ ...fact, amount: amount(9n) }), 1)],
  [
    "a voucher's total",
    () =>
      forged("voucherReceived", (fact) => {
        const cumulative = amount(fact.voucher.cumulative + 1n);
        return { ...fact, amount: amount(fact.amount + 1n), voucher: { ...fact.voucher, cumulative } };
      }),
  ],
  [
    "a voucher's epoch",
    () => forged("voucherReceived", (fact) => ({ ...fact, voucher: { ...fact.voucher, epoch: 1 } })),
  ],
  [
    "a voucher's payee",
    () =>
      forged("voucherReceived", (fact) => ({ ...fact, voucher: { ...fact.voucher, payee: ROBOT.address } })),
  ],
  ["a receipt's price", () => forged("paid", (fact) => ({ ...fact, price: amount(9n) }))],
  ["a receipt's signature", () => forged("paid", (fact) => ({ ...fact, receipt: `0x${"00".repeat(65)}` }))],
  [
    "a leg's amount",
    () =>
      forged("paid", (fact) => ({ ...fact, legs: fact.legs.map((leg) => ({ ...leg, amount: amount(9n) })) })),
  ],
  [
    "a leg's payee",
    () =>
      forged("paid", (fact) => ({
        ...fact,
        legs: fact.legs.map((leg) => ({ ...leg, payee: ROBOT.address })),
      })),
  ],
  [
    "a leg's voucher",
    () =>
      forged("paid", (fact) => {
        const legs = fact.legs.map((leg) => ({
          ...leg,
          voucher: { ...leg.voucher, signature: `0x${"00".repeat(65)}` as const },
        }));
        return { ...fact, legs };
      }),
  ],
  ["that a receipt has a result", () => forged("paid", (fact) => ({ ...fact, provider: CHECKER.address }))],
  ["whose receipt it is", () => forged("paid", (fact) => ({ ...fact, requester: BOARD.address }), 1)],
  ["an invoice's price", () => forged("invoiced", (fact) => ({ ...fact, price: amount(9n) }))],
  ["an invoice's due time", () => forged("invoiced", (fact) => ({ ...fact, due: instant(START) }))],
  ["an invoice's salt", () => forged("invoiced", (fact) => ({ ...fact, salt: bytes32(9) }))],
  ["an invoice's provider", () => forged("invoiced", (fact) => ({ ...fact, provider: ROBOT.address }))],
  ["an invoice's requester", () => forged("invoiced", (fact) => ({ ...fact, requester: BOARD.address }))],
  [
    "an invoice's receipt",
    () => forged("invoiced", (fact) => ({ ...fact, receipt: `0x${"00".repeat(65)}` })),
  ],
  ["that an invoice pays nobody twice", () => forged("invoiced", (fact) => ({ ...fact, legs: twice(fact) }))],
  ["who is paid by a cancelled task", () => forged("ended", (fact) => ({ ...fact, legs: twice(fact) }), 1)],
  ["who has cancelled", () => forged("ended", (fact) => ({ ...fact, requester: BOARD.address }), 1)],
  ["what a payee has shown", () => forged("voucherShown", (fact) => ({ ...fact, amount: amount(9n) }))],
  ["who has shown it", () => forged("voucherShown", (fact) => ({ ...fact, payee: BOARD.address }))],
  ["whose credit went back", () => forged("creditPaidOut", (fact) => ({ ...fact, device: BOARD.address }))],
  [
    "which chain a voucher is for",
    () => forged("creditPaidOut", (fact) => ({ ...fact, voucher: { ...fact.voucher, chainId: 1 } })),
  ],
  [
    "which vault a voucher is for",
    () => {
      const vault = BOARD.address;
      return forged("voucherShown", (fact) => ({ ...fact, voucher: { ...fact.voucher, vault } }));
    },
  ],
];

function twice({ legs }: { legs: readonly Leg[] }): Leg[] {
  return [...legs, ...legs];
}

describe("verifyJournal, where a forger has rehashed the chain", () => {
  it.each(FORGERIES)("finds %s changed", (_, forge) => {
    const { index, entries } = forge();
    expect(index).toBeGreaterThan(1);
    expect(() => verifyJournal(entries)).toThrow(broken(index));
    expect(found(verifyJournal, entries)).toEqual(found(verifyOneByOne, entries));
  });

  it("names an entry whose numbers no signature can cover", () => {
    const { index, entries } = forged("offered", (fact) => ({ ...fact, firmwareBytes: 2 ** 32 }));
    expect(() => verifyJournal(entries)).toThrow(broken(index, "no uint32 can hold 4294967296"));
  });

  it("counts a lane's new life from what is settled in it", () => {
    const lane = life.drafts[2];
    const seen = lane?.facts.find((fact) => fact.kind === "laneObserved");
    if (!lane || !seen) throw new Error("no lane");
    const settled = { ...lane, facts: [{ ...seen, settled: amount(1n) }] };
    const drafts = [...life.drafts.slice(0, 2), settled, ...life.drafts.slice(3, 4)];
    expect(() => verifyJournal(chain(drafts))).toThrow(broken(4, expect.stringContaining("adds 9999")));
  });
});
