/**
 * A gateway's journal, read beside its writer: the vouchers that it was given and those that it gave.
 *
 * It is opened anew for each reading, as a restored gateway has another file in its place. How far it has been read is
 * kept with the vouchers; a journal that is not the one that was read is read from its start, which costs time and
 * changes nothing.
 */
import { resolve } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Entry, Journal } from "../../journal/journal.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import type { Fact } from "../../protocol/facts.ts";
import type { Offered, VoucherShelf } from "../../settlement/voucher-shelf.ts";
import type { VoucherSource } from "../../settlement/watchtower.ts";

/** Entries between two breaths, in which the process does something else. */
const BREATH = 500;

export class JournalSource implements VoucherSource {
  readonly #folder: string;
  readonly #shelf: VoucherShelf;
  readonly #clock: Clock;
  readonly #name: string;

  /** @param folder - the gateway's data folder */
  constructor(folder: string, shelf: VoucherShelf, clock: Clock) {
    this.#folder = folder;
    this.#shelf = shelf;
    this.#clock = clock;
    this.#name = `journal ${resolve(folder)}`;
  }

  /** @throws {@link Fault} `config_missing`, `journal_broken`, `disk_failed`; what was read before is kept */
  async read(): Promise<void> {
    const journal = openJournal(this.#folder, { readOnly: true });
    try {
      const gateway = gatewayOf(journal);
      let batch: Entry[] = [];
      for (const entry of journal.entries(this.#start(journal))) {
        batch.push(entry);
        if (batch.length < BREATH) continue;
        this.#take(batch, gateway);
        batch = [];
        await this.#clock.sleep(0);
      }
      this.#take(batch, gateway);
    } finally {
      journal.close();
    }
  }

  #start(journal: Journal): number {
    const [index, hash] = this.#shelf.position(this.#name)?.split(" ") ?? [];
    return hash !== undefined && journal.entry(Number(index))?.hash === hash ? Number(index) : 0;
  }

  #take(entries: readonly Entry[], gateway: Hex | null): void {
    const newest = entries.at(-1);
    if (!newest) return;
    const offered = entries.flatMap(({ facts }) => facts.flatMap((fact) => offeredIn(fact, gateway)));
    // the highest first: it covers all others of its lane, and one signature is recovered instead of many
    const sorted = offered.toSorted((a, b) => Number(b.voucher.cumulative - a.voucher.cumulative));
    const position = { source: this.#name, text: `${newest.index} ${newest.hash}` };
    this.#shelf.offer(sorted, { own: true, position });
  }
}

function gatewayOf(journal: Journal): Hex | null {
  for (const { facts } of journal.entries()) {
    const started = facts.find((fact) => fact.kind === "gatewayStarted");
    return started?.gateway ?? null;
  }
  return null;
}

/** The vouchers in a fact, with who is said there to have signed them. */
function offeredIn(fact: Fact, gateway: Hex | null): Offered[] {
  if (fact.kind === "voucherReceived") return [{ voucher: fact.voucher, payer: fact.payer }];
  const given =
    "voucher" in fact ? [fact.voucher] : "legs" in fact ? fact.legs.map((leg) => leg.voucher) : [];
  return given.map((voucher) => (gateway === null ? { voucher } : { voucher, payer: gateway }));
}
