/** Answers every question from the library; the worker's part that knows no threads. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { ExportQuery, SettlementDetail } from "../api/settlement.ts";
import type { StoryEntry } from "../api/task.ts";
import { exportChunks } from "../export/export.ts";
import { Asks } from "./ask.ts";
import { endedTasks, paidPrices } from "./ask-tasks.ts";
import { KIND } from "./block.ts";
import type { Owner } from "./directory.ts";
import { isOwners } from "./filter.ts";
import type { Question, Questions } from "./messages.ts";
import type { Reader } from "./reader.ts";
import { storyOf } from "./story.ts";
import { isOwnBusiness, storyEntryOf } from "./story-entry.ts";
import { subjectOf } from "./subject.ts";

/** Exports that may be under way: each holds a place in the log, and no rows. */
const MOST_EXPORTS = 16;

type Answers = {
  readonly [Q in Exclude<Question, "caughtUp" | "close">]: (
    ...asked: Questions[Q]["asked"]
  ) => Questions[Q]["answer"];
};

export class Librarian implements Answers {
  readonly #reader: Reader;
  readonly #asks: Asks;
  readonly #exports = new Map<number, Iterator<Uint8Array>>();
  #exported = 0;

  readonly page: Answers["page"];
  readonly choices: Answers["choices"];
  readonly sums: Answers["sums"];
  readonly slices: Answers["slices"];
  readonly perDevice: Answers["perDevice"];

  /** @param now - milliseconds since 1970 */
  constructor(reader: Reader, now: () => number, explorer: string) {
    this.#reader = reader;
    const asks = new Asks(reader, now, explorer);
    this.#asks = asks;
    this.page = (query, owner) => asks.page(query, owner);
    this.choices = (owner) => asks.choices(owner);
    this.sums = (owner, from, to) => asks.sums(owner, from, to);
    this.slices = (owner, from, to, starts) => asks.slices(owner, from, to, starts);
    this.perDevice = (owner, from, to) => asks.perDevice(owner, from, to);
  }

  /** @throws {@link Fault} `not_found`, also for a row that is not in the owner's view */
  detail(sequence: number, owner: Owner): SettlementDetail {
    const { library } = this.#reader;
    const row = library.rows.row(sequence);
    const presenter = this.#asks.presenter(owner);
    const isOwn =
      row !== null && (owner === null || (presenter.isOwn(row.device) && isOwners(KIND[row.kind])));
    if (!row || !isOwn) throw new Fault("not_found", `there is no row ${sequence} in the settlement log`);
    const task = library.tasks.hashOf(row.task);
    const isTold = task !== null && subjectOf(library, presenter, task) !== null;
    return {
      row: presenter.row(sequence, row),
      story: isTold ? storyOf(library, presenter, task) : null,
      entry: this.entry(row.entry, owner),
      transaction: presenter.txOf(sequence, row),
    };
  }

  story(task: string, owner: Owner) {
    return storyOf(this.#reader.library, this.#asks.presenter(owner), task as Hex);
  }

  /** @throws {@link Fault} `not_found` */
  entry(index: number, owner: Owner): StoryEntry {
    const { journal, fold } = this.#reader.library;
    const entry = journal.entry(index);
    if (!entry) throw new Fault("not_found", `there is no entry ${index}`);
    const gateway = fold.home?.gateway ?? null;
    return storyEntryOf(entry, owner === null || isOwnBusiness(this.#asks.presenter(owner), gateway, entry));
  }

  endedTasks(...[query, owner]: Questions["endedTasks"]["asked"]) {
    return endedTasks(this.#reader.library, this.#asks, query, owner);
  }

  prices(...[owner, from, to]: Questions["prices"]["asked"]) {
    return paidPrices(this.#reader.library, this.#asks, owner, from, to);
  }

  exportOpen(query: ExportQuery, owner: Owner): number {
    if (this.#exports.size >= MOST_EXPORTS) {
      throw new Fault("queue_full", `${MOST_EXPORTS} exports are under way: wait until one is over`);
    }
    const id = ++this.#exported;
    this.#exports.set(id, exportChunks(this.#reader, this.#asks, query, owner)[Symbol.iterator]());
    return id;
  }

  /** @throws {@link Fault} `not_found` for an export that is over */
  exportNext(id: number): Uint8Array | null {
    const chunks = this.#exports.get(id);
    if (!chunks) throw new Fault("not_found", "this export is over");
    const { value, done } = chunks.next();
    if (!done) return value;
    this.#exports.delete(id);
    return null;
  }

  exportClose(id: number): null {
    this.#exports.delete(id);
    return null;
  }
}
