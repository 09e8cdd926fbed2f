/** A queue with its journal, on a scripted chain: it can be killed anywhere and started again. */
import { expect } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { isFault } from "../../src/base/fault.ts";
import { apply, emptyState, type State } from "../../src/exchange/state.ts";
import type { Fact, FactNamed } from "../../src/protocol/facts.ts";
import type { Call } from "../../src/settlement/chain.ts";
import { type MinedTransaction, TransactionQueue } from "../../src/settlement/queue.ts";
import { ManualClock } from "./manual-clock.ts";
import { KEY, ScriptedChain } from "./scripted-chain.ts";

const ADDRESS = KEY.address.toLowerCase() as Hex;
const MARKET = { chainId: 1, gateway: ADDRESS, vault: ADDRESS, token: ADDRESS };

/** Where a process can die. */
export const CRASH_POINTS = [
  "before journal",
  "after journal",
  "before broadcast",
  "after broadcast",
  "before conclusion",
  "after conclusion",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

class Crash extends Error {}

export const CAP = 1_000n;
export const BUMP_MS = 10_000;

/** A call that does something that can be told from everything else. */
export function callNumber(number: number): Call {
  return { to: ADDRESS, data: `0x${(number + 1).toString(16).padStart(8, "0")}` };
}

export class QueueNode {
  readonly chain = new ScriptedChain();
  readonly clock = new ManualClock();
  readonly state: State = emptyState();
  readonly facts: Fact[] = [];
  readonly faults: unknown[] = [];
  /** Rules that were broken. */
  readonly broken: string[] = [];
  crashAt: CrashPoint | null = null;
  crashes = 0;
  /** What may not be signed, or handed to the chain. */
  held: ReadonlySet<"new" | "waiting"> = new Set();
  #life = new AbortController();
  queue = this.#boot();

  constructor() {
    this.chain.onBroadcast = (hash) => {
      const isKnown = this.facts.some((fact) => "transaction" in fact && fact.transaction === hash);
      if (!isKnown) this.broken.push(`${hash} was sent before it was journalled`);
    };
  }

  #boot(): TransactionQueue {
    const { chain, clock, state, faults } = this;
    this.#life = new AbortController();
    return new TransactionQueue({
      chain: { ...chain.port, broadcast: (raw) => this.#broadcast(raw) },
      ...{ signer: KEY, clock, transactions: state.transactions, signal: this.#life.signal },
      record: (facts) => this.#record(facts),
      conclude: (mined) => this.#conclude(mined),
      onFault: (fault) => faults.push(fault),
      ...{ lookMs: 500, bumpAfterMs: BUMP_MS, maxFeePerGas: CAP },
      isHeld: (what) => this.held.has(what),
    });
  }

  /** The process dies as it is, and another one starts on its journal. */
  restart(): void {
    this.#life.abort(new Crash());
    this.queue = this.#boot();
  }

  /** What was signed for a call, oldest first. */
  prepared(): FactNamed<"transactionPrepared">[] {
    return this.facts.filter((fact) => fact.kind === "transactionPrepared");
  }

  codes(): string[] {
    return this.faults.map((fault) => (isFault(fault) ? fault.code : String(fault)));
  }

  #dieAt(point: CrashPoint): void {
    if (this.crashAt !== point) return;
    this.crashAt = null;
    this.crashes++;
    this.#life.abort(new Crash());
    throw new Crash();
  }

  #record(facts: readonly Fact[]): Promise<void> {
    const life = this.#life;
    return this.#within(life, () => {
      const isPrepared = facts.some(({ kind }) => kind === "transactionPrepared");
      if (isPrepared) this.#dieAt("before journal");
      for (const fact of facts) {
        // With nothing of ours under way a nonce is the next one; a replacement has that of what it replaces.
        if (fact.kind !== "transactionPrepared" || fact.replaces !== null) continue;
        if (fact.nonce > this.chain.used()) this.broken.push(`nonce ${fact.nonce} leaves a gap`);
      }
      this.facts.push(...facts);
      const cause = { by: null, topic: "observed", id: "", digest: "", refused: null };
      apply(this.state, MARKET, { index: this.facts.length, at: this.clock.now(), cause, facts });
      if (isPrepared) this.#dieAt("after journal");
    });
  }

  #broadcast(raw: Hex): Promise<void> {
    const life = this.#life;
    return this.#within(life, async () => {
      this.#dieAt("before broadcast");
      await this.chain.port.broadcast(raw);
      this.#dieAt("after broadcast");
    });
  }

  #conclude(mined: MinedTransaction): Promise<void> {
    const { transaction, block, gasUsed, gasCost, succeeded } = mined;
    return this.#within(this.#life, async () => {
      this.#dieAt("before conclusion");
      const fact = { transaction, block: Number(block), gasUsed, gasCost, succeeded };
      await this.#record([{ kind: "transactionMined", ...fact }]);
      this.#dieAt("after conclusion");
    });
  }

  /** A dead process does nothing more. */
  async #within(life: AbortController, work: () => void | Promise<void>): Promise<void> {
    if (life !== this.#life || life.signal.aborted) throw new Crash();
    await work();
  }
}

/** Ends an orderly loop, unlike a fault. */
export function isCrash(error: unknown): boolean {
  return error instanceof Crash;
}

/** Blocks come and time goes on until the work is done, or clearly never will be. */
export async function until(node: QueueNode, done: () => boolean, turns = 400): Promise<void> {
  for (let turn = 0; turn < turns && !done(); turn++) {
    await node.clock.advance(1_000);
    node.chain.mine();
  }
  expect(done()).toBe(true);
}
