/** A message as far as somebody has written it: JSON as on the wire, with fields still missing. */
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { decodeMessage, encodeMessage, type Message, messageSchemas } from "../../protocol/message.ts";
import type { Topic } from "../../protocol/topic.ts";
import { unknownWord } from "../arguments.ts";
import { nameOf, readJson, type StandardInput } from "./message-file.ts";

/** Fields that somebody types as decimals of the token. */
const AMOUNTS: readonly string[] = ["maxPrice", "checkBudget"];

/** A signature of the right shape, until there is one. */
const UNSIGNED = `0x${"00".repeat(65)}`;

export class Draft<T extends Topic = Topic> {
  readonly topic: T;
  readonly #fields: Record<string, unknown>;
  readonly #shape: Readonly<Record<string, z.ZodType>>;

  private constructor(topic: T, fields: Record<string, unknown>) {
    this.topic = topic;
    this.#fields = fields;
    this.#shape = messageSchemas[topic].shape;
    for (const key of Object.keys(fields)) this.#mustKnow(key);
    if (this.has("signature"))
      throw new Fault("usage", "this message is signed already: leave its signature away");
  }

  /**
   * Reads what was typed: at most one file, or `-` for standard input, and any number of `key=value`.
   *
   * @param decimals - of the token: how amounts behind an equals sign are read; in a file they are atomic units
   * @throws {@link Fault} `usage`, `file_format`, `amount_syntax`, `amount_range`, `disk_failed`
   */
  static async read<T extends Topic>(
    topic: T,
    words: readonly string[],
    decimals: number,
    streams: StandardInput,
  ): Promise<Draft<T>> {
    const files = words.filter((word) => !word.includes("="));
    const [file, ...more] = files;
    if (more.length > 0) throw new Fault("usage", `expected one message, not ${files.join(" and ")}`);
    const value = file === undefined ? {} : await readJson(file, streams);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Fault("file_format", `${nameOf(file ?? "")} is no JSON object`);
    }
    const draft = new Draft(topic, { ...value });
    for (const word of words) if (word.includes("=")) draft.#assign(word, decimals);
    return draft;
  }

  has(key: string): boolean {
    return this.#fields[key] !== undefined;
  }

  /** What stands in a field, as on the wire. */
  get(key: string): unknown {
    return this.#fields[key];
  }

  /** Gives a field its value unless it has one, or the topic has no such field. */
  fill(key: string, value: unknown): void {
    if (!this.has(key) && Object.hasOwn(this.#shape, key)) this.#fields[key] = value;
  }

  /**
   * Gives fields their values.
   *
   * @param by - the option that they follow from
   * @throws {@link Fault} `usage` when one has another value already
   */
  put(by: string, fields: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(fields)) {
      if (this.has(key) && this.#fields[key] !== value) {
        throw new Fault("usage", `${key} follows from ${by}, and the message says another: leave one away`);
      }
      this.#fields[key] = value;
    }
  }

  /** Gives a field another value. */
  replace(key: string, value: unknown): void {
    this.#fields[key] = value;
  }

  /**
   * The whole message; of one that is to be signed, with a signature that is none.
   *
   * @throws {@link Fault} `usage`, with the names of the fields that are missing or wrong
   */
  message(): Message<T> {
    const value = Object.hasOwn(this.#shape, "signature")
      ? { ...this.#fields, signature: UNSIGNED }
      : this.#fields;
    const message = decodeMessage(this.topic, value);
    if (message !== null) return message;
    const found = z.safeDecode(messageSchemas[this.topic] as z.ZodType, value as never);
    const paths = found.success ? [] : found.error.issues.map(({ path }) => path.join("."));
    const missing = paths.filter((path) => !path.includes(".") && path !== "" && !this.has(path));
    const wrong = paths.filter((path) => !missing.includes(path));
    const parts = [
      missing.length > 0 ? `it lacks ${[...new Set(missing)].join(", ")}` : "",
      wrong.length > 0 ? `not right: ${[...new Set(wrong)].join(", ") || "the whole"}` : "",
    ];
    throw new Fault(
      "usage",
      `this makes no message of the topic ${this.topic}: ${parts.filter(Boolean).join("; ")}`,
    );
  }

  /** As on the wire: one line of JSON, the version first. */
  text(message: Message<T>): string {
    return encodeMessage(this.topic, message);
  }

  #mustKnow(key: string): void {
    if (!Object.hasOwn(this.#shape, key)) {
      throw unknownWord("hirewire device sign", `field of ${this.topic}`, key, Object.keys(this.#shape));
    }
  }

  #assign(word: string, decimals: number): void {
    const at = word.indexOf("=");
    const [key, text] = [word.slice(0, at), word.slice(at + 1)];
    this.#mustKnow(key);
    if (this.has(key)) throw new Fault("usage", `${key} is given twice`);
    const value = AMOUNTS.includes(key) ? parseAmount(text, decimals).toString() : this.#typed(key, text);
    this.#fields[key] = value;
  }

  /** The text itself, the JSON in it, or a list with commas, whichever the field takes. */
  #typed(key: string, text: string): unknown {
    const schema = this.#shape[key];
    const candidates = [text, jsonIn(text), text === "" ? [] : text.split(",")];
    const found = candidates.find(
      (one) => one !== undefined && schema && z.safeDecode(schema, one as never).success,
    );
    if (found !== undefined) return found;
    throw new Fault("usage", `the field ${key} of ${this.topic} does not take "${text}"`);
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
