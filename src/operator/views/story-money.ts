/** The money of one task: vouchers of both legs, what they have come to, and the transactions behind. */
import type { Entry } from "../../journal/journal.ts";
import type { FactNamed } from "../../protocol/facts.ts";
import type { Voucher } from "../../protocol/voucher.ts";
import type { Story, StoryTransaction } from "../api/task.ts";
import { laneNumber } from "./lane-book.ts";
import type { Presenter } from "./present.ts";
import type { Library } from "./reader.ts";
import type { Subject } from "./subject.ts";

type Told = Pick<Story, "vouchers" | "transactions" | "bill"> & {
  /** Journal entries of the transactions. */
  readonly others: readonly number[];
};

type Given = {
  readonly entry: Entry;
  readonly voucher: Voucher;
  readonly amount: bigint;
  readonly role: string;
  /** The device at the other end of the gateway's lane, by number. */
  readonly device: number;
  readonly isOutgoing: boolean;
};

export class MoneyStory {
  readonly #library: Library;
  readonly #presenter: Presenter;
  readonly #subject: Subject;
  readonly #given: Given[] = [];
  #bill: Story["bill"] = null;
  /** The entry in which the requester's money was taken; null before. */
  #takenAt: number | null = null;

  constructor(library: Library, presenter: Presenter, subject: Subject) {
    this.#library = library;
    this.#presenter = presenter;
    this.#subject = subject;
  }

  take(entry: Entry): void {
    const { hash } = this.#subject;
    for (const fact of entry.facts) {
      const isTaken = (fact.kind === "offered" && fact.payment === "prepaid") || fact.kind === "paid";
      if (isTaken && fact.task === hash) this.#takenAt ??= entry.index;
    }
    const isOurs = (fact: Entry["facts"][number]) => "task" in fact && fact.task === hash;
    // the voucher that an offer carried, or that paid an invoice, stands in the same record
    const carries = entry.facts.some(
      (fact) => isOurs(fact) && (fact.kind === "offered" || fact.kind === "paid"),
    );
    for (const fact of entry.facts) {
      if (fact.kind === "voucherReceived" && carries) this.#received(entry, fact);
      const isBill = fact.kind === "invoiced" || fact.kind === "paid" || fact.kind === "ended";
      if (isBill && fact.task === hash) this.#billed(entry, fact);
    }
  }

  told(): Told {
    const earlier = this.#earlierPayment();
    if (earlier) this.#given.unshift(earlier);
    const txs = new Map<string, StoryTransaction>();
    const vouchers = this.#given.flatMap((given) => {
      if (!this.#presenter.isOwn(given.device)) return [];
      const tx = this.#txOf(given);
      if (tx) txs.set(tx.transaction, tx);
      return [this.#voucher(given, tx)];
    });
    const others = [...txs.keys()].flatMap((hash) => {
      const row = this.#library.store.get("SELECT prepared, done FROM tx WHERE hash = ?", hash);
      return [row?.["prepared"], row?.["done"]].flatMap((index) => (index ? [Number(index)] : []));
    });
    if (earlier && vouchers.some(({ index }) => index === earlier.entry.index))
      others.push(earlier.entry.index);
    return { vouchers, transactions: [...txs.values()], bill: this.#bill, others };
  }

  /** The requester's newest voucher when its money was taken, for a task that was paid for out of credit. */
  #earlierPayment(): Given | null {
    if (this.#takenAt === null || this.#given.some(({ role }) => role === "payment")) return null;
    const { journal, store } = this.#library;
    const device = this.#subject.requester;
    const words = "SELECT MAX(entry) AS entry FROM voucher WHERE lane = ? AND entry <= ?";
    const index = store.get(words, laneNumber(device, false), this.#takenAt)?.["entry"];
    const entry = index ? journal.entry(Number(index)) : null;
    const payer = this.#library.directory.parties[device - 1]?.address;
    const isTheirs = (fact: Entry["facts"][number]) =>
      fact.kind === "voucherReceived" && fact.payer === payer;
    const fact = entry?.facts.findLast(isTheirs);
    if (!entry || fact?.kind !== "voucherReceived") return null;
    const { voucher, amount } = fact;
    return { entry, voucher, amount, role: "payment", device, isOutgoing: false };
  }

  #received(entry: Entry, { payer, amount, voucher }: FactNamed<"voucherReceived">): void {
    const device = this.#library.directory.find(payer) ?? 0;
    this.#given.push({ entry, voucher, amount, role: "payment", device, isOutgoing: false });
  }

  #billed(entry: Entry, fact: FactNamed<"invoiced" | "paid" | "ended">): void {
    for (const { payee, role, amount, voucher } of fact.legs) {
      const device = this.#library.directory.find(payee) ?? 0;
      this.#given.push({ entry, voucher, amount, role, device, isOutgoing: true });
    }
    if (fact.kind === "ended" && fact.price === 0n) return;
    const money = (count: bigint) => this.#presenter.money(count);
    const sums = { price: money(fact.price), fee: money(fact.fee), checks: money(fact.checks) };
    const receipt = fact.kind === "ended" ? null : fact.receipt;
    this.#bill = { index: entry.index, at: entry.at, ...sums, receipt };
  }

  #voucher(given: Given, tx: StoryTransaction | null): Story["vouchers"][number] {
    const { entry, voucher, role, device, isOutgoing } = given;
    const { directory, fold, lanes } = this.#library;
    const gateway = this.#presenter.party(directory.find(fold.home?.gateway ?? "") ?? 0);
    const nobody = { address: `0x${"0".repeat(40)}`, name: null };
    const [ours, theirs] = [gateway ?? nobody, this.#presenter.party(device) ?? nobody];
    const standing = lanes.standingOf(laneNumber(device, isOutgoing), voucher.epoch, voucher.cumulative);
    const isIncluded = tx?.state === "confirmed";
    return {
      ...{ index: entry.index, at: entry.at, signature: voucher.signature },
      ...(isOutgoing ? { payer: ours, payee: theirs } : { payer: theirs, payee: ours }),
      ...{ role, amount: this.#presenter.money(given.amount), epoch: voucher.epoch },
      cumulative: this.#presenter.money(voucher.cumulative),
      settlement:
        standing === "claimed" ? "final" : standing === "sent" && isIncluded ? "confirmed" : standing,
      transaction: tx?.transaction ?? null,
    };
  }

  #txOf({ voucher, device, isOutgoing }: Given): StoryTransaction | null {
    const { lanes } = this.#library;
    const lane = laneNumber(device, isOutgoing);
    const { epoch, cumulative } = voucher;
    if (lanes.standingOf(lane, epoch, cumulative) === "sent") {
      return this.#presenter.tx(lanes.claimOf(lane, epoch, cumulative));
    }
    const { legs, spent } = this.#subject;
    const sequence = isOutgoing ? legs.find(([one]) => one === device)?.[1] : spent;
    return sequence ? this.#presenter.tx(lanes.txOf(lane, sequence)) : null;
  }
}
