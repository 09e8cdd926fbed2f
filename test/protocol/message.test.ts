import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { decodeMessage, encodeMessage, type Message } from "../../src/protocol/message.ts";
import { COMMAND_TOPICS, TOPICS, type Topic } from "../../src/protocol/topic.ts";
import {
  anyAddress,
  anyAmount,
  anyBytes,
  anyCount,
  anyHash,
  anyId,
  anyInstant,
  anyRole,
  anySignature,
  anyTask,
  anyText,
  anyVoucher,
  one,
} from "./any-scalar.ts";

const command = { version: one, id: anyId };
const small = fc.integer({ min: 0, max: 1_000 });
const what = { firmware: anyHash, firmwareBytes: anyBytes, inputBytes: anyBytes };
const terms: fc.Arbitrary<NonNullable<Message<"ack">["terms"]>> = fc.record({
  time: anyInstant,
  gateway: anyAddress,
  chainId: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  vault: anyAddress,
  token: anyAddress,
  decimals: fc.integer({ min: 0, max: 36 }),
  feeBasisPoints: fc.integer({ min: 0, max: 10_000 }),
  lane: fc.record({
    epoch: anyCount,
    deposit: anyAmount,
    signed: anyAmount,
    voucher: fc.option(anyVoucher),
    settled: anyAmount,
    closeAt: small,
    credit: anyAmount,
    held: anyAmount,
    owed: anyAmount,
  }),
  reverse: fc.record({
    epoch: anyCount,
    deposit: anyAmount,
    settled: anyAmount,
    closeAt: small,
    signed: anyAmount,
  }),
});

/** A message of each topic, from the words of the documentation. */
const MESSAGES: { readonly [T in Topic]: fc.Arbitrary<Message<T>> } = {
  connection: fc.record({ version: one, state: fc.constantFrom("ONLINE", "OFFLINE", "CONNECTION_BROKEN") }),
  factsheet: fc.record({
    version: one,
    name: fc.string({ maxLength: 64 }),
    profiles: fc.constantFrom([], ["task/1" as const]),
    memoryMiB: fc.integer({ min: 0, max: 4_096 }),
  }),
  state: fc.record({ version: one, running: small, queued: small }),
  offer: fc.record(
    {
      ...command,
      ...what,
      input: anyHash,
      maxPrice: anyAmount,
      checkBudget: anyAmount,
      deadline: anyInstant,
      payment: fc.constantFrom("prepaid", "result"),
      voucher: anyVoucher,
      signature: anySignature,
    },
    {
      requiredKeys: [
        "version",
        "id",
        "firmware",
        "firmwareBytes",
        "inputBytes",
        "input",
        "maxPrice",
        "checkBudget",
        "deadline",
        "payment",
        "signature",
      ],
    },
  ),
  bid: fc.record({
    ...command,
    task: anyTask,
    price: anyAmount,
    expires: anyInstant,
    signature: anySignature,
  }),
  accept: fc.record({ ...command, task: anyTask, award: anyHash, signature: anySignature }),
  decline: fc.record({ ...command, task: anyTask }),
  forfeit: fc.record({ ...command, task: anyTask, reason: anyText }),
  cancel: fc.record({ ...command, task: anyTask }),
  result: fc.record({
    ...command,
    task: anyTask,
    award: anyHash,
    output: anyHash,
    outputBytes: anyBytes,
    signature: anySignature,
  }),
  voucher: fc.record({ ...command, voucher: anyVoucher }),
  payout: fc.record(command),
  invoice: fc.record({
    version: one,
    task: anyTask,
    provider: anyAddress,
    award: anyHash,
    accept: anySignature,
    saltedOutput: anyHash,
    outputBytes: anyBytes,
    price: anyAmount,
    fee: anyAmount,
    checks: anyAmount,
    due: anyInstant,
    signature: anySignature,
  }),
  announce: fc.record({
    ...what,
    version: one,
    task: anyTask,
    requester: anyAddress,
    maxPrice: anyAmount,
    bidBy: anyInstant,
    deadline: anyInstant,
  }),
  award: fc.record({
    ...what,
    version: one,
    task: anyTask,
    role: anyRole,
    requester: anyAddress,
    provider: anyAddress,
    input: anyHash,
    price: anyAmount,
    fee: anyAmount,
    acceptBy: anyInstant,
    runBy: anyInstant,
    signature: anySignature,
  }),
  payment: fc.record({
    version: one,
    task: fc.option(anyTask),
    role: fc.option(anyRole),
    amount: anyAmount,
    voucher: anyVoucher,
  }),
  receipt: fc.record({
    version: one,
    task: anyTask,
    requester: anyAddress,
    provider: anyAddress,
    firmware: anyHash,
    input: anyHash,
    output: anyHash,
    price: anyAmount,
    fee: anyAmount,
    checks: anyAmount,
    signature: anySignature,
  }),
  answer: fc.record({
    version: one,
    task: anyTask,
    state: fc.constantFrom("paid", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"),
    reason: anyText,
    output: fc.option(anyHash),
    outputBytes: anyBytes,
    salt: fc.option(anyHash),
    spent: anyAmount,
    credit: anyAmount,
    provider: fc.option(anyAddress),
    rechecked: fc.boolean(),
  }),
  ack: fc.record(
    { version: one, id: anyText, journalIndex: anyCount, task: anyTask, terms },
    { requiredKeys: ["version", "id", "journalIndex"] },
  ),
  refusal: fc.record({
    version: one,
    id: fc.option(anyText),
    topic: anyText,
    code: anyText,
    hint: anyText,
  }),
  "blob-get": fc.record({
    version: one,
    from: fc.constantFrom("device", "gateway"),
    hash: anyHash,
    offset: anyBytes,
    length: fc.integer({ min: 1, max: 32_768 }),
  }),
  "blob-data": fc.record({
    version: one,
    from: fc.constantFrom("device", "gateway"),
    hash: anyHash,
    offset: anyBytes,
    total: anyBytes,
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  }),
};

const TOPIC_NAMES = Object.keys(TOPICS) as Topic[];
const TELEMETRY = ["connection", "factsheet", "state"] as const;

function sample<T extends Topic>(topic: T): Message<T> {
  const [message] = fc.sample(MESSAGES[topic], { numRuns: 1, seed: 7 });
  if (message === undefined) throw new Error(`no sample of ${topic}`);
  return message;
}

function jsonOf(topic: Topic): Record<string, unknown> {
  return JSON.parse(encodeMessage(topic, sample(topic)));
}

describe("a message", () => {
  it.each(TOPIC_NAMES)("of %s is the same after encoding and decoding, and so is its text", (topic) => {
    fc.assert(
      fc.property(MESSAGES[topic], (message: Message<typeof topic>) => {
        const text = encodeMessage(topic, message);
        const back = decodeMessage(topic, JSON.parse(text));
        expect(back).toEqual(message);
        expect(back && JSON.parse(encodeMessage(topic, back))).toEqual(JSON.parse(text));
      }),
      { numRuns: 60 },
    );
  });

  it.each(TOPIC_NAMES)("of %s lacks no field", (topic) => {
    const whole = jsonOf(topic);
    const optional = topic === "offer" ? ["voucher"] : topic === "ack" ? ["task", "terms"] : [];
    for (const key of Object.keys(whole)) {
      const { [key]: _, ...rest } = whole;
      expect(decodeMessage(topic, rest) === null, key).toBe(!optional.includes(key));
    }
    for (const value of [
      null,
      [],
      "",
      1,
      true,
      [whole],
      { ...whole, version: 2 },
      { ...whole, version: "1" },
    ]) {
      expect(decodeMessage(topic, value)).toBeNull();
    }
  });

  it("is a command when it goes up and has an id of its sender", () => {
    const withId = TOPIC_NAMES.filter((topic) => TOPICS[topic].up && Object.hasOwn(jsonOf(topic), "id"));
    expect(new Set<Topic>(COMMAND_TOPICS)).toEqual(new Set(withId));
  });

  it.each(COMMAND_TOPICS)("of %s has no unknown field", (topic) => {
    expect(decodeMessage(topic, jsonOf(topic))).not.toBeNull();
    expect(decodeMessage(topic, { ...jsonOf(topic), extra: 1 })).toBeNull();
    expect(
      decodeMessage(topic, JSON.parse(`{"__proto__":1,${JSON.stringify(jsonOf(topic)).slice(1)}`)),
    ).toBeNull();
  });

  it.each(TELEMETRY)("of %s may have fields that we do not know, and loses them", (topic) => {
    expect(decodeMessage(topic, { ...jsonOf(topic), extra: 1 })).toEqual(sample(topic));
  });

  it.each(COMMAND_TOPICS)("of %s is never longer than its topic allows", (topic) => {
    fc.assert(
      fc.property(MESSAGES[topic], (message: Message<typeof topic>) => {
        const { length } = new TextEncoder().encode(encodeMessage(topic, message));
        expect(length).toBeLessThanOrEqual(TOPICS[topic].limit);
      }),
      { numRuns: 40 },
    );
  });

  it("carries the largest chunk of a blob within its topic's limit", () => {
    const bytes = Buffer.alloc(32_768, 0xff).toString("base64");
    const text = encodeMessage("blob-data", { ...sample("blob-data"), bytes });
    expect(text.length).toBeLessThanOrEqual(TOPICS["blob-data"].limit);
  });
});

describe("a field of a message", () => {
  const bid = (change: Record<string, unknown>) => decodeMessage("bid", { ...jsonOf("bid"), ...change });

  it("takes an amount as decimal text from 0 to 2^96 - 1 and in no other form", () => {
    for (const price of ["0", "1", "79228162514264337593543950335"]) {
      expect(bid({ price })?.price).toBe(BigInt(price));
    }
    const bad = [
      "79228162514264337593543950336",
      "99999999999999999999999999999",
      "-1",
      "+1",
      "01",
      "00",
      "1.0",
    ];
    for (const price of [...bad, "1e3", "0x1", "", " 1", "1\n", "١", 1, 1n, null, ["1"], { toString: "1" }]) {
      expect(bid({ price })).toBeNull();
    }
  });

  it("takes hexadecimal in either case and gives it in lower case", () => {
    const task = `0x${"AbCdEf01".repeat(4)}`;
    expect(bid({ task })?.task).toBe(task.toLowerCase());
    for (const bad of [
      task.slice(2),
      task.slice(0, -2),
      `${task}00`,
      task.replace("0x", "0X"),
      `${task}\n`,
    ]) {
      expect(bid({ task: bad }), bad).toBeNull();
    }
  });

  it("takes a time as whole milliseconds below 2^53", () => {
    expect(bid({ expires: 2 ** 53 - 1 })?.expires).toBe(2 ** 53 - 1);
    for (const expires of [2 ** 53, -1, 0.5, Number.NaN, "1", null]) expect(bid({ expires })).toBeNull();
  });

  it("takes an id of 1 to 40 plain characters", () => {
    expect(bid({ id: "a".repeat(40) })).not.toBeNull();
    for (const id of ["", "a".repeat(41), "a b", "a/b", "ä", "a\n", 1, null]) expect(bid({ id })).toBeNull();
  });

  it("takes base64 with padding and without anything else", () => {
    const data = (bytes: string) => decodeMessage("blob-data", { ...jsonOf("blob-data"), bytes });
    expect(data("AAEC/w==")?.bytes).toBe("AAEC/w==");
    for (const bad of ["AAEC/w", "AAEC_w==", "A A=", "*"]) expect(data(bad), bad).toBeNull();
  });
});

describe("known messages", () => {
  it("of bid and ack have exactly this text", () => {
    const task: Hex = toHex(new Uint8Array(16).fill(1));
    const signature: Hex = toHex(new Uint8Array(65).fill(2));
    const bid = {
      version: 1 as const,
      id: "b-1",
      task,
      price: amount(2_500n),
      expires: instant(5),
      signature,
    };
    expect(encodeMessage("bid", bid)).toBe(
      `{"version":1,"id":"b-1","task":"${task}","price":"2500","expires":5,"signature":"${signature}"}`,
    );
    expect(encodeMessage("ack", { version: 1, id: "b-1", journalIndex: 9 })).toBe(
      '{"version":1,"id":"b-1","journalIndex":9}',
    );
  });
});
