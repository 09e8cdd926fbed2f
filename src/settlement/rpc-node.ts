/**
 * One node of a chain: JSON-RPC 2.0 over HTTP.
 *
 * Nothing is retried here. A node that is late, silent, busy, broken, garbled or on another chain is put to rest for a
 * while, which only says that others are asked before it. Its URL may hold a password or an API key, so that
 * nothing but {@link RpcNode.name} is ever said of it.
 */
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import type { Clock, Instant } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import { post } from "./http-post.ts";

/** The node's own "no" to a request that it understood. */
export interface RpcRefusal {
  readonly code: number;
  readonly message: string;
  /** What the contract reverted with, if it is that. */
  readonly data: Hex | null;
}

export type Reply =
  | { readonly result: unknown; readonly refusal?: never }
  | { readonly refusal: RpcRefusal; readonly result?: never };

export interface RpcNodeOptions {
  /** HTTP or HTTPS; a user name and password in it are sent as basic authentication (RFC 7617). */
  readonly url: string;
  /** What the node must say it is, whenever it is asked. */
  readonly chainId: number;
  readonly clock: Clock;
  /** How long one request may take, answer included. */
  readonly timeoutMs: number;
  /** How long others are asked first after this node was in trouble. */
  readonly restMs: number;
}

/** How long a chain id is believed, milliseconds: behind one URL may stand a node that was exchanged. */
const IDENTITY_MS = 60_000;

/** Blocks that a head may fall behind what the same node said before. No sane chain undoes as many. */
const DEEPEST_FALL = 128n;

/** Bytes of the longest answer that is read: 10,000 lanes are under 1 MB, what providers send at most is 15 MB. */
const LONGEST_ANSWER = 32 * 2 ** 20;

/** JSON-RPC codes (EIP-1474) that say "not now": resource unavailable, limit exceeded, and the HTTP habit. */
const BUSY: ReadonlySet<number> = new Set([-32_002, -32_005, -32_007, 429]);

/** The node's software failed, or its database: asking another one helps. */
const BROKEN = -32_603;

/** No matter of patience, whatever its code: the same request gets the same answer for ever. */
const FINAL = /revert|result|range|block|size/i;

/** Characters of a node's own words that are repeated. */
const LONGEST_WORDS = 300;

/** JSON-RPC writes quantities and bytes alike: 0x and digits. A quantity has at most 256 bits. */
export const quantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform(BigInt);

const rpcAnswer = z.object({ jsonrpc: z.literal("2.0"), id: z.number() });
const rpcError = z.object({
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }),
});

export class RpcNode {
  /** `host:port`, all that may be said of the node. */
  readonly name: string;
  readonly #options: RpcNodeOptions;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #lastId = 0;
  #restsUntil: Instant | null = null;
  #identified: { readonly until: number; readonly done: Promise<void> } | null = null;
  #highest = 0n;

  /** @throws {@link Fault} `config_syntax` when the URL is not one of HTTP */
  constructor(options: RpcNodeOptions) {
    const url = URL.parse(options.url);
    if (!url || !/^https?:$/.test(url.protocol)) {
      throw new Fault("config_syntax", `expected the URL of a node's JSON-RPC, http:// or https://`);
    }
    this.#options = options;
    this.name = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    url.username = "";
    url.password = "";
    url.hash = "";
    this.#url = url.href;
    this.#headers = {
      "content-type": "application/json",
      ...(credentials === ":"
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
    };
  }

  /** Whether both are one address, whoever logs in. */
  isSameAs(other: RpcNode): boolean {
    return this.#url === other.#url;
  }

  /** Whether the node was in trouble a short while ago. */
  isResting(): boolean {
    return this.#restsUntil !== null && this.#options.clock.now() < this.#restsUntil;
  }

  /** Lets others be asked first for a while. */
  rest(): void {
    const { clock, restMs } = this.#options;
    this.#restsUntil = (clock.now() + restMs) as Instant;
    this.#identified = null;
  }

  /**
   * Makes sure that the node is on the right chain, as it said within the last minute.
   *
   * @throws {@link Fault} `chain_mismatch`, `chain_unreachable`
   */
  async identify(): Promise<void> {
    const { clock, chainId } = this.#options;
    if (this.#identified === null || this.#identified.until <= clock.now()) {
      this.#identified = { until: clock.now() + IDENTITY_MS, done: this.#compare(chainId) };
    }
    await this.#identified.done;
  }

  /**
   * Asks, and takes the node's "no" for an answer.
   *
   * @throws {@link Fault} `chain_unreachable` when there is no answer, or one that makes no sense;
   *   `chain_mismatch` when the node is on another chain
   */
  async ask(method: string, params: readonly unknown[]): Promise<Reply> {
    await this.identify();
    return await this.#send(method, params);
  }

  /**
   * Asks what a healthy node always answers.
   *
   * @param schema - the shape that the answer must have
   * @throws {@link Fault} as {@link ask}, and `chain_unreachable` when the node says no
   */
  async read<T>(method: string, params: readonly unknown[], schema: z.ZodType<T>): Promise<T> {
    const { result, refusal } = await this.ask(method, params);
    if (refusal) throw this.refused(method, refusal);
    return this.shaped(method, result, schema);
  }

  /** @throws {@link Fault} `chain_unreachable` when the answer has another shape */
  shaped<T>(method: string, answer: unknown, schema: z.ZodType<T>): T {
    const found = schema.safeParse(answer);
    if (found.success) return found.data;
    const where = found.error.issues[0]?.path.join(".") ?? "";
    throw this.trouble(`answers ${method} in a wrong shape${where && ` (${where})`}`);
  }

  /** A "no" where only an answer helps. The node stays in its place: it may know other things. */
  refused(method: string, { code, message }: RpcRefusal): Fault {
    return this.#fault(`refuses ${method}: ${message} (${code})`);
  }

  /** What is wrong with the node, which is put to rest. */
  trouble(words: string, cause?: unknown): Fault {
    this.rest();
    return this.#fault(words, cause);
  }

  /**
   * Takes note of the newest block that the node told of.
   *
   * @throws {@link Fault} `chain_reorganized` when that is far behind an earlier one: the node lost its chain, or
   *   another one answers in its place
   */
  sawHead(number: bigint): void {
    const highest = this.#highest;
    if (number + DEEPEST_FALL >= highest) {
      if (number > highest) this.#highest = number;
      return;
    }
    this.rest();
    const message = `node ${this.name} fell back from block ${highest} to ${number}`;
    throw new Fault("chain_reorganized", message, { facts: { node: this.name, was: highest, is: number } });
  }

  async #compare(expected: number): Promise<void> {
    const { result, refusal } = await this.#send("eth_chainId", []);
    if (refusal) throw this.trouble(`does not say on which chain it is: ${refusal.message}`);
    const found = Number(this.shaped("eth_chainId", result, quantity));
    if (found === expected) return;
    this.rest();
    throw new Fault("chain_mismatch", `expected chain ${expected}, node ${this.name} is on ${found}`, {
      facts: { node: this.name, expected, found },
    });
  }

  async #send(method: string, params: readonly unknown[]): Promise<Reply> {
    const id = ++this.#lastId;
    const { status, text } = await this.#post(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    // providers say "too fast" and "we are down" in HTTP, whatever the body holds
    if (status === 429 || status >= 500) throw this.trouble(`says HTTP ${status}`);
    const body = parsed(text);
    const refusal = refusalIn(body);
    if (refusal) {
      const { code, message } = refusal;
      const isUnable = (BUSY.has(code) || code === BROKEN) && !FINAL.test(message);
      if (isUnable) throw this.trouble(`cannot answer: ${message} (${code})`);
      return { refusal };
    }
    if (status !== 200) throw this.trouble(`says HTTP ${status}`);
    const answer = rpcAnswer.safeParse(body);
    const isAnswer = answer.success && answer.data.id === id && Object.hasOwn(Object(body), "result");
    if (!isAnswer) throw this.trouble(`does not answer ${method} in JSON-RPC`);
    this.#restsUntil = null;
    return { result: Reflect.get(Object(body), "result") };
  }

  async #post(body: string): Promise<{ status: number; text: string }> {
    const { clock, timeoutMs } = this.#options;
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => late.abort());
    try {
      const [url, headers] = [this.#url, this.#headers];
      return await post({ url, headers, body, most: LONGEST_ANSWER, signal: late.signal });
    } catch (cause) {
      if (isFault(cause)) throw this.trouble(cause.message);
      throw this.trouble(late.signal.aborted ? `is silent for ${timeoutMs} ms` : "cannot be reached", cause);
    } finally {
      cancel();
    }
  }

  #fault(words: string, cause?: unknown): Fault {
    const message = `node ${this.name} ${words}`;
    return new Fault("chain_unreachable", message, { cause, facts: { node: this.name } });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusalIn(body: unknown): RpcRefusal | null {
  const found = rpcError.safeParse(body);
  if (!found.success) return null;
  const { code, data } = found.data.error;
  const message = found.data.error.message.replaceAll(/\s+/g, " ").slice(0, LONGEST_WORDS);
  const isBytes = typeof data === "string" && /^0x([0-9a-fA-F]{2})*$/.test(data);
  return { code, message, data: isBytes ? (data as Hex) : null };
}
