import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { REFUSALS } from "../../../src/base/refusal.ts";
import type { Entry } from "../../../src/journal/journal.ts";
import { answerLogin, isSigned, readLogin } from "../../../src/link/broker/login.ts";
import { NonceMemory } from "../../../src/link/broker/nonce-memory.ts";
import { clientIdOf, signConnectToken } from "../../../src/protocol/connect-token.ts";
import { decodeMessage, encodeMessage, type Message, parseJson } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { COMMAND_TOPICS, TOPICS, type Topic } from "../../../src/protocol/topic.ts";
import {
  acceptDigest,
  askDigest,
  bidDigest,
  connectDigest,
  offerDigest,
  resultDigest,
} from "../../../src/protocol/typed-data.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CART,
  funded,
  hash32,
  MARKET,
  METER,
  offer,
  offerTerms,
  ROBOT,
  result,
  START,
  taskOfOffer,
  voucherOf,
} from "../../exchange/stage.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import { type Random, randomFrom } from "../exchange/random.ts";
import { type Front, type Letter, openFront, type Told } from "./front.ts";
import { damagedText } from "./letters.ts";

const SEED = 0x68697265;
const MESSAGES = 10_000;
const NOBODY: Hex = `0x${"77".repeat(16)}`;

/** Every digest that somebody has signed: nothing else may have an effect that needs a signature. */
const signed = new Set<string>();

function recording(inner: Signer): Signer {
  return {
    address: inner.address,
    sign: (digest) => {
      signed.add(`${inner.address} ${digest}`);
      return inner.sign(digest);
    },
  };
}

const [robot, cart, board, arm] = [ROBOT, CART, BOARD, ARM].map(recording) as [
  Signer,
  Signer,
  Signer,
  Signer,
];

/** A gateway with one task announced, one awarded and one running, which are replaced as they end. */
class Town {
  readonly front: Front;
  readonly random: Random;
  readonly tasks: Record<"announced" | "awarded" | "running", Hex> = {
    ...{ announced: NOBODY, awarded: NOBODY, running: NOBODY },
  };
  #ids = 0;
  #now: number = START;
  #promised = 0n;

  constructor(front: Front, random: Random) {
    this.front = front;
    this.random = random;
  }

  id(): string {
    return `h-${++this.#ids}`;
  }

  /** Never that of a damaged message. */
  #ownId(): string {
    return `town-${++this.#ids}`;
  }

  awardOf(task: Hex): Hex {
    return this.front.state.market.tasks.get(task)?.run?.award ?? hash32(1);
  }

  async repair(): Promise<void> {
    for (const stage of ["running", "awarded", "announced"] as const) {
      const isThere = () => this.front.state.market.tasks.get(this.tasks[stage])?.state === stage;
      if (!isThere()) await this.#open(stage);
      expect(isThere(), stage).toBe(true);
    }
  }

  /** A good offer of the one who buys with every stage that is asked for behind it. */
  async #open(stage: "announced" | "awarded" | "running"): Promise<void> {
    const { front } = this;
    this.#promised += 1_200n;
    const terms = offerTerms(this.#ownId(), {
      deadline: instant(this.#now + 60_000),
      voucher: await voucherOf(cart, this.#promised),
    });
    const task = taskOfOffer(cart, terms);
    await this.#say(cart, "offer", await offer(cart, terms));
    await front.heartbeat.tell({ topic: "blobsHere", task });
    this.tasks[stage] = task;
    if (stage === "announced") return;
    await this.#say(board, "bid", await bid(board, this.#ownId(), task, 500n, this.#now + 50_000));
    this.#now += 100;
    front.setTime(this.#now);
    await front.heartbeat.tell({ topic: "due", task });
    if (stage === "running") {
      await this.#say(board, "accept", await accept(board, this.#ownId(), task, this.awardOf(task)));
    }
  }

  async #say<T extends Topic>(by: Signer, topic: T, message: Message<T>): Promise<void> {
    const payload = new TextEncoder().encode(encodeMessage(topic, message));
    const told = await this.front.hear({ by, topic, payload });
    const refusals = told.filter((one) => one.topic === "refusal").map((one) => one.message["code"]);
    expect(refusals, `${topic} at the state that is wanted`).toEqual([]);
  }

  /** A good message of any topic that goes up, or nearly: its sender, its topic and its text. */
  async good(): Promise<{ by: Signer; topic: Topic; text: string }> {
    const { random, tasks } = this;
    const id = this.id();
    const task = random.pick(Object.values(tasks));
    const voucher = () => voucherOf(robot, BigInt(1 + random.below(100_000)));
    const said = <T extends Topic>(by: Signer, topic: T, message: Message<T>) => ({
      ...{ by, topic, text: encodeMessage(topic, message) },
    });
    const terms = offerTerms(id, { deadline: instant(this.#now + 60_000) });
    const ways = [
      async () => said(robot, "offer", await offer(robot, terms)),
      async () => said(robot, "offer", await offer(robot, { ...terms, voucher: await voucher() })),
      async () => said(arm, "bid", await bid(arm, id, tasks.announced, 400n, this.#now + 50_000)),
      async () => said(board, "accept", await accept(board, id, tasks.awarded, this.awardOf(tasks.awarded))),
      async () => said(board, "result", await result(board, id, tasks.running, this.awardOf(tasks.running))),
      async () => said(robot, "voucher", { version: 1, id, voucher: await voucher() }),
      async () => said(board, "decline", { version: 1, id, task }),
      async () => said(board, "forfeit", { version: 1, id, task, reason: "battery" }),
      async () => said(random.pick([robot, cart]), "cancel", { version: 1, id, task }),
      async () => said(random.pick([robot, board]), "payout", { version: 1, id }),
      async () => said(arm, "connection", { version: 1, state: "ONLINE" }),
      async () => said(arm, "state", { version: 1, running: 1, queued: 2 }),
      async () =>
        said(arm, "factsheet", {
          version: 1,
          name: "arm",
          profiles: ["task/1"],
          memoryMiB: 64,
          ask: await this.#ask(),
        }),
      async () =>
        said(arm, "blob-get", { version: 1, from: "device", hash: hash32(7), offset: 0, length: 512 }),
      async () =>
        said(arm, "blob-data", {
          version: 1,
          from: "device",
          hash: hash32(7),
          offset: 0,
          total: 3,
          bytes: "AAAA",
        }),
    ];
    return await random.pick(ways)();
  }

  async #ask() {
    const terms = {
      ...{
        meter: METER.meter,
        costs: METER.costs,
        measured: instant(START),
        expires: instant(START + 86_400_000),
      },
      rates: [{ memoryMiB: 1 as const, rate: amount(5n) }],
      fuelPerSecond: [{ memoryMiB: 1 as const, fuel: 1_000 }],
    };
    return { ...terms, signature: await arm.sign(askDigest(MARKET, arm.address, terms)) };
  }
}

const isCommand = (topic: Topic) => COMMAND_TOPICS.some((one) => one === topic);

/** Whether what a command did was signed for by whoever it binds. */
function isAuthorized({ by, topic, payload }: Letter, { cause, facts }: Entry): boolean {
  const message = decodeMessage(topic, parseJson(payload));
  if (message === null) return false;
  const holds = (digest: Hex) => signed.has(`${by.address} ${digest}`);
  const vouchers = facts.filter((fact) => fact.kind === "voucherReceived");
  if (!vouchers.every((fact) => holds(voucherDigest(fact.voucher)))) return false;
  if (cause.refused !== null) return vouchers.length === facts.length;
  if (topic === "offer") return holds(offerDigest(MARKET, by.address, message as Message<"offer">));
  if (topic === "bid") return holds(bidDigest(MARKET, message as Message<"bid">));
  if (topic === "accept") return holds(acceptDigest(MARKET, (message as Message<"accept">).award));
  if (topic === "result") return holds(resultDigest(MARKET, message as Message<"result">));
  return true;
}

describe("hostile corpus: 10,000 damaged messages", () => {
  it("crash nothing; each is answered once, changes no books without a signature, and is counted", async () => {
    const random = randomFrom(SEED);
    const front = await openFront([robot, cart, board, arm]);
    await front.observe(funded([ROBOT, CART, BOARD, ARM], 10_000_000n));
    const town = new Town(front, random);
    const texts: string[] = [];
    const repeated = new Set<string>();
    const counts = { refused: 0, acked: 0, unanswered: 0 };
    const codes = new Map<string, number>();
    const judge = (letter: Letter, told: readonly Told[]) => {
      const answers = told.filter(
        ({ to, topic }) => to === letter.by.address && /^(ack|refusal)$/.test(topic),
      );
      const text = Buffer.from(letter.payload).toString().slice(0, 300);
      const read = decodeMessage(letter.topic, parseJson(letter.payload));
      const isRefused = answers[0]?.topic === "refusal";
      if (isCommand(letter.topic)) expect(answers.length, `${letter.topic} ${text}`).toBe(1);
      else if (read === null)
        expect(
          answers.map(({ topic }) => topic),
          text,
        ).toEqual(["refusal"]);
      else expect(answers.every(({ topic }) => topic === "refusal") && answers.length <= 1, text).toBe(true);
      for (const { topic, message } of answers) {
        if (topic === "ack") {
          expect(read, `acked: ${text}`).toMatchObject({ id: message["id"] });
          continue;
        }
        const code = String(message["code"]);
        expect(Object.hasOwn(REFUSALS, code), code).toBe(true);
        expect(message["topic"]).toBe(letter.topic);
      }
      if (answers.length === 0) counts.unanswered += 1;
      else counts[isRefused ? "refused" : "acked"] += 1;
    };
    const refusals = () => [...front.reception.refusals.values()].reduce((sum, count) => sum + count, 0);
    for (let sent = 0; sent < MESSAGES; sent++) {
      if (sent % 20 === 0) await town.repair();
      const { by, topic, text } = await town.good();
      texts.push(text);
      const payload = damagedText(text, random.pick(texts.slice(-50)), random).subarray(
        0,
        isCommand(topic) ? 9_000 : TOPICS[topic].limit,
      );
      const letter = { by, topic, payload };
      const [before, index, counted] = [
        serialize(front.state.payment),
        front.journal.head().index,
        refusals(),
      ];
      const told = await front.hear(letter);
      judge(letter, told);
      const refused = told.filter((one) => one.topic === "refusal").length;
      // What repeats a refused command hears the same once more, and is no other refusal.
      const key = `${by.address} ${topic} ${Buffer.from(payload).toString("latin1")}`;
      expect(refusals() - counted, key).toBeGreaterThanOrEqual(repeated.has(key) ? 0 : refused);
      expect(refusals() - counted).toBeLessThanOrEqual(refused);
      repeated.add(key);
      const code = String(told.find((one) => one.topic === "refusal")?.message["code"]);
      if (refusals() > counted) codes.set(code, (codes.get(code) ?? 0) + 1);
      const entries = [...front.journal.entries(index)];
      expect(entries.length).toBeLessThanOrEqual(1);
      for (const entry of entries)
        expect(isAuthorized(letter, entry), Buffer.from(payload).toString()).toBe(true);
      if (entries.length === 0) expect(serialize(front.state.payment).equals(before)).toBe(true);
      if (sent % 100 === 0) expectBooks(front.state);
      expect(front.broken).toEqual([]);
    }
    expectBooks(front.state);
    expectNothingDoubled(front.journal);
    expect(counts.refused + counts.acked + counts.unanswered).toBe(MESSAGES);
    expect(codes.size, [...codes.keys()].join()).toBeGreaterThan(15);
    expect(Object.fromEntries(front.reception.refusals)).toEqual(Object.fromEntries(codes));
  });
});

describe("hostile corpus: 2,000 damaged logins", () => {
  it("open a session only with a token that the device has signed, and once; all else is refused by name", async () => {
    const random = randomFrom(SEED);
    const name = { manufacturer: "acme", serialNumber: "r-1" };
    const nonces = new NonceMemory(4_096);
    const rules = {
      market: MARKET,
      now: instant(START),
      boot: instant(START - 1),
      nonces,
      name,
      challenge: null,
      secretOf: () => null,
    };
    const texts: string[] = [];
    const opened: string[] = [];
    for (let sent = 0; sent < 2_000; sent++) {
      const clientId = clientIdOf(arm.address, "main");
      const nonce: Hex = `0x${sent.toString(16).padStart(64, "0")}`;
      const claim = { clientId, issued: START, expires: START + 60_000, nonce };
      const token = random.chance(0.9) ? await signConnectToken(MARKET, arm, claim) : null;
      const text = JSON.stringify({ version: 1, device: arm.address, slot: "main", token });
      texts.push(text);
      const payload = random.chance(0.05)
        ? new TextEncoder().encode(random.pick(texts))
        : damagedText(text, random.pick(texts.slice(-50)), random);
      const login = readLogin(payload);
      if ("refused" in login || !isSigned(login)) {
        if ("refused" in login) expect(["too_large", "bad_json", "bad_schema"]).toContain(login.refused);
        continue;
      }
      const outcome = await answerLogin(login, {
        ...rules,
        admit: (device) => (device === arm.address ? name : null),
      });
      if ("refusal" in outcome) {
        expect(Object.hasOwn(REFUSALS, outcome.refusal.refused)).toBe(true);
        continue;
      }
      const [, issued, expires, hex] = login.token.split(".");
      const said = { issued: Number(issued), expires: Number(expires), nonce: `0x${hex}` as Hex };
      const digest = connectDigest(MARKET, { clientId: clientIdOf(login.device, login.slot), ...said });
      expect(signed.has(`${login.device} ${digest}`), login.token).toBe(true);
      opened.push(said.nonce);
    }
    expect(new Set(opened).size).toBe(opened.length);
    expect(opened.length).toBeGreaterThan(20);
  });
});
