import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amount } from "../src/base/money.ts";
import { recoverAddress } from "../src/kernels/signature.ts";
import { owedBy } from "../src/payment/payment.ts";
import { standingOf } from "../src/payment/standing.ts";
import { encodeDraft } from "../src/protocol/draft.ts";
import { offerDigest } from "../src/protocol/typed-data.ts";
import { isVoucherOf } from "../src/protocol/voucher.ts";
import { Desk, digestOf, offerDraft, soon, voucherDraft } from "./custody-desk.ts";
import { saidOf } from "./exchange/counter.ts";
import {
  accept,
  BOARD,
  bid,
  CART,
  funded,
  GATEWAY,
  hash32,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  result,
  voucherOf,
} from "./exchange/stage.ts";

const DEPOSIT = 10_000n;

async function openDesk(options: ConstructorParameters<typeof Desk>[0] = {}): Promise<Desk> {
  const desk = new Desk(options);
  await desk.counter.observe(funded([ROBOT, CART, BOARD], DEPOSIT));
  return desk;
}

const signedIn = ({ counter }: Desk) => counter.state.payment.incoming.get(ROBOT.address)?.signed;
const stateOf = ({ counter }: Desk, task: `0x${string}`) => counter.state.market.tasks.get(task)?.state;

/** The lane has closed with nothing claimed, and is funded again. */
const reopened = ({ counter }: Desk, epoch: number) =>
  counter.observe([laneSeen(ROBOT.address, GATEWAY.address, DEPOSIT, { epoch })]);

describe("a draft becomes the command of a device with a key of its own:", () => {
  it("a voucher", async () => {
    const desk = await openDesk();
    await desk.voucher(voucherDraft(1_200n, "v-1"));
    expect(saidOf(desk.counter.heard(), "ack")).toMatchObject({ id: "v-1", journalIndex: 2 });
    const [fact] = desk.journal.entry(2)?.facts ?? [];
    if (fact?.kind !== "voucherReceived") throw new Error("no voucher was received");
    expect(fact).toMatchObject({ payer: ROBOT.address, amount: 1_200n });
    expect(isVoucherOf(fact.voucher, ROBOT.address)).toBe(true);
    const same = await voucherOf(ROBOT, 1_200n);
    expect(fact.voucher).toEqual(same);
    expect(desk.journal.entry(2)?.cause).toMatchObject({ by: ROBOT.address, topic: "voucher", id: "v-1" });
  });

  it("an offer, paid for by what is signed already", async () => {
    const desk = await openDesk();
    await desk.voucher(voucherDraft(1_200n));
    await desk.offer(offerDraft("o-1"));
    const [fact] = desk.journal.entry(3)?.facts ?? [];
    if (fact?.kind !== "offered") throw new Error("nothing was offered");
    expect(fact).toMatchObject({ requester: ROBOT.address, id: "o-1", payment: "prepaid" });
    const digest = offerDigest(MARKET, ROBOT.address, offerTerms("o-1"));
    expect(recoverAddress(digest, fact.signature)).toBe(ROBOT.address);
    expect(desk.codes).toEqual([]);
  });

  it("the same draft the same command, however it is written, and after a restart as well", async () => {
    const before = await openDesk();
    const draft = voucherDraft(500n, "v-1");
    const { version, id, epoch, cumulative } = draft;
    await before.voucher(draft);
    const first = before.counter.heard();
    for (const desk of [before, before.restarted(), before.restarted({ hasSnapshot: true })]) {
      const turned = { cumulative: `${cumulative}`, epoch, id, version };
      await desk.say("voucher", ` ${JSON.stringify(turned)}\n`);
      expect(desk.counter.heard()).toEqual(first);
      await desk.voucher(voucherDraft(600n, "v-1"));
      expect(saidOf(desk.counter.heard(), "refusal")).toMatchObject({ id: "v-1", code: "id_reused" });
      expect(desk.journal.head().index).toBe(2);
    }
  });

  it("also an offer on result that has taken the rest of the cap", async () => {
    const desk = await openDesk({ cap: 2_600n, limits: { onResult: amount(5_000n) } });
    await desk.voucher(voucherDraft(2_000n));
    await desk.work(offerDraft("o-0", { maxPrice: amount(2_000n), checkBudget: amount(0n) }), 2_000n);
    const price = { maxPrice: amount(600n), checkBudget: amount(0n) };
    const draft = offerDraft("o-1", { payment: "result", ...price, deadline: soon(desk) });
    desk.counter.heard();
    await desk.offer(draft);
    const first = saidOf(desk.counter.heard(), "ack");
    expect(first).toMatchObject({ id: "o-1" });
    for (const again of [desk, desk.restarted()]) {
      await again.offer(draft);
      expect(saidOf(again.counter.heard(), "ack")).toEqual(first);
      expect(again.told).toEqual([]);
    }
  });

  it("and whoever has one passes untouched, as does what no signature is for", async () => {
    const desk = await openDesk();
    const terms = offerTerms("o-1", { voucher: await voucherOf(CART, 1_200n) });
    await desk.say("offer", JSON.stringify(await plain(terms)), CART.address);
    await desk.say("payout", '{"version":1,"id":"p-1"}');
    expect(desk.counter.heard().map(({ to, topic }) => [to, topic])).toEqual([
      [CART.address, "ack"],
      [ROBOT.address, "refusal"],
    ]);
    expect([desk.codes, desk.signed]).toEqual([["no_credit"], []]);
  });
});

/** A signed offer of CART's as JSON would have it. */
async function plain(terms: Parameters<typeof offer>[1]): Promise<unknown> {
  const text = JSON.stringify(await offer(CART, terms), (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  return JSON.parse(text);
}

describe("nothing is signed", () => {
  const json = (value: unknown) =>
    JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}` : one));
  const task = hash32(1).slice(0, 34) as `0x${string}`;
  const cases = [
    ["a bid", "bid", async () => json(await bid(ROBOT, "x-1", task, 5n))],
    ["an accept", "accept", async () => json(await accept(ROBOT, "x-1", task, hash32(2)))],
    ["a result", "result", async () => json(await result(ROBOT, "x-1", task, hash32(2)))],
    [
      "a voucher that is signed",
      "voucher",
      async () => json({ version: 1, id: "x-1", voucher: await voucherOf(ROBOT, 5n) }),
    ],
    [
      "a voucher to somebody else",
      "voucher",
      () => json({ ...voucherDraft(5n, "x-1"), payee: CART.address }),
    ],
    ["an offer that is signed", "offer", async () => json(await offer(ROBOT, offerTerms("x-1")))],
    [
      "an offer with a voucher",
      "offer",
      async () => json({ ...offerDraft("x-1"), voucher: await voucherOf(ROBOT, 5n) }),
    ],
  ] as const;

  it.each(cases)("for %s", async (_, topic, textOf) => {
    const desk = await openDesk();
    await desk.say(topic, await textOf());
    expect(desk.told).toMatchObject([{ id: "x-1", topic, refusal: { refused: "bad_schema" } }]);
    expect(desk.told[0]?.refusal.hint).toContain("the gateway");
    expect([desk.signed, desk.journal.head().index]).toEqual([[], 1]);
  });

  it.each([
    ["too_large", "x".repeat(4_097)],
    ["bad_json", "{"],
  ])("for what is %s", async (code, text) => {
    const desk = await openDesk();
    await desk.say("offer", text);
    expect(desk.told).toMatchObject([{ id: null, topic: "offer", refusal: { refused: code } }]);
  });

  it.each([
    ["a life of the lane that is not yet", "voucher_wrong_epoch", voucherDraft(5n, "x-1", 1)],
    ["more than there is", "voucher_over_deposit", voucherDraft(DEPOSIT + 1n, "x-1")],
  ])("for %s: %s", async (_, code, draft) => {
    const desk = await openDesk({ cap: 2n * DEPOSIT });
    await desk.voucher(draft);
    expect(desk.told).toMatchObject([{ id: "x-1", refusal: { refused: code } }]);
    expect(desk.signed).toEqual([]);
  });

  it("beyond what is signed while paying is stopped, and again once it goes on", async () => {
    const desk = await openDesk();
    await desk.voucher(voucherDraft(500n, "v-1"));
    await desk.counter.tell({ topic: "stopPaying", reason: "a key is lost" });
    await desk.voucher(voucherDraft(501n, "v-2"));
    expect([desk.codes, desk.signed, signedIn(desk)]).toEqual([["gateway_stopped"], [digestOf(500n)], 500n]);
    // a board that has not heard the ack says it again, and hears it
    await desk.voucher(voucherDraft(500n, "v-1"));
    expect(desk.codes).toHaveLength(1);
    await desk.counter.tell({ topic: "resumePaying", reason: "it is found" });
    await desk.voucher(voucherDraft(501n, "v-2"));
    expect(signedIn(desk)).toBe(501n);
  });

  it("once the wallet is gone, also for what waits", async () => {
    const desk = await openDesk();
    const waiting = [desk.voucher(voucherDraft(5n)), desk.voucher(voucherDraft(6n))];
    desk.wallet = null;
    await Promise.all(waiting);
    expect(desk.codes).toEqual(["unknown_device", "unknown_device"]);
    await desk.voucher(voucherDraft(7n));
    expect(desk.counter.refused).toMatchObject([{ refusal: { refused: "bad_schema" } }]);
    expect([desk.signed, signedIn(desk)]).toEqual([[], 0n]);
  });

  it("where the wallet fails: the device hears nothing and says it again", async () => {
    const desk = await openDesk();
    desk.broken = new Error("the key is locked");
    await expect(desk.voucher(voucherDraft(5n))).rejects.toBe(desk.broken);
    expect([desk.faults, desk.codes, desk.counter.heard()]).toEqual([[desk.broken], [], []]);
    desk.broken = null;
    await desk.voucher(voucherDraft(5n));
    expect(signedIn(desk)).toBe(5n);
  });
});

describe("the cap", () => {
  it("is told with what is left of it, and signs to the last unit", async () => {
    const desk = await openDesk({ cap: 1_000n });
    await desk.voucher(voucherDraft(700n));
    await desk.voucher(voucherDraft(1_001n, "x-1"));
    expect(desk.told).toMatchObject([{ id: "x-1", topic: "voucher", refusal: { refused: "over_cap" } }]);
    expect(desk.told[0]?.refusal.hint).toContain("10.00, of which 3.00 is left");
    expect(desk.signed).not.toContain(digestOf(1_001n));
    await desk.voucher(voucherDraft(1_000n));
    expect(signedIn(desk)).toBe(1_000n);
    // what is signed is signed again, though the cap and the deposit are less by now
    desk.wallet = desk.walletUnder(amount(10n));
    await desk.counter.observe([laneSeen(ROBOT.address, GATEWAY.address, 300n)]);
    for (const sum of [700n, 1_000n]) await desk.voucher(voucherDraft(sum));
    expect(desk.codes).toEqual(["over_cap"]);
  });

  it("is refused in another amount as soon as it is another", async () => {
    const desk = await openDesk({ cap: 0n });
    await desk.voucher(voucherDraft(1n));
    expect(desk.told[0]?.refusal.hint).toContain("0.00, of which 0.00 is left");
    desk.wallet = desk.walletUnder(amount(50n));
    await desk.voucher(voucherDraft(1n));
    expect([signedIn(desk), desk.codes]).toEqual([1n, ["over_cap"]]);
    desk.wallet = desk.walletUnder(amount(0n));
    await desk.voucher(voucherDraft(2n));
    expect(desk.told[1]?.refusal.hint).toContain("0.00, of which 0.00 is left");
  });

  it("counts every life of the lane, and no restart forgets one", async () => {
    let desk = await openDesk({ cap: 1_000n });
    await desk.voucher(voucherDraft(600n));
    await reopened(desk, 1);
    expect(signedIn(desk)).toBe(0n);
    for (const hasSnapshot of [false, true]) {
      desk = desk.restarted({ hasSnapshot });
      await desk.voucher(voucherDraft(401n, "x", 1));
      expect(desk.told[0]?.refusal.hint).toContain("10.00, of which 4.00 is left");
      expect(desk.signed).toEqual([]);
    }
    await desk.voucher(voucherDraft(400n, "v", 1));
    await reopened(desk, 2);
    await desk.voucher(voucherDraft(1n, "y", 2));
    expect(desk.codes).toEqual(["over_cap", "over_cap"]);
  });

  it("counts what the chain shows of a wallet that this journal does not know", async () => {
    const desk = await openDesk({ cap: 1_000n });
    await desk.counter.observe([laneSeen(ROBOT.address, GATEWAY.address, DEPOSIT, { settled: 900n })]);
    await desk.voucher(voucherDraft(1_001n));
    await desk.voucher(voucherDraft(1_000n));
    expect([desk.codes, signedIn(desk)]).toEqual([["over_cap"], 1_000n]);
  });

  it("has its last unit once for two drafts that race for it", async () => {
    const desk = await openDesk({ cap: 1_000n });
    await desk.voucher(voucherDraft(400n));
    // each adds 400 to what its sender has seen
    await Promise.all([desk.voucher(voucherDraft(800n, "a")), desk.voucher(voucherDraft(1_200n, "b"))]);
    expect([desk.told.map(({ id }) => id), signedIn(desk)]).toEqual([["b"], 800n]);
  });

  it("has room once for two offers on result that race for it", async () => {
    const desk = await openDesk({ cap: 3_000n, limits: { onResult: amount(5_000n) } });
    await desk.voucher(voucherDraft(2_000n));
    const all = { maxPrice: amount(2_000n), checkBudget: amount(0n) };
    await desk.work(offerDraft("o-0", all), 2_000n);
    const one = {
      payment: "result",
      maxPrice: amount(600n),
      checkBudget: amount(0n),
      deadline: soon(desk),
    } as const;
    await Promise.all([desk.offer(offerDraft("o-1", one)), desk.offer(offerDraft("o-2", one))]);
    expect(desk.told).toMatchObject([{ id: "o-2", topic: "offer", refusal: { refused: "over_cap" } }]);
    expect(desk.told[0]?.refusal.hint).toContain("30.00, of which 10.00 is left");
    expect(desk.counter.refused).toEqual([]);
    await desk.offer(offerDraft("o-3", { ...one, maxPrice: amount(400n) }));
    expect(desk.codes).toEqual(["over_cap"]);
  });
});

it("pays an invoice: the answer follows the voucher", async () => {
  const desk = await openDesk({ cap: 3_200n, limits: { onResult: amount(5_000n) } });
  await desk.voucher(voucherDraft(2_000n));
  await desk.work(offerDraft("o-0", { maxPrice: amount(2_000n), checkBudget: amount(0n) }), 2_000n);
  desk.counter.heard();
  const task = await desk.work(offerDraft("o-1", { payment: "result", deadline: soon(desk) }), 500n);
  expect(stateOf(desk, task)).toBe("invoiced");
  expect(saidOf(desk.counter.heard(), "invoice")).toMatchObject({ task, price: 500n });
  await desk.voucher(voucherDraft(2_500n));
  expect(saidOf(desk.counter.heard(), "answer")).toMatchObject({ task, state: "paid", spent: 500n });
  expect([stateOf(desk, task), owedBy(desk.counter.state.payment, ROBOT.address)]).toEqual(["paid", 0n]);
  expect(desk.codes).toEqual([]);
});

it("a gateway that is halted takes vouchers and no offers, as from anybody", async () => {
  const desk = await openDesk();
  await desk.counter.tell({ topic: "halt", reason: "a look at the books" });
  await desk.voucher(voucherDraft(1_200n));
  await desk.offer(offerDraft("o-1"));
  expect([desk.codes, signedIn(desk)]).toEqual([["gateway_stopped"], 1_200n]);
});

it("never signs more than the cap in all, whatever is said, closed, claimed and restarted", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ epoch: fc.nat(2), sum: fc.integer({ min: 1, max: 14 }) }) },
    { weight: 1, arbitrary: fc.record({ claimed: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ hasSnapshot: fc.boolean() }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
      const cap = 1_000n;
      let desk = await openDesk({ cap });
      const digests = new Map<string, { epoch: number; sum: bigint }>();
      const signed: string[] = [];
      let epoch = 0;
      for (const [at, one] of steps.entries()) {
        if ("sum" in one) {
          const sum = BigInt(one.sum) * 100n;
          digests.set(digestOf(sum, one.epoch), { epoch: one.epoch, sum });
          await desk.voucher(voucherDraft(sum, `v-${at}`, one.epoch));
        } else if ("claimed" in one) {
          const settled = ((signedIn(desk) ?? 0n) * BigInt(one.claimed)) / 100n;
          await desk.counter.observe([laneSeen(ROBOT.address, GATEWAY.address, DEPOSIT, { epoch, settled })]);
          await desk.counter.observe([laneSeen(ROBOT.address, GATEWAY.address, DEPOSIT, { epoch: ++epoch })]);
        } else {
          signed.push(...desk.signed);
          desk = desk.restarted(one);
        }
      }
      signed.push(...desk.signed);
      const highest = new Map<number, bigint>();
      for (const digest of signed) {
        const what = digests.get(digest);
        if (!what) throw new Error("something was signed that nobody has said");
        const before = highest.get(what.epoch) ?? 0n;
        highest.set(what.epoch, what.sum > before ? what.sum : before);
      }
      const total = [...highest.values()].reduce((sum, one) => sum + one, 0n);
      expect(total).toBeLessThanOrEqual(cap);
      expect(standingOf(desk.counter.state.payment.standings, ROBOT.address).promised).toBe(total);
      expect(desk.counter.broken).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

it("answers whatever is said once, and nothing that is wrong changes anything", async () => {
  const damaged = fc
    .tuple(
      fc.constantFrom("version", "id", "epoch", "cumulative", "more"),
      fc.oneof(
        fc.json(),
        fc.constant(undefined),
        fc.constantFrom("-1", "1e3", "0x5", -1, 1.5, 2 ** 53, null),
      ),
    )
    .map(([name, value]) =>
      JSON.stringify({ ...JSON.parse(encodeDraft("voucher", voucherDraft(5n))), [name]: value }),
    );
  const texts = fc.array(fc.oneof(damaged, fc.json(), fc.string()), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(texts, fc.constantFrom("offer" as const, "voucher" as const), async (said, topic) => {
      const desk = await openDesk({ cap: 1_000n });
      await Promise.all(said.map((text) => desk.say(topic, text)));
      expect(desk.told.length + desk.counter.heard().length).toBe(said.length);
      expect(desk.journal.head().index - 1).toBeLessThanOrEqual(desk.signed.length);
      expect(signedIn(desk)).toBeLessThanOrEqual(1_000n);
      expect([desk.faults, desk.counter.broken]).toEqual([[], []]);
    }),
    { numRuns: 60 },
  );
});

it("passes nothing on once it is stopped", async () => {
  const desk = await openDesk();
  const [first, ...others] = [1n, 2n, 3n].map((sum) => desk.voucher(voucherDraft(sum)));
  await first;
  desk.custody.stop();
  await Promise.all([...others, desk.voucher(voucherDraft(4n)), desk.say("payout", "{}")]);
  await desk.counter.heartbeat.idle();
  expect([signedIn(desk), desk.journal.head().index]).toEqual([1n, 2]);
  expect([desk.codes, desk.faults]).toEqual([[], []]);
});
