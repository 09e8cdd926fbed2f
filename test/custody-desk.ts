/** A heartbeat with custody before it: ROBOT's wallet is kept, everybody else has a key of their own. */
import type { Hex } from "../src/base/bytes.ts";
import { instant } from "../src/base/clock.ts";
import { type Amount, amount } from "../src/base/money.ts";
import type { Refusal } from "../src/base/refusal.ts";
import { Custody } from "../src/custody.ts";
import { replay, saveSnapshot } from "../src/exchange/replay.ts";
import type { Journal } from "../src/journal/journal.ts";
import { memoryJournal } from "../src/journal/memory-journal.ts";
import type { KeptWallet } from "../src/operator/wallet-folder.ts";
import type { Limits } from "../src/payment/standing.ts";
import { type Draft, encodeDraft } from "../src/protocol/draft.ts";
import type { CommandTopic } from "../src/protocol/topic.ts";
import { voucherDigest } from "../src/protocol/voucher.ts";
import { type Counter, openCounter } from "./exchange/counter.ts";
import {
  accept,
  BOARD,
  bid,
  hash32,
  MARKET,
  type OfferTerms,
  offerTerms,
  ROBOT,
  result,
  taskOfOffer,
} from "./exchange/stage.ts";

export const SECRET = new Uint8Array(32).fill(0x5e);

export type Told = { readonly id: string | null; readonly topic: string; readonly refusal: Refusal };

type DeskOptions = { readonly cap?: bigint; readonly limits?: Partial<Limits>; readonly journal?: Journal };

/** What a kept device says of a voucher. */
export const voucherDraft = (cumulative: bigint, id = `v-${cumulative}`, epoch = 0): Draft<"voucher"> => ({
  version: 1,
  id,
  epoch,
  cumulative: amount(cumulative),
});

/** What a kept device says of an offer. */
export const offerDraft = (
  id: string,
  change: Partial<Omit<OfferTerms, "voucher">> = {},
): Draft<"offer"> => ({
  version: 1,
  ...offerTerms(id, change),
});

/** What is signed for such a voucher. */
export function digestOf(cumulative: bigint, epoch = 0): Hex {
  const { chainId, vault, token, gateway: payee } = MARKET;
  return voucherDigest({ chainId, vault, payee, token, epoch, cumulative: amount(cumulative) });
}

export class Desk {
  readonly counter: Counter;
  readonly custody: Custody;
  readonly journal: Journal;
  /** Every digest that the kept key has signed. */
  readonly signed: Hex[] = [];
  /** What custody has refused by itself. */
  readonly told: Told[] = [];
  readonly faults: unknown[] = [];
  /** Null for a wallet whose file is gone. */
  wallet: KeptWallet | null;
  /** Why the wallet cannot sign; null while it can. */
  broken: Error | null = null;
  readonly #options: DeskOptions;

  constructor(options: DeskOptions = {}) {
    const { journal = memoryJournal(), limits = {}, cap = 10_000n } = options;
    this.#options = options;
    this.journal = journal;
    this.counter = openCounter({ journal, limits, state: replay(journal, MARKET) });
    this.wallet = this.walletUnder(amount(cap));
    this.custody = new Custody({
      ...{ state: this.counter.state, market: MARKET, decimals: 2, heartbeat: this.counter.heartbeat },
      keptWallet: (device) => (device === ROBOT.address ? this.wallet : null),
      refuse: (_, id, topic, refusal) => this.told.push({ id, topic, refusal }),
      onFault: (fault) => this.faults.push(fault),
    });
  }

  walletUnder(cap: Amount): KeptWallet {
    const sign = (digest: Hex) => {
      if (this.broken) return Promise.reject(this.broken);
      this.signed.push(digest);
      return ROBOT.sign(digest);
    };
    return { signer: { address: ROBOT.address, sign }, secret: SECRET, cap };
  }

  /** The same gateway again, which knows what its journal knows. */
  restarted({ hasSnapshot = false } = {}): Desk {
    if (hasSnapshot) saveSnapshot(this.journal, this.counter.state);
    const desk = new Desk({ ...this.#options, journal: this.journal });
    desk.counter.clock.set(this.counter.clock.now());
    return desk;
  }

  say(topic: CommandTopic, text: string, by: Hex = ROBOT.address): Promise<void> {
    return this.custody.submit(by, topic, new TextEncoder().encode(text));
  }

  voucher(draft: Draft<"voucher">): Promise<void> {
    return this.say("voucher", encodeDraft("voucher", draft));
  }

  offer(draft: Draft<"offer">): Promise<void> {
    return this.say("offer", encodeDraft("offer", draft));
  }

  /** The codes of all refusals, custody's and the heartbeat's, each in its order. */
  get codes(): readonly string[] {
    return [...this.told, ...this.counter.refused].map(({ refusal }) => refusal.refused);
  }

  /** What a task costs that BOARD does for the kept device. */
  async work(draft: Draft<"offer">, rate: bigint): Promise<Hex> {
    const { counter } = this;
    const { version: _, ...terms } = draft;
    const task = taskOfOffer(ROBOT, terms);
    await this.offer(draft);
    await counter.tell({ topic: "blobsHere", task });
    await counter.send(BOARD, "bid", await bid(BOARD, `b-${draft.id}`, task, rate));
    counter.clock.set(counter.clock.now() + 100);
    await counter.tell({ topic: "due", task });
    const award = counter.state.market.tasks.get(task)?.run?.award ?? hash32(0);
    await counter.send(BOARD, "accept", await accept(BOARD, `a-${draft.id}`, task, award));
    await counter.send(BOARD, "result", await result(BOARD, `r-${draft.id}`, task, award));
    await counter.tell({ topic: "inspected", task, award, passed: true, reason: "valid" });
    return task;
  }
}

/** By when an offer of now is due. */
export const soon = ({ counter }: Desk) => instant(counter.clock.now() + 60_000);
