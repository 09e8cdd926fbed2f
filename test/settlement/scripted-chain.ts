/** A chain of one's own that does whatever a script says: mines, reorganizes, forgets, lies, and is away. */
import { keccak256, parseTransaction, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Block, Call, Prepared, PrepareOptions, Receipt } from "../../src/settlement/chain.ts";
import type { QueueOptions } from "../../src/settlement/queue.ts";

/** The key that the queue has, and others too. */
export const KEY = privateKeyToAccount(`0x${"11".repeat(32)}`);

type Mined = Block & { readonly raws: readonly Hex[]; readonly failed: ReadonlySet<Hex> };

export class ScriptedChain {
  readonly #blocks: Mined[] = [];
  readonly pool = new Map<Hex, Hex>();
  /** How many blocks count as confirmed: the newest has one. */
  confirmations = 2;
  baseFee = 100n;
  isDown: boolean = false;
  /** Takes what is sent, and loses it. */
  isDeaf: boolean = false;
  /** Says of a waiting transaction that it is in a block that does not exist. */
  isLying: boolean = false;
  funds = 10n ** 18n;
  /** Calls of this data revert when mined. */
  reverting: Hex | null = null;
  readonly broadcasts: Hex[] = [];
  /** Looks at every transaction that comes in. */
  onBroadcast: (hash: Hex) => void = () => {};
  #salt = 0;

  constructor() {
    this.#add([]);
    this.#add([]);
  }

  #add(raws: readonly Hex[]): void {
    const number = BigInt(this.#blocks.length);
    const failed = new Set(raws.filter((raw) => parseTransaction(raw).data === this.reverting));
    this.#blocks.push({ number, hash: keccak256(toHex(`${number} ${this.#salt++}`)), time: 0, raws, failed });
  }

  /** Mines what pays enough and comes next, into one block. */
  mine(): void {
    const raws: Hex[] = [];
    for (let next = this.used(); ; next++) {
      const found = [...this.pool.values()].find((raw) => {
        const { nonce, maxFeePerGas = 0n } = parseTransaction(raw);
        return (nonce ?? 0) === next && maxFeePerGas >= this.baseFee;
      });
      if (!found) break;
      raws.push(found);
    }
    this.#add(raws);
    this.#prune();
  }

  /** Exchanges the newest blocks for empty ones; what was in them waits again, or is forgotten. */
  reorganize(depth: number, forgets: boolean): void {
    const gone = this.#blocks.splice(-Math.min(depth, this.#blocks.length - 1));
    if (!forgets) for (const raw of gone.flatMap(({ raws }) => raws)) this.pool.set(keccak256(raw), raw);
    for (const _ of gone) this.#add([]);
    this.#prune();
  }

  #prune(): void {
    for (const [hash, raw] of this.pool) {
      if ((parseTransaction(raw).nonce ?? 0) < this.used()) this.pool.delete(hash);
    }
  }

  /** The next nonce. */
  used(): number {
    return this.#blocks.reduce((sum, { raws }) => sum + raws.length, 0);
  }

  /** The calls that were carried out, in order. */
  effects(): Hex[] {
    return this.#blocks.flatMap(({ raws, failed }) =>
      raws.filter((raw) => !failed.has(raw)).map((raw) => parseTransaction(raw).data ?? "0x"),
    );
  }

  /** Another process with the same key sends something. */
  async foreign(nonce: number): Promise<void> {
    const raw = await this.#sign({ to: KEY.address, data: "0xdead" }, nonce, 10n ** 9n, 21_000n);
    this.pool.clear();
    this.pool.set(keccak256(raw), raw);
  }

  #sign(call: Call, nonce: number, fee: bigint, gas: bigint): Promise<Hex> {
    const fees = { maxFeePerGas: fee, maxPriorityFeePerGas: fee / 10n };
    return KEY.signTransaction({ type: "eip1559", chainId: 1, nonce, ...call, gas, ...fees });
  }

  readonly port: QueueOptions["chain"] = {
    head: () => this.#asked(() => this.#at(1)),
    confirmed: () => this.#asked(() => this.#at(this.confirmations)),
    blockHash: (number) => this.#asked(() => this.#blocks[Number(number)]?.hash ?? null),
    nonce: (_, at) => this.#asked(() => (at === "latest" ? this.used() : this.#next())),
    gasBalance: () => this.#asked(() => this.funds),
    prepare: (_, call, options) => this.#asked(() => this.#prepare(call, options ?? {})),
    broadcast: (raw) => this.#asked(() => this.#take(raw)),
    receipt: (hash) => this.#asked(() => this.#receipt(hash)),
  };

  async #asked<T>(answer: () => T | Promise<T>): Promise<T> {
    if (this.isDown) throw new Fault("chain_unreachable", "away");
    return await answer();
  }

  /** The next nonce behind what waits. */
  #next(): number {
    const waiting = new Set([...this.pool.values()].map((raw) => parseTransaction(raw).nonce));
    let next = this.used();
    while (waiting.has(next)) next++;
    return next;
  }

  #at(confirmations: number): Block {
    const block = this.#blocks[Math.max(0, this.#blocks.length - confirmations)];
    if (!block) throw new Error("a chain without blocks");
    return block;
  }

  async #prepare(call: Call, { nonce, gas = 50_000n, replaces }: PrepareOptions): Promise<Prepared> {
    const least = replaces ? (replaces.maxFeePerGas * 9n) / 8n + 1n : 0n;
    const market = (this.baseFee * 6n) / 5n;
    const fee = market > least ? market : least;
    const at = nonce ?? replaces?.nonce ?? this.used();
    const raw = await this.#sign(call, at, fee, gas);
    return { raw, hash: keccak256(raw), nonce: at, maxFeePerGas: fee, maxPriorityFeePerGas: fee / 10n };
  }

  #take(raw: Hex): void {
    const hash = keccak256(raw);
    this.onBroadcast(hash);
    this.broadcasts.push(hash);
    const { nonce = 0, maxFeePerGas = 0n, gas = 0n } = parseTransaction(raw);
    if (this.pool.has(hash) || this.#blocks.some(({ raws }) => raws.includes(raw))) return;
    const refuse = (why: string) => {
      throw new Fault("transaction_failed", why);
    };
    if (nonce < this.used()) refuse("nonce too low");
    if (gas * maxFeePerGas > this.funds) refuse("insufficient funds");
    for (const [other, waiting] of this.pool) {
      const rival = parseTransaction(waiting);
      if ((rival.nonce ?? 0) !== nonce) continue;
      if (maxFeePerGas * 10n < (rival.maxFeePerGas ?? 0n) * 11n)
        refuse("replacement transaction underpriced");
      this.pool.delete(other);
    }
    if (!this.isDeaf) this.pool.set(hash, raw);
  }

  #receipt(hash: Hex): Receipt | null {
    const details = { gasUsed: 50_000n, gasPrice: this.baseFee };
    const block = this.#blocks.find(({ raws }) => raws.some((raw) => keccak256(raw) === hash));
    if (block) {
      const isFailed = [...block.failed].some((raw) => keccak256(raw) === hash);
      const status = isFailed ? ("reverted" as const) : ("success" as const);
      return { status, block: block.number, blockHash: block.hash, ...details };
    }
    if (!this.isLying) return null;
    return { status: "success", block: 0n, blockHash: keccak256("0x"), ...details };
  }
}
