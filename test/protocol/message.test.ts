import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { Ask } from "../../src/protocol/ask.ts";
import { MAX_RATE } from "../../src/protocol/fuel.ts";
import { decodeMessage, encodeMessage, type Message } from "../../src/protocol/message.ts";
import { COMMAND_TOPICS, TOPICS, type Topic } from "../../src/protocol/topic.ts";
import { anyAsk, MESSAGES, OPTIONAL } from "./any-message.ts";

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
    const optional = OPTIONAL[topic] ?? [];
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
    const answer = (spent: unknown) => decodeMessage("answer", { ...jsonOf("answer"), spent });
    for (const spent of ["0", "1", "79228162514264337593543950335"]) {
      expect(answer(spent)?.spent).toBe(BigInt(spent));
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
    for (const spent of [...bad, "1e3", "0x1", "", " 1", "1\n", "١", 1, 1n, null, ["1"], { toString: "1" }]) {
      expect(answer(spent)).toBeNull();
    }
  });

  it("takes a rate at which any run can still be paid, and none above", () => {
    expect(bid({ rate: String(MAX_RATE) })?.rate).toBe(MAX_RATE);
    for (const rate of [String(MAX_RATE + 1n), "-1", 1]) expect(bid({ rate })).toBeNull();
  });

  it("takes fuel in whole numbers up to 10^15, and no limit of nothing", () => {
    const offer = (fuelLimit: unknown) => decodeMessage("offer", { ...jsonOf("offer"), fuelLimit });
    for (const fuelLimit of [1, 10 ** 15]) expect(offer(fuelLimit)?.fuelLimit).toBe(fuelLimit);
    for (const bad of [0, -1, 0.5, 10 ** 15 + 1, "1", null]) expect(offer(bad)).toBeNull();
  });

  it("takes the memory classes and profiles that there are", () => {
    const offer = (change: Record<string, unknown>) =>
      decodeMessage("offer", { ...jsonOf("offer"), ...change });
    for (const memoryMiB of [1, 16, 64]) expect(offer({ memoryMiB })?.memoryMiB).toBe(memoryMiB);
    for (const memoryMiB of [0, 2, 32, "16"]) expect(offer({ memoryMiB })).toBeNull();
    for (const profile of ["task/2", "wasi", ""]) expect(offer({ profile })).toBeNull();
  });

  it("takes an output of a run that ended well, and none of another", () => {
    const result = (change: Record<string, unknown>) =>
      decodeMessage("result", { ...jsonOf("result"), ...change });
    const output = `0x${"07".repeat(32)}`;
    expect(result({ verdict: "ok", output, outputBytes: 8 })).not.toBeNull();
    expect(result({ verdict: "ok", output: null, outputBytes: 0 })).toBeNull();
    for (const verdict of ["out-of-fuel", "trap", "stack", "bad-output"]) {
      expect(result({ verdict, output: null, outputBytes: 0 }), verdict).not.toBeNull();
      expect(result({ verdict, output, outputBytes: 0 }), verdict).toBeNull();
      expect(result({ verdict, output: null, outputBytes: 8 }), verdict).toBeNull();
    }
    for (const verdict of ["rejected", "deadline", "provider-fault", ""]) {
      expect(result({ verdict, output: null, outputBytes: 0 }), verdict).toBeNull();
    }
  });

  it("takes an ask that names each memory class once, and at a price", () => {
    const [good] = fc.sample(anyAsk, { numRuns: 1, seed: 7 });
    const factsheet = (change: Partial<Record<keyof Ask, unknown>>) =>
      decodeMessage("factsheet", { ...jsonOf("factsheet"), ask: { ...good, ...change } });
    const rate = { memoryMiB: 16, rate: "5" };
    const rates = [rate, { memoryMiB: 64, rate: "9" }];
    expect(factsheet({ rates })?.ask?.rates).toHaveLength(2);
    expect(factsheet({ rates: [rate, { ...rate, rate: "6" }] })).toBeNull();
    expect(factsheet({ rates: [{ ...rate, rate: "0" }] })).toBeNull();
    expect(factsheet({ rates: [], fuelPerSecond: [{ memoryMiB: 1, fuel: 0 }] })).toBeNull();
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
      rate: amount(2_500n),
      expires: instant(5),
      signature,
    };
    expect(encodeMessage("bid", bid)).toBe(
      `{"version":1,"id":"b-1","task":"${task}","rate":"2500","expires":5,"signature":"${signature}"}`,
    );
    expect(encodeMessage("ack", { version: 1, id: "b-1", journalIndex: 9 })).toBe(
      '{"version":1,"id":"b-1","journalIndex":9}',
    );
  });
});
