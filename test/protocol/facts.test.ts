import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Cause,
  decodeCause,
  decodeFact,
  encodeFact,
  FACT_KINDS,
  type Fact,
  type FactKind,
  type FactNamed,
  type Posting,
  postingsOf,
} from "../../src/protocol/facts.ts";
import {
  anyAddress,
  anyAmount,
  anyCount,
  anyFuel,
  anyHash,
  anyId,
  anyInstant,
  anyManifest,
  anyRate,
  anyRole,
  anyRunTerms,
  anySignature,
  anyTask,
  anyText,
  anyVerdict,
  anyVoucher,
} from "./any-scalar.ts";

const anyChange = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
const anyPosting: fc.Arbitrary<Posting> = fc.record({
  account: fc.oneof(
    fc.constant("fee"),
    fc
      .tuple(fc.constantFrom("in", "out", "credit", "held", "owed"), anyAddress)
      .map(([sort, address]) => `${sort}:${address}`),
  ),
  change: anyChange,
});
const postings = fc.array(anyPosting, { maxLength: 4 });
const level = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
const lane = {
  payer: anyAddress,
  payee: anyAddress,
  token: anyAddress,
  epoch: anyCount,
  deposit: anyAmount,
  settled: anyAmount,
  closeAt: anyCount,
  window: anyCount,
};
const bill = {
  requester: anyAddress,
  price: anyAmount,
  fee: anyAmount,
  checks: anyAmount,
  legs: fc.array(fc.record({ payee: anyAddress, role: anyRole, amount: anyAmount, voucher: anyVoucher }), {
    maxLength: 3,
  }),
};
const assigned = { task: anyTask, role: anyRole, provider: anyAddress };
const kind = <K extends FactKind>(name: K) => ({ kind: fc.constant(name) });

/** A fact of each kind, by hand, so that a forgotten codec shows. */
const FACTS: { readonly [K in FactKind]: fc.Arbitrary<FactNamed<K>> } = {
  gatewayStarted: fc.record({
    ...kind("gatewayStarted"),
    gateway: anyAddress,
    chainId: anyCount,
    vault: anyAddress,
    token: anyAddress,
    decimals: anyCount,
    feeBasisPoints: anyCount,
  }),
  deviceEnrolled: fc.record({
    ...kind("deviceEnrolled"),
    device: anyAddress,
    owner: fc.option(anyAddress),
    name: anyText,
    manufacturer: level,
    serialNumber: level,
  }),
  laneObserved: fc.record({ ...kind("laneObserved"), ...lane, block: anyCount }),
  laneReconciled: fc.record({
    ...kind("laneReconciled"),
    payer: anyAddress,
    payee: anyAddress,
    epoch: anyCount,
    amount: fc.bigInt({ min: -(2n ** 96n), max: 2n ** 96n }),
    postings,
  }),
  voucherShown: fc.record({
    ...kind("voucherShown"),
    payee: anyAddress,
    amount: anyAmount,
    voucher: anyVoucher,
    postings,
  }),
  creditPaidOut: fc.record({
    ...kind("creditPaidOut"),
    device: anyAddress,
    amount: anyAmount,
    voucher: anyVoucher,
    postings,
  }),
  debtPaid: fc.record({ ...kind("debtPaid"), device: anyAddress, amount: anyAmount, postings }),
  halted: fc.record({ ...kind("halted"), reason: anyText }),
  resumed: fc.record({ ...kind("resumed"), reason: anyText }),
  payingStopped: fc.record({ ...kind("payingStopped"), reason: anyText }),
  payingResumed: fc.record({ ...kind("payingResumed"), reason: anyText }),
  deviceDisabled: fc.record({ ...kind("deviceDisabled"), device: anyAddress }),
  deviceEnabled: fc.record({ ...kind("deviceEnabled"), device: anyAddress }),
  voucherReceived: fc.record({
    ...kind("voucherReceived"),
    payer: anyAddress,
    amount: anyAmount,
    voucher: anyVoucher,
    postings,
  }),
  offered: fc.record({
    ...kind("offered"),
    task: anyTask,
    requester: anyAddress,
    id: anyId,
    firmware: anyHash,
    firmwareBytes: anyCount,
    input: anyHash,
    inputBytes: anyCount,
    maxPrice: anyAmount,
    checkBudget: anyAmount,
    deadline: anyInstant,
    payment: fc.constantFrom("prepaid", "result"),
    ...anyRunTerms,
    manifest: fc.option(anyManifest),
    signature: anySignature,
    postings,
  }),
  announced: fc.record({ ...kind("announced"), task: anyTask, bidBy: anyInstant }),
  bidPlaced: fc.record({
    ...kind("bidPlaced"),
    task: anyTask,
    provider: anyAddress,
    id: anyId,
    rate: anyRate,
    expires: anyInstant,
    signature: anySignature,
  }),
  awarded: fc.record({
    ...kind("awarded"),
    ...assigned,
    rate: anyRate,
    feeBasisPoints: anyCount,
    acceptBy: anyInstant,
    runBy: anyInstant,
    award: anyHash,
    signature: anySignature,
  }),
  accepted: fc.record({ ...kind("accepted"), ...assigned, award: anyHash, signature: anySignature }),
  started: fc.record({ ...kind("started"), ...assigned, runBy: anyInstant }),
  withdrawn: fc.record({
    ...kind("withdrawn"),
    ...assigned,
    how: fc.constantFrom(
      "declined",
      "accept_timeout",
      "forfeited",
      "run_timeout",
      "output_missing",
      "outvoted",
    ),
    reason: anyText,
  }),
  delivered: fc.record({
    ...kind("delivered"),
    ...assigned,
    award: anyHash,
    verdict: anyVerdict,
    output: fc.option(anyHash),
    outputBytes: anyCount,
    fuel: anyFuel,
    signature: anySignature,
  }),
  checked: fc.record({
    ...kind("checked"),
    task: anyTask,
    rung: fc.constantFrom("checker", "rerun", "referee"),
    provider: fc.option(anyAddress),
    verdict: fc.option(anyVerdict),
    output: fc.option(anyHash),
    fuel: anyFuel,
    passed: fc.boolean(),
    reason: anyText,
  }),
  verified: fc.record({
    ...kind("verified"),
    task: anyTask,
    verdict: fc.constantFrom("accepted", "rejected"),
    rechecked: fc.boolean(),
  }),
  invoiced: fc.record({
    ...kind("invoiced"),
    task: anyTask,
    provider: anyAddress,
    fuel: anyFuel,
    ...bill,
    salt: anyHash,
    saltedOutput: anyHash,
    due: anyInstant,
    signature: anySignature,
    receipt: anySignature,
    postings,
  }),
  paid: fc.record({
    ...kind("paid"),
    task: anyTask,
    provider: anyAddress,
    fuel: anyFuel,
    ...bill,
    receipt: anySignature,
    postings,
  }),
  ended: fc.record({
    ...kind("ended"),
    task: anyTask,
    state: fc.constantFrom("declined", "expired", "forfeited", "rejected", "cancelled", "refunded"),
    reason: anyText,
    ...bill,
    postings,
  }),
  transactionPrepared: fc.record({
    ...kind("transactionPrepared"),
    transaction: anyHash,
    purpose: fc.constantFrom("claim", "fund", "close", "withdraw", "approve", "owner"),
    nonce: anyCount,
    raw: anyHash,
    maxFeePerGas: anyChange,
    maxPriorityFeePerGas: anyChange,
    replaces: fc.option(anyHash),
    rows: anyCount,
  }),
  transactionMined: fc.record({
    ...kind("transactionMined"),
    transaction: anyHash,
    block: anyCount,
    gasUsed: anyChange,
    gasCost: anyChange,
    succeeded: fc.boolean(),
  }),
  transactionDropped: fc.record({ ...kind("transactionDropped"), transaction: anyHash, reason: anyText }),
  chainReorganized: fc.record({ ...kind("chainReorganized"), block: anyCount, was: anyHash, is: anyHash }),
  claimed: fc.record({
    ...kind("claimed"),
    transaction: anyHash,
    block: anyCount,
    gasUsed: anyChange,
    gasCost: anyChange,
    lanes: fc.array(fc.record(lane), { maxLength: 3 }),
  }),
};

describe("a fact", () => {
  it.each(FACT_KINDS)("%s comes back from its JSON text, and its text is canonical", (name) => {
    const arbitrary: fc.Arbitrary<Fact> = FACTS[name];
    fc.assert(
      fc.property(arbitrary, (fact) => {
        const text = JSON.stringify(encodeFact(fact));
        const back = decodeFact(JSON.parse(text));
        expect(back).toEqual(fact);
        expect(JSON.stringify(encodeFact(back))).toBe(text);
        const shuffled = Object.fromEntries(Object.entries(fact).toReversed()) as Fact;
        expect(JSON.stringify(encodeFact(shuffled))).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  it.each(FACT_KINDS)("%s has all of its fields and no other", (name) => {
    const [fact] = fc.sample<Fact>(FACTS[name], { numRuns: 1, seed: 7 });
    const json = JSON.parse(JSON.stringify(fact && encodeFact(fact)));
    expect(() => decodeFact({ ...json, extra: 1 })).toThrow();
    for (const key of Object.keys(json)) {
      const { [key]: _, ...rest } = json;
      expect(() => decodeFact(rest), key).toThrow();
    }
  });

  it("of a kind that nobody knows is none", () => {
    for (const value of [{ kind: "printed" }, { kind: "toString" }, {}, null, "announced", []]) {
      expect(() => decodeFact(value)).toThrow();
    }
  });
});

describe("a cause", () => {
  it("comes back from its JSON text", () => {
    const causes: fc.Arbitrary<Cause> = fc.record({
      by: fc.option(anyAddress),
      topic: anyText,
      id: anyText,
      digest: anyText,
      refused: fc.option(fc.constantFrom("bad_signature", "voucher_stale", "too_many")),
    });
    fc.assert(
      fc.property(causes, (cause) => {
        expect(decodeCause(JSON.parse(JSON.stringify(cause)))).toEqual(cause);
      }),
    );
    const cause = { by: null, topic: "offer", id: "1", digest: "", refused: null };
    expect(() => decodeCause({ ...cause, refused: "because" })).toThrow();
    expect(() => decodeCause({ ...cause, extra: 1 })).toThrow();
  });
});

describe("the postings of facts", () => {
  it("are those of each fact, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(...Object.values<fc.Arbitrary<Fact>>(FACTS)), { maxLength: 6 }),
        (facts) => {
          const all: Posting[] = [];
          for (const fact of facts) if ("postings" in fact) all.push(...fact.postings);
          expect(postingsOf(facts)).toEqual(all);
        },
      ),
      { numRuns: 40 },
    );
  });
});
