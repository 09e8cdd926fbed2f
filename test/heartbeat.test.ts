import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import type { Hex } from "../src/base/bytes.ts";
import { Fault } from "../src/base/fault.ts";
import { amount } from "../src/base/money.ts";
import { replay } from "../src/exchange/replay.ts";
import { memoryJournal } from "../src/journal/memory-journal.ts";
import { recoverAddress } from "../src/kernels/signature.ts";
import { creditOf, heldOf } from "../src/payment/payment.ts";
import { encodeMessage, type Message } from "../src/protocol/message.ts";
import { awardDigest, receiptDigest } from "../src/protocol/typed-data.ts";
import { voucherPayer } from "../src/protocol/voucher.ts";
import { type Counter, openCounter, saidOf } from "./exchange/counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CAMERA,
  CART,
  funded,
  GATEWAY,
  hash32,
  MARKET,
  offer,
  offerTerms,
  outcome,
  ROBOT,
  RULES,
  result,
  START,
  taskOfOffer,
  voucherOf,
} from "./exchange/stage.ts";

const TASK = taskOfOffer(ROBOT, offerTerms("o-1"));

async function opened(options: Parameters<typeof openCounter>[0] = {}): Promise<Counter> {
  const counter = openCounter(options);
  await counter.observe(funded([ROBOT, CART, BOARD, ARM, CAMERA], 100_000n));
  counter.events.length = 0;
  return counter;
}

async function prepaid(id = "o-1", cumulative = 1_200n): Promise<Message<"offer">> {
  return offer(ROBOT, offerTerms(id, { voucher: await voucherOf(ROBOT, cumulative) }));
}

const cancel = (id: string) => ({ version: 1 as const, id, task: TASK });
const order = ({ events }: Counter) => events.map(({ what }) => what);

/** A whole life of one task, to its payment. */
async function paidTask(counter: Counter): Promise<Message<"award">> {
  await counter.send(ROBOT, "offer", await prepaid());
  await counter.tell({ topic: "blobsHere", task: TASK });
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
  counter.clock.set(START + 100);
  await counter.tell({ topic: "due", task: TASK });
  const award = saidOf(counter.heard(), "award");
  const hash = awardHash(counter);
  await counter.send(BOARD, "accept", await accept(BOARD, "a-1", TASK, hash));
  await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, hash));
  await counter.tell({ topic: "inspected", task: TASK, award: hash, passed: true, reason: "valid" });
  return award;
}

const awardHash = ({ state }: Counter): Hex => state.market.tasks.get(TASK)?.run?.award ?? hash32(0);

describe("the heartbeat", () => {
  it("appends first, then speaks, then tells the rooms, and only then answers the sender", async () => {
    const counter = await opened();
    const sent = counter.send(ROBOT, "offer", await prepaid()).then(() => {
      counter.events.push({ what: "done", name: "offer" });
    });
    expect(counter.events).toEqual([]);
    await sent;
    expect(order(counter).filter((what) => what !== "entries")).toEqual(["appended", "said", "done"]);
    expect(order(counter)).toContain("entries");
    expect(saidOf(counter.heard(), "ack")).toEqual({ version: 1, id: "o-1", journalIndex: 2, task: TASK });
  });

  it("writes a hundred commands at once, and says nothing of any before all are durable", async () => {
    const counter = await opened({ rules: { ...RULES, maxOpen: 200 } });
    const offers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => prepaid(`o-${at}`, BigInt(at + 1) * 1_200n)),
    );
    const deposited = counter.observe(funded([ROBOT], 1_000_000n));
    await Promise.all([deposited, ...offers.map((one) => counter.send(ROBOT, "offer", one))]);
    expect(counter.refused).toEqual([]);
    expect(order(counter).filter((what) => what === "appended")).toHaveLength(1);
    expect(counter.events[0]).toEqual({ what: "appended", count: 101 });
    const acks = counter.heard().flatMap((one) => (one.topic === "ack" ? [one.message] : []));
    expect(acks.map(({ journalIndex }) => journalIndex)).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 3),
    );
    expect(heldOf(counter.state.payment, ROBOT.address)).toBe(120_000n);
  });

  it("takes more commands than a group holds, in order", async () => {
    const counter = await opened();
    const bodies = Array.from({ length: 300 }, (_, at) => cancel(`c-${at}`));
    await Promise.all(bodies.map((body) => counter.send(ROBOT, "cancel", body)));
    const refusals = counter.heard().flatMap((one) => (one.topic === "refusal" ? [one.message.id] : []));
    expect(refusals).toEqual(bodies.map(({ id }) => id));
    expect(order(counter)).not.toContain("appended");
  });

  it("lets the second of two commands of a group see what the first has done", async () => {
    const counter = await opened();
    await Promise.all([
      counter.send(ROBOT, "offer", await prepaid()),
      counter.send(ROBOT, "cancel", cancel("c-1")),
    ]);
    expect(counter.events[0]).toEqual({ what: "appended", count: 2 });
    expect(counter.state.market.tasks.get(TASK)?.state).toBe("cancelled");
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(1_200n);
  });

  it("is idle once nothing waits", async () => {
    const counter = await opened();
    const sent = [counter.send(ROBOT, "cancel", cancel("c-1")), counter.send(ROBOT, "cancel", cancel("c-2"))];
    await counter.heartbeat.idle();
    expect(counter.heard()).toHaveLength(2);
    await Promise.all(sent);
    await counter.heartbeat.idle();
  });
});

describe("a repeated command", () => {
  it("is acked with the index of its record, and changes nothing", async () => {
    const counter = await opened();
    const message = await prepaid();
    await counter.send(ROBOT, "offer", message);
    const first = saidOf(counter.heard(), "ack");
    const [before, index] = [serialize(counter.state), counter.journal.head().index];
    await Promise.all([counter.send(ROBOT, "offer", message), counter.send(ROBOT, "offer", message)]);
    const again = counter.heard();
    expect(again).toHaveLength(2);
    expect(again.map(({ message: said }) => said)).toEqual([first, first]);
    expect(serialize(counter.state).equals(before)).toBe(true);
    expect(counter.journal.head().index).toBe(index);
  });

  it("of the same group has one record", async () => {
    const counter = await opened();
    const message = await prepaid();
    await Promise.all([counter.send(ROBOT, "offer", message), counter.send(ROBOT, "offer", message)]);
    expect(counter.events[0]).toEqual({ what: "appended", count: 1 });
    const acks = counter.heard().map(({ message: said }) => said);
    expect(acks[0]).toEqual(acks[1]);
  });

  it("is still known after a restart from the journal", async () => {
    const journal = memoryJournal();
    const message = await prepaid();
    const before = await opened({ journal });
    await before.send(ROBOT, "offer", message);
    const ack = saidOf(before.heard(), "ack");
    const after = openCounter({ journal, state: replay(journal, MARKET) });
    expect(after.state).toEqual(before.state);
    await after.send(ROBOT, "offer", message);
    expect(saidOf(after.heard(), "ack")).toEqual(ack);
    expect(order(after)).not.toContain("appended");
  });

  it("that was refused is refused alike, whether or not its voucher was kept", async () => {
    const counter = await opened();
    const poor = await offer(ROBOT, offerTerms("o-2"));
    const short = await offer(ROBOT, offerTerms("o-3", { voucher: await voucherOf(ROBOT, 100n) }));
    for (const message of [poor, short]) {
      await counter.send(ROBOT, "offer", message);
      const first = counter.heard();
      expect(saidOf(first, "refusal")).toMatchObject({
        id: message.id,
        topic: "offer",
        code: "credit_short",
      });
      await counter.send(ROBOT, "offer", message);
      expect(counter.heard()).toEqual(first);
    }
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(100n);
  });

  it("of an ended task brings the answer and the receipt again", async () => {
    const counter = await opened();
    const message = await prepaid();
    await paidTask(counter);
    const said = counter.heard().filter(({ to }) => to === ROBOT.address);
    await counter.send(ROBOT, "offer", message);
    const again = counter.heard();
    expect(saidOf(again, "answer")).toEqual(saidOf(said, "answer"));
    expect(saidOf(again, "receipt")).toEqual(saidOf(said, "receipt"));
  });

  it("of a paid provider brings its receipt and its payment again, in that order", async () => {
    const counter = await opened();
    await paidTask(counter);
    const said = counter.heard();
    const hash = awardHash(counter);
    await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, hash));
    const again = counter.heard();
    expect(saidOf(again, "payment")).toEqual(saidOf(said, "payment"));
    // the receipt first: who has its money asks for nothing again
    const topics = (all: typeof said) =>
      all.filter(({ to }) => to === BOARD.address).map(({ topic }) => topic);
    expect(topics(said).slice(-2)).toEqual(["receipt", "payment"]);
    expect(topics(again).slice(-2)).toEqual(["receipt", "payment"]);
  });
});

describe("an id", () => {
  it("with other bytes is refused, counted, and answered on the topic that it came on", async () => {
    const counter = await opened();
    await counter.send(ROBOT, "offer", await prepaid());
    counter.heard();
    await counter.send(ROBOT, "cancel", cancel("o-1"));
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({
      id: "o-1",
      code: "id_reused",
      topic: "cancel",
    });
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["id_reused"]);
    expect(counter.state.market.tasks.get(TASK)?.state).toBe("offered");
  });

  it("with the same bytes on another topic is another command", async () => {
    const counter = await opened();
    await counter.send(ROBOT, "offer", await prepaid());
    await counter.send(ROBOT, "cancel", cancel("c-1"));
    counter.heard();
    await counter.send(ROBOT, "decline", cancel("c-1"));
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({ code: "id_reused", topic: "decline" });
    await counter.send(ROBOT, "decline", cancel("c-2"));
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({ code: "not_yours", topic: "decline" });
    await counter.send(ROBOT, "cancel", cancel("c-2"));
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({ code: "wrong_state", topic: "cancel" });
  });

  it("belongs to its sender: another device may use the same", async () => {
    const counter = await opened();
    await counter.send(ROBOT, "offer", await prepaid());
    const voucher = await voucherOf(CART, 500n);
    await counter.send(CART, "voucher", { version: 1, id: "o-1", voucher });
    expect(counter.refused).toEqual([]);
    expect(creditOf(counter.state.payment, CART.address)).toBe(500n);
  });

  it("whose command was refused without a record may be used for a better one", async () => {
    const counter = await opened();
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-1")));
    await counter.send(ROBOT, "offer", await prepaid());
    expect(counter.state.market.tasks.get(TASK)?.state).toBe("offered");
  });
});

describe("a voucher", () => {
  it("in a refused offer stays as credit, and the next offer draws on it", async () => {
    const counter = await opened();
    const terms = offerTerms("o-9", { voucher: await voucherOf(ROBOT, 1_200n), deadline: START });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["offer_expired"]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(1_200n);
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-1")));
    expect(heldOf(counter.state.payment, ROBOT.address)).toBe(1_200n);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });
});

describe("what the gateway signs", () => {
  it("are award, voucher and receipt, each by its key and over what was agreed", async () => {
    const counter = await opened();
    const { version: _, signature, firmwareBytes: __, inputBytes: ___, ...award } = await paidTask(counter);
    expect(awardDigest(MARKET, award)).toBe(awardHash(counter));
    expect(recoverAddress(awardDigest(MARKET, award), signature)).toBe(GATEWAY.address);
    const said = counter.heard();
    const payment = saidOf(said, "payment");
    expect(payment).toMatchObject({ task: TASK, role: "run", amount: 490n });
    expect(payment.voucher).toMatchObject({ payee: BOARD.address, epoch: 0, cumulative: 490n });
    expect(voucherPayer(payment.voucher)).toBe(GATEWAY.address);
    const { version: ____, signature: byGateway, ...receipt } = saidOf(said, "receipt");
    expect(receipt).toMatchObject({ price: 500n, fee: 10n, checks: 0n, provider: BOARD.address });
    expect(recoverAddress(receiptDigest(MARKET, receipt), byGateway)).toBe(GATEWAY.address);
    expect(saidOf(said, "answer")).toMatchObject({
      state: "paid",
      spent: 500n,
      credit: 700n,
      rechecked: false,
    });
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("pays two providers whose runs agree in one record", async () => {
    const counter = await opened({ draw: () => 0 });
    await counter.send(ROBOT, "offer", await prepaid());
    await counter.tell({ topic: "blobsHere", task: TASK });
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    await counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 600n));
    await counter.send(CAMERA, "bid", await bid(CAMERA, "b-1", TASK, 200n));
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task: TASK });
    const task = () => counter.state.market.tasks.get(TASK);
    const run = task()?.run?.award ?? hash32(0);
    await counter.send(CAMERA, "accept", await accept(CAMERA, "a-1", TASK, run));
    await counter.send(CAMERA, "result", await result(CAMERA, "r-1", TASK, run));
    await counter.tell({ topic: "inspected", task: TASK, award: run, passed: true, reason: "valid" });
    // Nobody left has bid within the check budget, so the gateway's own run speaks.
    expect(task()?.check).toBeNull();
    await counter.tell({
      topic: "refereed",
      task: TASK,
      award: run,
      outcome: outcome(),
      reason: "own run",
    });
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "paid", rechecked: true, spent: 200n });

    const second = await opened({ draw: () => 0 });
    await second.send(ROBOT, "offer", await prepaid());
    await second.tell({ topic: "blobsHere", task: TASK });
    await second.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 150n));
    await second.send(ARM, "bid", await bid(ARM, "b-1", TASK, 200n));
    second.clock.set(START + 100);
    await second.tell({ topic: "due", task: TASK });
    for (const provider of [BOARD, ARM]) {
      const { run: first, check } = second.state.market.tasks.get(TASK) ?? {};
      const mine = [first, check].find((one) => one?.provider === provider.address)?.award ?? hash32(0);
      await second.send(provider, "accept", await accept(provider, "a-1", TASK, mine));
      await second.send(provider, "result", await result(provider, "r-1", TASK, mine));
      await second.tell({ topic: "inspected", task: TASK, award: mine, passed: true, reason: "valid" });
    }
    expect(second.refused).toEqual([]);
    const said = second.heard();
    expect(saidOf(said, "answer")).toMatchObject({
      state: "paid",
      rechecked: true,
      spent: 350n,
      credit: 850n,
    });
    expect(saidOf(said, "receipt")).toMatchObject({ price: 350n, fee: 7n, checks: 200n });
    const payments = said.flatMap((one) => (one.topic === "payment" ? [[one.to, one.message.amount]] : []));
    expect(payments).toEqual([
      [BOARD.address, 147n],
      [ARM.address, 196n],
    ]);
    expect(replay(second.journal, MARKET)).toEqual(second.state);
  });
});

describe("a journal that fails", () => {
  it("ends it: nothing is said, nobody is answered, and the process is told to end", async () => {
    const journal = memoryJournal();
    const faults: Fault[] = [];
    const failing = {
      ...journal,
      append: (drafts: Parameters<typeof journal.append>[0]) => {
        for (const fault of faults) throw fault;
        return journal.append(drafts);
      },
    };
    const counter = await opened({ journal: failing });
    faults.push(new Fault("disk_failed", "no space"));
    let answered = 0;
    const count = () => {
      answered++;
    };
    const offered = counter.send(ROBOT, "offer", await prepaid()).then(count);
    const cancelled = counter.send(CART, "cancel", cancel("c-1")).then(count);
    await counter.heartbeat.idle();
    expect(counter.broken).toEqual([expect.objectContaining({ code: "disk_failed" })]);
    faults.length = 0;
    const late = counter.send(ROBOT, "cancel", cancel("c-2")).then(count);
    await counter.heartbeat.idle();
    expect(counter.events).toEqual([]);
    expect(counter.broken).toHaveLength(1);
    expect(journal.head().index).toBe(1);
    expect(await Promise.race([offered, cancelled, late, Promise.resolve("silence")])).toBe("silence");
    expect(answered).toBe(0);
  });
});

describe("bytes that no device should send", () => {
  it("end nothing: the largest numbers, the deepest nesting, odd text", async () => {
    const counter = await opened();
    const huge = amount(2n ** 96n - 1n);
    const terms = offerTerms("o-9", { maxPrice: huge, checkBudget: huge });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    const bodies = ["", "null", "[]", "1e999", '"\\ud800"', "[".repeat(4_000), '{"__proto__":{"id":"x"}}'];
    const whole = encodeMessage("offer", await prepaid("o-8"));
    for (const body of [...bodies, whole.slice(0, -1), whole.replace('"1200"', '"-1200"')]) {
      for (const topic of ["offer", "bid", "forfeit"] as const) await counter.sendBytes(ROBOT, topic, body);
    }
    expect(counter.broken).toEqual([]);
    expect(order(counter)).not.toContain("appended");
    await counter.send(ROBOT, "offer", await prepaid());
    expect(counter.state.market.tasks.has(TASK)).toBe(true);
  });
});
