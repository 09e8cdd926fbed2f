/** The board's JSON: whatever comes, it reads what everybody reads or refuses it, and nothing breaks. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeMessage, type Message } from "../../../src/protocol/message.ts";
import type { Topic } from "../../../src/protocol/topic.ts";
import { ask, word } from "../../board/answers.ts";
import { buildHost, isHostAbsent, whyHostAbsent } from "../../board/host-board.ts";
import { MESSAGES } from "../../protocol/any-message.ts";

const SEED = 11;
/** Levels of nesting, bytes of a key and characters of a number that the library takes. */
const [DEPTH, KEY, NUMBER] = [16, 136, 32];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const cases = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { seed: SEED, numRuns: count });

/** What everybody reads: undefined where it is no JSON, or no UTF-8. */
function parse(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    // a byte order mark is no part of JSON: the decoder would take it away
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The value that the board's tokens say, with `__proto__` as a key like any other. */
function saidIn(answer: string): { readonly value: unknown } | undefined {
  const tokens = answer.split(" ");
  if (tokens.pop() !== "ok") return undefined;
  let at = 0;
  const textOf = (token: string) => Buffer.from(token.slice(1), "hex").toString("utf8");
  const read = (): unknown => {
    let text = Buffer.alloc(0);
    while (tokens[at]?.startsWith("p"))
      text = Buffer.concat([text, Buffer.from(tokens[at++]?.slice(1) ?? "", "hex")]);
    const token = tokens[at++] ?? "";
    switch (token[0]) {
      case "{": {
        const entries: [string, unknown][] = [];
        while (tokens[at] !== "}") entries.push([textOf(tokens[at++] ?? ""), read()]);
        at++;
        return Object.fromEntries(entries);
      }
      case "[": {
        const items: unknown[] = [];
        while (tokens[at] !== "]") items.push(read());
        at++;
        return items;
      }
      case "s":
        return Buffer.concat([text, Buffer.from(token.slice(1), "hex")]).toString("utf8");
      case "n":
        return Number(textOf(token));
      case "t":
        return true;
      case "f":
        return false;
      case "u":
        return null;
      default:
        throw new Error(`no token: ${token}`);
    }
  };
  const value = read();
  if (at !== tokens.length) throw new Error(`tokens behind the value: ${answer}`);
  return { value };
}

/** Lone surrogates replaced, as the board does. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed(one)]));
}

/** Within what the library takes. */
function isSmall(value: unknown, depth = 0): boolean {
  if (depth > DEPTH) return false;
  if (Array.isArray(value)) return value.every((one) => isSmall(one, depth + 1));
  if (typeof value !== "object" || value === null) return depth <= DEPTH;
  return (
    depth < DEPTH &&
    Object.entries(value).every(([key, one]) => bytesOf(key).length <= KEY && isSmall(one, depth + 1))
  );
}

/** A text of JSON with something done to it: bytes changed, taken out, doubled or cut off. */
const anySpoilt = fc
  .tuple(
    fc.oneof(fc.json({ maxDepth: 5 }), fc.constantFrom(...["ack", "answer", "blob-data"].map(messageText))),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 4 })), { maxLength: 4 }),
  )
  .map(([text, changes]) => {
    let bytes = [...bytesOf(text)];
    for (const [place, byte, kind] of changes) {
      const at = place % (bytes.length + 1);
      if (kind === 0) bytes[at] = byte;
      else if (kind === 1) bytes.splice(at, 1);
      else if (kind === 2) bytes.splice(at, 0, byte);
      else if (kind === 3) bytes = bytes.slice(0, at);
      else bytes.splice(at, 0, ...bytes.slice(at, at + (byte % 16)));
    }
    return Uint8Array.from(bytes.map((byte) => byte ?? 0));
  });

function messageText(topic: string): string {
  const [message] = cases(MESSAGES[topic as "ack"], 1);
  if (!message) throw new Error("no case");
  return encodeMessage(topic as "ack", message);
}

describe.skipIf(isHostAbsent)(`the board's JSON${whyHostAbsent}`, () => {
  let program = "";
  const tokensOf = (texts: readonly Uint8Array[]) =>
    ask(
      program,
      texts.map((text, at) => `json ${(at % 9) + 1} ${word(text)}`),
    );

  beforeAll(async () => {
    program = await buildHost("answers-kept");
  });

  it("reads what everybody reads, cut anywhere", async () => {
    const texts = [...cases(fc.json({ maxDepth: 6 }), 1_500), ...cases(anyEscaped, 500)].map(bytesOf);
    const answers = await tokensOf(texts);
    for (const [at, text] of texts.entries()) {
      const right = parse(text);
      if (!right || !isSmall(right.value)) continue;
      expect(saidIn(answers[at] ?? ""), Buffer.from(text).toString()).toEqual({
        value: wellFormed(right.value),
      });
    }
  });

  it("refuses what is none, and takes nothing else for what it was", async () => {
    const texts = cases(anySpoilt, 12_000);
    const answers = await tokensOf(texts);
    let [taken, refused] = [0, 0];
    for (const [at, text] of texts.entries()) {
      const right = parse(text);
      const read = saidIn(answers[at] ?? "");
      const context = Buffer.from(text).toString("latin1");
      if (read === undefined) {
        refused++;
        const isFair = !right || !isSmall(right.value) || /[0-9eE.+-]{33}/.test(context);
        expect(isFair, context).toBe(true);
      } else {
        taken++;
        if (right && !isSmall(right.value)) continue;
        expect(read, context).toEqual(right && { value: wellFormed(right.value) });
      }
    }
    expect(taken).toBeGreaterThan(2_000);
    expect(refused).toBeGreaterThan(2_000);
  });

  it("takes the bytes of a string for characters as everybody does", async () => {
    const sequences = [
      ...["c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf"],
      // overlong, half of a surrogate pair, beyond the last character, cut short, and no beginning
      ...["c080", "c1bf", "e09fbf", "eda080", "edbfbf", "f08fbfbf", "f4908080", "f5808080", "ff", "80"],
      ...["c2", "e0a0", "f09080", "c2c2", "e0a0c2", "f0908041", "00", "1f", "7f"],
    ];
    const texts = sequences.map((one) =>
      Buffer.concat([Buffer.from('"'), Buffer.from(one, "hex"), Buffer.from('"')]),
    );
    const answers = await tokensOf(texts);
    expect(answers.map(saidIn)).toEqual(texts.map(parse));
  });

  it("stops at its limits", async () => {
    const nested = (depth: number) => bytesOf("[".repeat(depth) + "]".repeat(depth));
    const key = (length: number) => bytesOf(`{"${"k".repeat(length)}":1}`);
    const number = (length: number) => bytesOf("1".repeat(length));
    const texts = [
      nested(DEPTH),
      nested(DEPTH + 1),
      key(KEY),
      key(100_000),
      number(NUMBER),
      number(NUMBER + 1),
    ];
    const answers = await tokensOf([...texts, bytesOf(`"${"é".repeat(100_000)}"`), new Uint8Array(0)]);
    expect(answers.map((answer) => answer.endsWith("ok"))).toEqual([
      ...[true, false, true, true, true, false],
      ...[true, false],
    ]);
  });

  it("reads the gateway's messages, and finds what counts in them", async () => {
    const acks = cases(MESSAGES.ack, 300).map(clip);
    const answers = await ask(
      program,
      acks.map((ack, at) => `read ack ${(at % 50) + 1} ${word(bytesOf(encodeMessage("ack", ack)))}`),
    );
    for (const [at, ack] of acks.entries()) {
      if (!ack.terms || (ack.terms.lane.epoch ?? 0) > 0xffff_ffff) continue;
      const { time, lane } = ack.terms;
      const { epoch, deposit, signed, credit, voucher } = lane;
      const told = [ack.id, time, epoch, deposit, signed, credit, voucher?.cumulative ?? 0].join(" ");
      expect(answers[at]).toBe(told);
    }
    const chunks = cases(fc.uint8Array({ maxLength: 600 }), 200);
    const read = await ask(
      program,
      chunks.map((chunk, at) => `read blob-data ${(at % 50) + 1} ${word(bytesOf(chunkText(chunk)))}`),
    );
    expect(read).toEqual(
      chunks.map((chunk) =>
        chunk.length > 512 ? "?" : `7 99 ${chunk.length} ${Buffer.from(chunk).toString("hex")}`,
      ),
    );
  });

  it("refuses a message that lacks something, or has it of another kind", async () => {
    const topics = ["challenge", "refusal", "answer", "invoice", "receipt", "blob-get", "blob-data"] as const;
    const questions: string[] = [];
    const put = (topic: Topic, value: object) =>
      questions.push(`read ${topic} 40 ${word(bytesOf(JSON.stringify(value)))}`);
    for (const topic of topics) {
      const message = sound(topic);
      for (const name of Object.keys(message)) {
        if (isNotRead(topic, name)) continue;
        const { [name]: value, ...rest } = message;
        if (!isNullable(topic, name)) put(topic, rest);
        put(topic, { ...rest, [name]: { a: 1 } });
        put(topic, { ...rest, [name]: typeof value === "number" ? "x" : 7 });
        if (typeof value === "string" && value.startsWith("0x")) put(topic, { ...rest, [name]: `${value}0` });
      }
    }
    const answers = await ask(program, questions);
    expect(answers.length).toBeGreaterThan(100);
    expect(questions.filter((_, at) => answers[at] !== "?")).toEqual([]);
    const good = await ask(
      program,
      topics.map((topic) => `read ${topic} 40 ${word(bytesOf(JSON.stringify(sound(topic))))}`),
    );
    expect(good).not.toContain("?");
  });

  it("survives messages that were cut short or changed", async () => {
    const texts = ["ack", "refusal", "answer", "invoice", "receipt", "blob-get", "blob-data", "challenge"];
    const questions = texts.flatMap((topic) => {
      const text = bytesOf(JSON.stringify(sound(topic as "ack")));
      const cuts = Array.from(text.keys(), (length) => text.subarray(0, length));
      const changed = cases(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), 400).map(([at, byte]) =>
        text.map((one, place) => (place === at ? byte : one)),
      );
      return [...cuts, ...changed].map((one, at) => `read ${topic} ${(at % 60) + 1} ${word(one)}`);
    });
    const answers = await ask(program, questions);
    expect(answers).toHaveLength(questions.length);
    expect(answers.filter((answer) => answer === "?").length).toBeGreaterThan(questions.length / 2);
  });
});

/** Strings written with escapes of every kind, pairs and halves of surrogates among them. */
const anyEscaped = fc
  .array(
    fc.oneof(
      fc.constantFrom("\\n", "\\\\", '\\"', "\\/", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "é", "😀", "x"),
      fc.nat(0xffff).map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`),
    ),
    { maxLength: 40 },
  )
  .map((parts) => `["${parts.join("")}"]`);

/** The message with amounts that a board can count, and an id that fits a line. */
function clip(ack: Message<"ack">): Message<"ack"> {
  const small = (value: unknown): unknown => {
    if (typeof value === "bigint") return BigInt.asUintN(64, value);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, small(one)]));
  };
  return { ...(small(ack) as Message<"ack">), id: "a1" };
}

function chunkText(chunk: Uint8Array): string {
  const hash = `0x${"ab".repeat(32)}`;
  const bytes = Buffer.from(chunk).toString("base64");
  return JSON.stringify({ version: 1, from: "gateway", hash, offset: 7, total: 99, bytes });
}

/** A message that is right in every member. */
function sound(topic: Topic): Record<string, unknown> {
  const hash = `0x${"cd".repeat(32)}`;
  const [address, task, signature] = [`0x${"12".repeat(20)}`, `0x${"34".repeat(16)}`, `0x${"56".repeat(65)}`];
  const bill = { fuel: 5, rate: "7", price: "9", fee: "1", checks: "0" };
  const messages: Partial<Record<Topic, object>> = {
    challenge: { slot: "main", nonce: hash, time: 7 },
    ack: { id: "a1", journalIndex: 3, task },
    refusal: { id: "a1", topic: "offer", code: "bad_json", hint: "send one JSON object" },
    answer: {
      ...{
        task,
        state: "paid",
        reason: "",
        verdict: "ok",
        output: hash,
        outputBytes: 4,
        fuel: 5,
        salt: hash,
      },
      ...{ spent: "9", credit: "0", provider: address, rechecked: false },
    },
    invoice: {
      ...{ task, provider: address, award: hash, accept: signature, verdict: "ok", ...bill },
      ...{ saltedOutput: hash, outputBytes: 4, due: 8, signature },
    },
    receipt: {
      ...{ task, requester: address, provider: address, firmware: hash, input: hash, verdict: "ok" },
      ...{ output: hash, meter: 1, costs: hash, ...bill, signature },
    },
    "blob-get": { from: "gateway", hash, offset: 0, length: 512 },
    "blob-data": { from: "gateway", hash, offset: 0, total: 3, bytes: "AAAA" },
  };
  return { version: 1, ...messages[topic] };
}

/** Members that a requester need not know. */
function isNotRead(topic: Topic, name: string): boolean {
  return (topic === "challenge" && name === "slot") || (topic === "answer" && name === "rechecked");
}

function isNullable(topic: Topic, name: string): boolean {
  const names: Partial<Record<Topic, readonly string[]>> = {
    refusal: ["id"],
    answer: ["verdict", "output", "salt", "provider"],
    receipt: ["output"],
  };
  return names[topic]?.includes(name) ?? false;
}
