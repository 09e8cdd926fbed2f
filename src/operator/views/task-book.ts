/** Tasks as the journal tells them: those that are open in memory, those that are over in the file. */
import { fromHex, type Hex, toHex } from "../../base/bytes.ts";
import type { Entry } from "../../journal/journal.ts";
import type { FactNamed } from "../../protocol/facts.ts";
import type { Directory } from "./directory.ts";
import type { Store, Values } from "./store.ts";

/** How a provider's part in a task came out. */
export type RunEnd = "accepted" | "rejected" | "lost" | "declined";

export type OpenTask = {
  readonly id: number;
  readonly hash: Hex;
  readonly requester: number;
  readonly firmware: number;
  readonly offeredAt: number;
  readonly deadline: number;
  readonly payment: string;
  readonly maxPrice: bigint;
  state: string;
  at: number;
  provider: number;
  price: bigint | null;
  checks: bigint;
  fuel: number;
  /** Journal entries that tell of it. */
  readonly entries: number[];
  /** Who was awarded a part of it, and how that came out; null while it goes on. */
  readonly runs: Map<number, RunEnd | null>;
  /** Its rows of pay: device and sequence. */
  readonly legs: (readonly [number, number])[];
  /** Sequence of its row of spending; 0 for none. */
  spent: number;
  /** By the entries of its awards: who could get none, as its operator kept it out. */
  readonly keptOut: (readonly [number, readonly Hex[]])[];
};

/** A task that is over. */
export type EndedTask = {
  /** Counts from 1 in the order of their ends. */
  readonly id: number;
  readonly hash: Hex;
  readonly requester: number;
  readonly provider: number;
  readonly firmware: number;
  readonly offeredAt: number;
  readonly deadline: number;
  readonly payment: string;
  readonly state: string;
  readonly at: number;
  readonly price: bigint;
  readonly checks: bigint;
  readonly fuel: number;
  readonly parts: readonly number[];
  readonly legs: readonly (readonly [number, number])[];
  readonly spent: number;
  readonly keptOut: readonly (readonly [number, readonly Hex[]])[];
  readonly entries: readonly number[];
};

export type PaidTask = {
  readonly requester: number;
  readonly firmware: number;
  readonly fuel: number;
  readonly cost: bigint;
  readonly parts: () => readonly number[];
};

/** First word of a task's hash: what its first digits are looked for in. */
const headOf = (hash: Uint8Array) =>
  (((hash[0] ?? 0) << 24) | ((hash[1] ?? 0) << 16) | ((hash[2] ?? 0) << 8) | (hash[3] ?? 0)) >>> 0;

const ENDED = `SELECT outcome.id AS id, hash, requester, provider, firmware, offeredAt, deadline, payment, state, at, price,
  checks, fuel, parts, legs, spent, keptOut, entries FROM outcome JOIN task ON task.id = outcome.task`;

export class TaskBook {
  readonly #store: Store;
  readonly #directory: Directory;
  readonly #open: Map<Hex, OpenTask>;
  /** First words of all tasks' hashes, by number less one. */
  #heads = new Uint32Array(1_024);
  #count = 0;

  constructor(store: Store, directory: Directory) {
    this.#store = store;
    this.#directory = directory;
    this.#open = (store.kept("open") as Map<Hex, OpenTask> | null) ?? new Map();
    for (const row of store.each("SELECT substr(hash, 1, 4) AS head FROM task ORDER BY id")) {
      if (row["head"] instanceof Uint8Array) this.#head(row["head"]);
    }
  }

  keep(): void {
    this.#store.keep("open", this.#open);
  }

  open(hash: Hex): OpenTask | null {
    return this.#open.get(hash) ?? null;
  }

  offered(fact: FactNamed<"offered">, at: number): void {
    const { payment, deadline, maxPrice } = fact;
    const requester = this.#directory.party(fact.requester);
    const firmware = this.#directory.firmwareNumber(fact.firmware, fact.manifest?.name ?? null);
    const hash = fromHex(fact.task);
    this.#head(hash);
    const id = this.#count;
    const words = `INSERT INTO task (id, hash, requester, firmware, offeredAt, deadline, payment)
      VALUES (?, ?, ?, ?, ?, ?, ?)`;
    this.#store.run(words, id, hash, requester, firmware, at, deadline, payment);
    const terms = { requester, firmware, offeredAt: at, deadline, payment, maxPrice };
    const sums = { price: null, checks: 0n, fuel: 0, spent: 0 };
    const rest = { ...sums, provider: 0, entries: [], runs: new Map(), legs: [], keptOut: [] };
    this.#open.set(fact.task, { id, hash: fact.task, ...terms, state: "offered", at, ...rest });
  }

  /** A record names these tasks; where it has ended one, that leaves the open ones. */
  told(entry: Pick<Entry, "index" | "at" | "facts">, ended: ReadonlySet<Hex>): void {
    const named = new Set(entry.facts.flatMap((fact) => ("task" in fact ? [fact.task] : [])));
    for (const hash of named) {
      const task = this.#open.get(hash);
      if (!task) continue;
      task.entries.push(entry.index);
      if (ended.has(hash)) this.#end(task, entry.at);
    }
  }

  /** The task's hash by its number; null for 0. */
  hashOf(id: number): Hex | null {
    const hash = id === 0 ? null : this.#store.get("SELECT hash FROM task WHERE id = ?", id)?.["hash"];
    return hash instanceof Uint8Array ? toHex(hash) : null;
  }

  /** Numbers of the tasks whose hash begins with these digits, `0x` left away; a few at most. */
  startingWith(digits: string, most: number): number[] {
    const known = Math.min(8, digits.length);
    const least = Number.parseInt(digits.slice(0, known).padEnd(8, "0"), 16);
    const last = Number.parseInt(digits.slice(0, known).padEnd(8, "f"), 16);
    const found: number[] = [];
    for (let at = 0; at < this.#count && found.length < most; at++) {
      const head = this.#heads[at] ?? 0;
      if (head < least || head > last) continue;
      if (
        digits.length <= 8 ||
        this.hashOf(at + 1)
          ?.slice(2)
          .startsWith(digits)
      )
        found.push(at + 1);
    }
    return found;
  }

  /** A task that is over; null when none of this hash is. */
  ended(hash: Hex): EndedTask | null {
    for (const id of this.startingWith(hash.slice(2), 1)) {
      const row = this.#store.get(`${ENDED} WHERE outcome.task = ?`, id);
      if (row) return endedOf(row);
    }
    return null;
  }

  /**
   * Tasks that are over, the newest end first, from before a number on.
   *
   * @param state - how they ended, as the journal has it; null for any
   */
  *newestEnded(before: number, state: string | null): Iterable<EndedTask> {
    const words = `${ENDED} WHERE outcome.id < ? AND (? IS NULL OR state = ?) ORDER BY outcome.id DESC`;
    for (const row of this.#store.each(words, before, state, state)) yield endedOf(row);
  }

  /** Tasks that were paid in a period, with what their answers alone have cost. */
  *paidIn(from: number, to: number): Iterable<PaidTask> {
    const words = `SELECT requester, parts, firmware, price, checks, fuel FROM outcome JOIN task ON task.id = outcome.task
      WHERE state = 'paid' AND at >= ? AND at < ?`;
    for (const row of this.#store.each(words, from, to)) {
      const cost = BigInt(String(row["price"])) - BigInt(String(row["checks"]));
      const [requester, firmware, fuel] = [
        Number(row["requester"]),
        Number(row["firmware"]),
        Number(row["fuel"]),
      ];
      yield { requester, firmware, fuel, cost, parts: () => JSON.parse(String(row["parts"])) };
    }
  }

  /** How parts in tasks came out that ended in a period: device, how, how often. */
  runsIn(from: number, to: number): readonly { device: number; how: string; times: number }[] {
    const words =
      "SELECT device, how, COUNT(*) AS times FROM run WHERE at >= ? AND at < ? GROUP BY device, how";
    return this.#store.all(words, from, to).map((row) => {
      return { device: Number(row["device"]), how: String(row["how"]), times: Number(row["times"]) };
    });
  }

  #end(task: OpenTask, at: number): void {
    this.#open.delete(task.hash);
    const { id, state, provider, price, checks, fuel, entries, legs, runs } = task;
    const parts = JSON.stringify([...runs.keys()]);
    const words = `INSERT INTO outcome (task, state, provider, at, price, checks, fuel, parts, legs, spent, keptOut, entries)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    const sums = [String(price ?? 0n), String(checks), fuel] as const;
    const lists = [
      parts,
      JSON.stringify(legs),
      task.spent,
      JSON.stringify(task.keptOut),
      JSON.stringify(entries),
    ] as const;
    this.#store.run(words, id, state, provider, at, ...sums, ...lists);
    for (const [device, how] of runs) {
      if (how !== null)
        this.#store.run("INSERT INTO run (at, device, how) VALUES (?, ?, ?)", at, device, how);
    }
  }

  #head(hash: Uint8Array): void {
    if (this.#count === this.#heads.length) {
      const wider = new Uint32Array(2 * this.#heads.length);
      wider.set(this.#heads);
      this.#heads = wider;
    }
    this.#heads[this.#count] = headOf(hash);
    this.#count += 1;
  }
}

function endedOf(row: Values): EndedTask {
  const hash = row["hash"];
  const number = (name: string) => Number(row[name]);
  return {
    id: number("id"),
    hash: hash instanceof Uint8Array ? toHex(hash) : "0x",
    requester: number("requester"),
    provider: number("provider"),
    firmware: number("firmware"),
    offeredAt: number("offeredAt"),
    deadline: number("deadline"),
    payment: String(row["payment"]),
    state: String(row["state"]),
    at: number("at"),
    price: BigInt(String(row["price"])),
    checks: BigInt(String(row["checks"])),
    fuel: number("fuel"),
    parts: JSON.parse(String(row["parts"])),
    legs: JSON.parse(String(row["legs"])),
    spent: number("spent"),
    keptOut: JSON.parse(String(row["keptOut"])),
    entries: JSON.parse(String(row["entries"])),
  };
}
