/** Rows in the words of the API: names where the viewer may have them, amounts as text, the transaction behind each. */
import type { Hex } from "../../base/bytes.ts";
import { formatAmount } from "../../base/money.ts";
import { MOVEMENTS, type SettlementRow } from "../api/settlement.ts";
import type { StoryTransaction } from "../api/task.ts";
import { KIND, type Row } from "./block.ts";
import type { Owner } from "./directory.ts";
import { NATIVE_DECIMALS } from "./filter.ts";
import type { Library } from "./reader.ts";
import { type IsMined, laneOfKind, statusOf } from "./scan.ts";
import { type ChainSight, confirmationsOf } from "./sight.ts";

/** Transactions that are remembered while rows are told. */
const MOST_TXS = 1_024;

type PartyAnswer = { address: Hex; name: string | null };

export class Presenter {
  readonly #library: Library;
  readonly #sight: ChainSight | null;
  readonly #owner: Owner;
  readonly #explorer: string;
  readonly #scope: Uint8Array | null;
  /** Block of each transaction that the sight shows, by number. */
  readonly #mined: ReadonlyMap<number, number>;
  readonly #txs = new Map<number, StoryTransaction | null>();

  constructor(library: Library, sight: ChainSight | null, owner: Owner, explorer: string) {
    this.#explorer = explorer;
    this.#library = library;
    this.#sight = sight;
    this.#owner = owner;
    this.#scope = library.directory.scope(owner);
    this.#mined = minedIn(library, sight);
  }

  get isMined(): IsMined {
    return (tx) => this.#mined.has(tx);
  }

  /** Whether a device is in view. */
  isOwn(number: number): boolean {
    return this.#scope === null || this.#scope[number] === 1;
  }

  /** Whether an account is in view, the gateway among them. */
  isOwnAddress(address: Hex): boolean {
    const number = this.#library.directory.find(address);
    return this.#scope === null || (number !== null && this.#scope[number] === 1);
  }

  decimals(): number {
    return this.#library.fold.home?.decimals ?? 6;
  }

  money(count: bigint): string {
    return formatAmount(count, this.decimals());
  }

  party(number: number): PartyAnswer | null {
    const party = this.#library.directory.parties[number - 1];
    if (!party) return null;
    const isNamed = this.#owner === null || party.owner === this.#owner || this.#isGateway(party.address);
    return { address: party.address, name: isNamed ? party.name : null };
  }

  partyAt(address: Hex): PartyAnswer {
    return this.party(this.#library.directory.find(address) ?? 0) ?? { address, name: null };
  }

  firmware(number: number): { hash: Hex; name: string | null } | null {
    const known = this.#library.directory.firmware[number - 1];
    return known ? { hash: known.hash, name: known.name } : null;
  }

  row(sequence: number, row: Row): SettlementRow {
    const kind = KIND[row.kind];
    const status = statusOf(
      { lanes: this.#library.lanes, isMined: this.isMined },
      kind,
      row.device,
      sequence,
    );
    const tx = this.txOf(sequence, row);
    return {
      sequence,
      entry: row.entry,
      at: row.at,
      kind: MOVEMENTS[kind] ?? row.kind,
      device: this.party(row.device),
      counterparty: this.party(row.counterparty),
      firmware: this.firmware(row.firmware),
      task: this.#library.tasks.hashOf(row.task),
      amount: row.kind === "gas" ? formatAmount(row.amount, NATIVE_DECIMALS) : this.money(row.amount),
      status,
      confirmations: tx?.confirmations ?? null,
      confirmationsNeeded: tx?.confirmationsNeeded ?? null,
      transaction: tx?.transaction ?? null,
    };
  }

  /** The transaction that a row's money is in; null before there is one, and where a claim was somebody else's. */
  txOf(sequence: number, row: Row): StoryTransaction | null {
    const { lanes, store } = this.#library;
    const kind = KIND[row.kind];
    if (kind !== KIND.settled && kind !== KIND.gas) {
      return this.tx(lanes.txOf(laneOfKind(kind, row.device), sequence));
    }
    const done = store.get("SELECT id FROM tx WHERE done = ?", row.entry);
    return done ? this.tx(Number(done["id"])) : null;
  }

  tx(id: number | null): StoryTransaction | null {
    if (id === null) return null;
    const known = this.#txs.get(id);
    if (known !== undefined) return known;
    const read = this.#readTx(id);
    if (this.#txs.size >= MOST_TXS) this.#txs.clear();
    this.#txs.set(id, read);
    return read;
  }

  #readTx(id: number): StoryTransaction | null {
    const row = this.#library.store.get("SELECT * FROM tx WHERE id = ?", id);
    if (!row) return null;
    const text = (name: string) => (row[name] === null ? null : String(row[name]));
    const mined = this.#mined.get(id) ?? null;
    const block = row["block"] === null ? mined : Number(row["block"]);
    const state = text("state") ?? "sent";
    return {
      transaction: String(row["hash"]),
      purpose: String(row["purpose"]),
      nonce: Number(row["nonce"]),
      state: state === "sent" && mined !== null ? "confirmed" : state,
      block,
      gasUsed: text("gasUsed"),
      gasCost: text("gasCost"),
      confirmations: block === null || !this.#sight ? null : confirmationsOf(this.#sight, block),
      confirmationsNeeded: this.#sight?.needed ?? null,
      url: this.#explorer === "" ? null : this.#explorer.replace("{transaction}", String(row["hash"])),
    };
  }

  #isGateway(address: Hex): boolean {
    return address === this.#library.fold.home?.gateway;
  }
}

function minedIn({ lanes }: Library, sight: ChainSight | null): ReadonlyMap<number, number> {
  const mined = new Map<number, number>();
  for (const { transaction, block } of sight?.mined ?? []) {
    const id = lanes.waiting(transaction);
    if (id !== null) mined.set(id, block);
  }
  return mined;
}
