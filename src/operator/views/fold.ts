/**
 * From journal entries to rows: the one place that decides what counts as a movement of money.
 *
 * The same entries give the same rows under the same numbers, however often and in whatever portions they are read.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Entry } from "../../journal/journal.ts";
import { type Books, balanceOf, emptyBooks } from "../../payment/books.ts";
import { applyToWages, trimWages, type Wages } from "../../payment/wages.ts";
import { type Fact, type FactNamed, type Leg, postingsOf } from "../../protocol/facts.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { printable } from "../log/legend.ts";
import { stateAfter } from "../log/tale.ts";
import type { Row } from "./block.ts";
import { claimedRows } from "./claim-rows.ts";
import type { Directory } from "./directory.ts";
import { type LaneBook, laneNumber } from "./lane-book.ts";
import type { RowLog } from "./row-log.ts";
import type { Store } from "./store.ts";
import type { OpenTask, RunEnd, TaskBook } from "./task-book.ts";

export type Home = Market & { readonly decimals: number };

type Kept = {
  readonly home: Home | null;
  readonly books: Books;
  readonly wages: Wages;
  readonly disabled: Set<Hex>;
  readonly transactions: number;
};

type Bill = FactNamed<"invoiced" | "paid" | "ended">;

/** How a provider left, and what that is counted as; who has only declined has not run. */
const LEFT: Readonly<Record<FactNamed<"withdrawn">["how"], RunEnd>> = {
  declined: "declined",
  accept_timeout: "lost",
  forfeited: "lost",
  run_timeout: "lost",
  output_missing: "lost",
  outvoted: "rejected",
};

export type FoldParts = {
  readonly store: Store;
  readonly directory: Directory;
  readonly lanes: LaneBook;
  readonly tasks: TaskBook;
  readonly rows: RowLog;
};

export class Fold {
  readonly #parts: FoldParts;
  #home: Home | null;
  /** Of the books what devices owe, and what credit they have. */
  readonly #books: Books;
  /** Pay that waits for a voucher. */
  readonly #wages: Wages;
  /** Devices that their operator keeps out. */
  readonly #disabled: Set<Hex>;
  /** Transactions so far: the newest one's number. */
  #transactions: number;
  /** Tasks whose pay this record has told a row of. */
  #paidIn = new Set<Hex>();
  #ended = new Set<Hex>();

  constructor(parts: FoldParts) {
    const kept = parts.store.kept("fold") as Kept | null;
    this.#parts = parts;
    this.#home = kept?.home ?? null;
    this.#books = kept?.books ?? emptyBooks();
    this.#wages = kept?.wages ?? new Map();
    this.#disabled = kept?.disabled ?? new Set();
    this.#transactions = kept?.transactions ?? 0;
  }

  /** Where the journal's money lives, and its decimals; null before a gateway's first start. */
  get home(): Home | null {
    return this.#home;
  }

  keep(): void {
    const { store, lanes, tasks } = this.#parts;
    const money = { books: this.#books, wages: this.#wages };
    const others = { disabled: this.#disabled, transactions: this.#transactions };
    const kept: Kept = { home: this.#home, ...money, ...others };
    store.keep("fold", kept);
    lanes.keep();
    tasks.keep();
  }

  /** Takes in the next entry of the journal. */
  take(entry: Entry): void {
    this.#paidIn = new Set();
    this.#ended = new Set();
    const postings = postingsOf(entry.facts).filter(({ account }) => /^(credit|owed):/.test(account));
    for (const { account, change } of postings) this.#post(account, change);
    for (const fact of entry.facts) {
      this.#fact(entry, fact);
      applyToWages(this.#wages, fact);
    }
    trimWages(this.#wages, this.#books, postings);
    this.#parts.tasks.told(entry, this.#ended);
  }

  #post(account: string, change: bigint): void {
    const { balances } = this.#books;
    const balance = (balances.get(account) ?? 0n) + change;
    if (balance === 0n) balances.delete(account);
    else balances.set(account, balance);
  }

  #fact(entry: Entry, fact: Fact): void {
    const { directory, lanes } = this.#parts;
    switch (fact.kind) {
      case "gatewayStarted":
        this.#started(fact);
        break;
      case "deviceEnrolled":
        directory.named(fact.device, printable(fact.name), fact.owner, true);
        break;
      case "deviceDisabled":
        this.#disabled.add(fact.device);
        break;
      case "deviceEnabled":
        this.#disabled.delete(fact.device);
        break;
      case "laneObserved":
        this.#observed(fact, null);
        break;
      case "voucherReceived":
        this.#received(entry, fact);
        break;
      case "voucherShown":
        lanes.signed(this.#outgoing(fact.payee), fact.voucher.epoch, fact.voucher.cumulative);
        break;
      case "creditPaidOut":
        this.#returned(entry, fact);
        break;
      case "transactionPrepared":
        this.#prepared(entry, fact);
        break;
      case "transactionMined":
        this.#over(entry, fact, fact.succeeded ? "final" : "reverted");
        break;
      case "transactionDropped":
        this.#dropped(fact.transaction);
        break;
      case "claimed":
        this.#claimed(entry, fact);
        break;
      default:
        if ("task" in fact) this.#task(entry, fact);
    }
  }

  #started({ gateway, chainId, vault, token, decimals }: FactNamed<"gatewayStarted">): void {
    this.#home = { gateway, chainId, vault, token, decimals };
    this.#parts.directory.named(gateway, "gateway", null, false);
  }

  #incoming(payer: Hex): number {
    return laneNumber(this.#parts.directory.party(payer), false);
  }

  #outgoing(payee: Hex): number {
    return laneNumber(this.#parts.directory.party(payee), true);
  }

  /** The lane of ours that two ends name, and its device; null for somebody else's. */
  #laneOf({ payer, payee }: { payer: Hex; payee: Hex }): { lane: number; device: Hex } | null {
    const gateway = this.#home?.gateway;
    if (payee === gateway) return { lane: this.#incoming(payer), device: payer };
    return payer === gateway ? { lane: this.#outgoing(payee), device: payee } : null;
  }

  #received({ index }: Entry, { payer, voucher }: FactNamed<"voucherReceived">): void {
    const lane = this.#incoming(payer);
    this.#parts.lanes.signed(lane, voucher.epoch, voucher.cumulative);
    this.#parts.store.run("INSERT OR IGNORE INTO voucher (lane, entry) VALUES (?, ?)", lane, index);
  }

  #observed(
    seen: { payer: Hex; payee: Hex; token: Hex; epoch: number; settled: bigint },
    tx: number | null,
  ): { device: Hex; gain: bigint } | null {
    if (this.#home && seen.token !== this.#home.token) return null;
    const ours = this.#laneOf(seen);
    if (!ours) return null;
    const gain = this.#parts.lanes.observed(ours.lane, seen.epoch, seen.settled, tx);
    return { device: ours.device, gain };
  }

  #returned(entry: Entry, { device, amount, voucher }: FactNamed<"creditPaidOut">): void {
    const { lanes } = this.#parts;
    const lane = this.#outgoing(device);
    lanes.signed(lane, voucher.epoch, voucher.cumulative);
    // pay that waited for this voucher was told when it was earned
    const back = amount - (this.#wages.get(device) ?? 0n);
    if (back <= 0n) return;
    const sequence = this.#emit(entry, "returned", device, this.#home?.gateway ?? null, back);
    lanes.promised(lane, sequence, voucher.cumulative);
  }

  #prepared(entry: Entry, fact: FactNamed<"transactionPrepared">): void {
    const { lanes } = this.#parts;
    const { transaction, purpose, nonce, raw } = fact;
    const id = this.#newTx(entry, transaction, purpose, nonce);
    const rows = purpose === "claim" && this.#home ? claimedRows(raw, this.#home) : [];
    const claimed = rows.flatMap((row) => {
      const ours = this.#laneOf(row);
      return ours ? [{ lane: ours.lane, epoch: row.epoch, cumulative: row.cumulative }] : [];
    });
    lanes.prepared(transaction, { id, nonce, lanes: claimed });
  }

  #newTx(entry: Entry, hash: Hex, purpose: string, nonce: number): number {
    const words = "INSERT INTO tx (id, hash, purpose, nonce, state, prepared) VALUES (?, ?, ?, ?, 'sent', ?)";
    this.#transactions += 1;
    this.#parts.store.run(words, this.#transactions, hash, purpose, nonce, entry.index);
    return this.#transactions;
  }

  /** Number of a transaction; one that this journal has not prepared gets one. */
  #txOf(entry: Entry, hash: Hex): number {
    const waiting = this.#parts.lanes.waiting(hash);
    if (waiting !== null) return waiting;
    const row = this.#parts.store.get("SELECT id FROM tx WHERE hash = ?", hash);
    return row ? Number(row["id"]) : this.#newTx(entry, hash, "claim", -1);
  }

  #dropped(hash: Hex): void {
    const { store, lanes } = this.#parts;
    store.run("UPDATE tx SET state = 'dropped' WHERE hash = ?", hash);
    lanes.dropped(hash);
  }

  #over(
    entry: Entry,
    fact: { transaction: Hex; block: number; gasUsed: bigint; gasCost: bigint },
    state: "final" | "reverted",
  ): void {
    const { store, lanes } = this.#parts;
    const id = this.#txOf(entry, fact.transaction);
    for (const other of lanes.over(fact.transaction)) {
      store.run("UPDATE tx SET state = 'replaced' WHERE id = ?", other);
    }
    const words = "UPDATE tx SET state = ?, done = ?, block = ?, gasUsed = ?, gasCost = ? WHERE id = ?";
    const { block, gasUsed, gasCost } = fact;
    store.run(words, state, entry.index, block, String(gasUsed), String(gasCost), id);
    if (gasCost > 0n) this.#emit(entry, "gas", null, null, gasCost);
  }

  #claimed(entry: Entry, fact: FactNamed<"claimed">): void {
    const id = this.#txOf(entry, fact.transaction);
    for (const lane of fact.lanes) {
      const seen = this.#observed(lane, id);
      if (seen && seen.gain > 0n) {
        const isPaid = lane.payee === seen.device;
        this.#emit(entry, "settled", seen.device, this.#home?.gateway ?? null, seen.gain, null, isPaid);
      }
    }
    this.#over(entry, fact, "final");
  }

  #task(entry: Entry, fact: Extract<Fact, { task: Hex }>): void {
    const { tasks, directory } = this.#parts;
    if (fact.kind === "offered") {
      tasks.offered(fact, entry.at);
      return;
    }
    const task = tasks.open(fact.task);
    if (!task) return;
    const state = stateAfter(fact);
    if (state !== null) Object.assign(task, { state, at: entry.at });
    if (fact.kind === "awarded") {
      const provider = directory.party(fact.provider);
      task.runs.set(provider, null);
      if (this.#disabled.size > 0) task.keptOut.push([entry.index, [...this.#disabled]]);
      if (fact.role === "run") task.provider = provider;
    } else if (fact.kind === "withdrawn") {
      const provider = directory.party(fact.provider);
      task.runs.set(provider, LEFT[fact.how]);
    } else if (fact.kind === "invoiced" || fact.kind === "paid" || fact.kind === "ended") {
      this.#billed(entry, fact, task);
    }
  }

  #billed(entry: Entry, fact: Bill, task: OpenTask): void {
    const { directory } = this.#parts;
    for (const leg of fact.legs) this.#earned(entry, fact, leg, task);
    for (const { account, change } of fact.postings) {
      const device = account.startsWith("credit:") ? (account.slice("credit:".length) as Hex) : null;
      // credit that a bill gives to anybody but its requester is pay that has no voucher yet
      if (device && device !== fact.requester && change < 0n)
        this.#owedPay(entry, fact, device, -change, task);
    }
    if (fact.kind !== "ended") {
      task.provider = directory.party(fact.provider);
      Object.assign(task, { price: fact.price, checks: fact.checks, fuel: fact.fuel });
    } else if (fact.price > 0n) Object.assign(task, { price: fact.price });
    if (fact.kind === "invoiced") return;
    this.#ended.add(fact.task);
    if (fact.kind === "paid") {
      for (const [provider, how] of task.runs) if (how === null) task.runs.set(provider, "accepted");
    }
    if (fact.price > 0n) this.#spent(entry, fact, task);
  }

  #earned(entry: Entry, fact: Bill, { payee, amount, voucher }: Leg, task: OpenTask): void {
    this.#parts.lanes.signed(this.#outgoing(payee), voucher.epoch, voucher.cumulative);
    this.#pay(entry, fact, payee, amount, voucher.cumulative, task);
  }

  #owedPay(entry: Entry, fact: Bill, payee: Hex, amount: bigint, task: OpenTask): void {
    const signed = this.#parts.lanes.signedOn(this.#outgoing(payee));
    this.#pay(entry, fact, payee, amount, signed + (this.#wages.get(payee) ?? 0n) + amount, task);
  }

  #pay(entry: Entry, fact: Bill, payee: Hex, amount: bigint, reach: bigint, task: OpenTask): void {
    const { lanes, directory } = this.#parts;
    const isSecond = this.#paidIn.has(fact.task);
    this.#paidIn.add(fact.task);
    const sequence = this.#emit(entry, "earned", payee, fact.requester, amount, task, isSecond);
    lanes.promised(this.#outgoing(payee), sequence, reach);
    task.legs.push([directory.party(payee), sequence]);
  }

  #spent(entry: Entry, fact: Bill, task: OpenTask): void {
    const { lanes, directory } = this.#parts;
    const { requester, price, fee } = fact;
    const lane = this.#incoming(requester);
    // what it owes it has yet to sign
    const reach = lanes.signedOn(lane) + balanceOf(this.#books, `owed:${requester}`);
    const provider = directory.parties[task.provider - 1]?.address ?? null;
    task.spent = this.#emit(entry, "spent", requester, provider, price, task);
    lanes.promised(lane, task.spent, reach);
    if (fee === 0n) return;
    const gateway = this.#home?.gateway ?? null;
    lanes.promised(lane, this.#emit(entry, "fee", requester, gateway, fee, task), reach);
  }

  #emit(
    entry: Entry,
    kind: Row["kind"],
    device: Hex | null,
    counterparty: Hex | null,
    amount: bigint,
    task: OpenTask | null = null,
    isMarked = false,
  ): number {
    const { directory, rows } = this.#parts;
    const number = (address: Hex | null) => (address === null ? 0 : directory.party(address));
    const parties = { device: number(device), counterparty: number(counterparty) };
    const about = { firmware: task?.firmware ?? 0, task: task?.id ?? 0 };
    directory.met(parties.device, parties.counterparty, about.firmware);
    return rows.push({ at: entry.at, entry: entry.index, kind, ...parties, ...about, amount, isMarked });
  }
}
