/**
 * A journal as long as wanted, written quickly: the chain and every record's shape are right, signatures are not.
 *
 * A year of a busy gateway: tasks of three records and about three rows, some with a second opinion, some on result, some
 * that come to nothing; claims of every lane from time to time, the newest of them under way.
 */
import { DatabaseSync } from "node:sqlite";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { BlockPacker, type Packed } from "../../../src/journal/block.ts";
import { BlockTable } from "../../../src/journal/block-table.ts";
import { journalFile, openJournal } from "../../../src/journal/sqlite-journal.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { claimBatch } from "../../../src/settlement/vault-calls.ts";

/** Milliseconds since 1970 at which it begins, and how long it goes on. */
export const BIG_START = 1_760_000_000_000;
export const BIG_SPAN = 365 * 86_400_000;

const SIGNATURE = `0x${"11".repeat(64)}1b`;
const hash = (text: string): Hex => sha256(text);
const METER = { meter: 1, costs: hash("costs") };

/** Whose journal it is; somebody's who is nowhere unless told. */
export type BigHome = {
  readonly key: Uint8Array;
  readonly chainId: number;
  readonly vault: Hex;
  readonly token: Hex;
};

const NOWHERE: BigHome = {
  key: fromHex(sha256("big gateway")),
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
};

/** `run` is called once so many records are written and can be read. */
export type BigPause = { readonly after: number; readonly run: () => void };

export type BigJournal = {
  readonly entries: number;
  readonly gateway: Hex;
  readonly requesters: readonly Hex[];
  readonly providers: readonly Hex[];
  readonly owners: readonly Hex[];
  readonly firmware: readonly Hex[];
  readonly tasks: readonly Hex[];
  readonly seconds: number;
};

/** Numbers that look random and are the same every time (xorshift). */
export function dice(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Writes a journal of about `entries` records into a folder that has none. */
export async function bigJournal(
  folder: string,
  entries: number,
  home: BigHome = NOWHERE,
  pause: BigPause | null = null,
): Promise<BigJournal> {
  const began = performance.now();
  openJournal(folder).close();
  const database = new DatabaseSync(journalFile(folder));
  database.exec("PRAGMA synchronous = OFF; BEGIN");
  const writer = new Writer(database, entries);
  const life = new BigLife(writer, home);
  life.open();
  if (pause) {
    while (writer.count < pause.after) life.task();
    writer.flush();
    database.exec("COMMIT");
    pause.run();
    database.exec("BEGIN");
  }
  while (writer.count < entries - 8) life.task();
  // a gateway that really starts would wait for a transaction that no chain has
  if (home === NOWHERE) await life.claimUnderWay();
  writer.flush();
  database.exec("COMMIT");
  database.close();
  return { ...life.told(), entries: writer.count, seconds: (performance.now() - began) / 1_000 };
}

/** Records that are packed together. */
const PORTION = 1_024;

class Writer {
  readonly #table: BlockTable;
  readonly #all: number;
  #previous = `0x${"00".repeat(32)}`;
  #portion: Packed[] = [];
  readonly #packer = new BlockPacker();
  count = 0;

  constructor(database: DatabaseSync, all: number) {
    this.#table = new BlockTable(database);
    this.#all = all;
  }

  write(facts: readonly object[]): void {
    const index = ++this.count;
    const at = BIG_START + Math.floor((index / this.#all) * BIG_SPAN);
    const cause = { by: null, topic: "bench", id: String(index), digest: "", refused: null };
    const text = JSON.stringify([this.#previous, index, at, cause, facts]);
    this.#previous = sha256(text);
    this.#portion.push({ index, at, hash: this.#previous, text });
    if (this.#portion.length === PORTION) this.flush();
  }

  flush(): void {
    this.#table.insert(this.#packer.pack(this.#portion));
    this.#portion = [];
  }
}

type Lane = { readonly device: Hex; readonly isOutgoing: boolean; signed: number; settled: number };

class BigLife {
  readonly #writer: Writer;
  readonly #roll = dice(7);
  readonly #keys = Array.from({ length: 12 }, (_, at) => keySigner(fromHex(sha256(`big requester ${at}`))));
  readonly #requesters = this.#keys.map(({ address }) => address);
  readonly #providers = Array.from({ length: 28 }, (_, at) => hash(`provider ${at}`).slice(0, 42) as Hex);
  readonly #owners = Array.from({ length: 4 }, (_, at) => hash(`owner ${at}`).slice(0, 42) as Hex);
  readonly #firmware = Array.from({ length: 12 }, (_, at) => hash(`firmware ${at}`));
  readonly #tasks: Hex[] = [];
  readonly #lanes = new Map<string, Lane>();
  #count = 0;

  readonly #home: BigHome;
  readonly #gateway: Hex;

  constructor(writer: Writer, home: BigHome) {
    this.#writer = writer;
    this.#home = home;
    this.#gateway = keySigner(home.key).address;
  }

  told() {
    const [requesters, providers, owners] = [this.#requesters, this.#providers, this.#owners];
    return {
      gateway: this.#gateway,
      requesters,
      providers,
      owners,
      firmware: this.#firmware,
      tasks: this.#tasks,
    };
  }

  open(): void {
    const { key: _, ...home } = this.#home;
    const gateway = this.#gateway;
    this.#writer.write([{ kind: "gatewayStarted", gateway, ...home, decimals: 6, feeBasisPoints: 200 }]);
    const devices = [...this.#requesters, ...this.#providers];
    this.#writer.write(
      devices.map((device, at) => ({
        ...{ kind: "deviceEnrolled", device, owner: this.#owners[at % 4] },
        ...{ name: `${at < 12 ? "robot" : "board"}-${at}`, manufacturer: "acme", serialNumber: `${at}` },
      })),
    );
  }

  /** A few devices and firmware have most of the work. */
  #one<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#roll() ** 2 * all.length)];
    if (one === undefined) throw new Error("there is nobody");
    return one;
  }

  #sign(device: Hex, isOutgoing: boolean, gain: number) {
    const name = `${device} ${isOutgoing}`;
    const lane = this.#lanes.get(name) ?? { device, isOutgoing, signed: 0, settled: 0 };
    lane.signed += gain;
    this.#lanes.set(name, lane);
    return { ...this.#terms(device, isOutgoing), cumulative: String(lane.signed), signature: SIGNATURE };
  }

  #terms(device: Hex, isOutgoing: boolean) {
    const { chainId, vault, token } = this.#home;
    return { chainId, vault, payee: isOutgoing ? device : this.#gateway, token, epoch: 0 };
  }

  task(): void {
    const number = ++this.#count;
    const task = hash(`task ${number}`).slice(0, 34) as Hex;
    if (number % 97 === 0) this.#tasks.push(task);
    const [requester, provider] = [this.#one(this.#requesters), this.#one(this.#providers)];
    const price = 100 + Math.floor(10 ** (this.#roll() * 4));
    const fee = Math.floor(price / 50);
    this.#offer(task, requester, price);
    const award = hash(`award ${number}`);
    const by = { task, role: "run", provider };
    const [acceptBy, runBy, rate] = [BIG_START + 5_000, BIG_START + 50_000, "1000"];
    const ran = { verdict: "ok", output: hash(`output ${number}`), outputBytes: 64, fuel: 1_000_000 };
    this.#writer.write([
      { kind: "awarded", ...by, rate, feeBasisPoints: 200, acceptBy, runBy, award, signature: SIGNATURE },
      { kind: "accepted", ...by, award, signature: SIGNATURE },
      { kind: "started", ...by, runBy },
      { kind: "delivered", ...by, award, ...ran, signature: SIGNATURE },
    ]);
    this.#end(task, requester, provider, price, fee);
    if (number % 500 === 0) this.#payBack(requester);
    if (number % 3_000 === 0) this.#claim(number);
  }

  #offer(task: Hex, requester: Hex, price: number): void {
    const postings: never[] = [];
    const voucher = this.#sign(requester, false, price + 20);
    const firmware = this.#one(this.#firmware);
    const name = `firmware-${this.#firmware.indexOf(firmware)}`;
    const words = { name, version: "1.0.0", licence: "MIT", profile: "task/1", memoryMiB: 1 };
    this.#writer.write([
      { kind: "voucherReceived", payer: requester, amount: String(price + 20), voucher, postings },
      {
        ...{ kind: "offered", task, requester, id: `o-${this.#count}`, firmware, firmwareBytes: 1_024 },
        ...{
          input: hash(`input ${this.#count}`),
          inputBytes: 512,
          maxPrice: String(price),
          checkBudget: "0",
        },
        ...{ deadline: BIG_START + 90_000, payment: "prepaid", profile: "task/1", memoryMiB: 1 },
        ...{ fuelLimit: 1_000_000_000, ...METER, signature: SIGNATURE, postings },
        manifest: { firmware, ...words, author: this.#gateway, signature: SIGNATURE },
      },
      { kind: "announced", task, bidBy: BIG_START + 250 },
    ]);
  }

  #end(task: Hex, requester: Hex, provider: Hex, price: number, fee: number): void {
    const roll = this.#roll();
    const postings: never[] = [];
    if (roll < 0.03) {
      const nothing = { price: "0", fee: "0", checks: "0", legs: [], postings };
      this.#writer.write([
        { kind: "ended", task, state: "rejected", reason: "no other bid", requester, ...nothing },
      ]);
      return;
    }
    const leg = (payee: Hex, role: string, gain: number) => {
      return { payee, role, amount: String(gain), voucher: this.#sign(payee, true, gain) };
    };
    const legs = [leg(provider, "run", price - fee)];
    const other = this.#one(this.#providers);
    const checks = roll < 0.2 && other !== provider ? 50 : 0;
    if (checks > 0) legs.push(leg(other, "check", checks));
    const sums = { price: String(price + checks), fee: String(fee), checks: String(checks) };
    this.#writer.write([
      { kind: "verified", task, verdict: "accepted", rechecked: checks > 0 },
      {
        ...{ kind: "paid", task, provider, fuel: 1_000_000, requester, ...sums },
        ...{ legs, receipt: SIGNATURE, postings },
      },
    ]);
  }

  #payBack(device: Hex): void {
    const voucher = this.#sign(device, true, 77);
    this.#writer.write([{ kind: "creditPaidOut", device, amount: "77", voucher, postings: [] }]);
  }

  #prepare(transaction: Hex, raw: string, nonce: number, rows: number): void {
    const fees = { maxFeePerGas: "1000000000", maxPriorityFeePerGas: "1000000", replaces: null };
    const fact = { kind: "transactionPrepared", transaction, purpose: "claim", nonce, raw, ...fees, rows };
    this.#writer.write([fact]);
  }

  #claim(nonce: number): void {
    const transaction = hash(`claim ${nonce}`);
    this.#prepare(transaction, "0x02", nonce, this.#lanes.size);
    const lanes = [...this.#lanes.values()].map((lane) => {
      lane.settled = lane.signed;
      const ends = {
        payer: lane.isOutgoing ? this.#gateway : lane.device,
        payee: lane.isOutgoing ? lane.device : this.#gateway,
      };
      const sums = { deposit: "100000000000", settled: String(lane.settled), closeAt: 0, window: 1 };
      return { ...ends, token: this.#home.token, epoch: 0, ...sums };
    });
    const cost = { gasUsed: "2000000", gasCost: "2000000000000000" };
    this.#writer.write([{ kind: "claimed", transaction, block: nonce, ...cost, lanes }]);
  }

  /** A claim of every lane that was signed and sent, with real vouchers, so that it can be read from its bytes. */
  async claimUnderWay(): Promise<void> {
    const rows = [];
    for (const { device, isOutgoing, signed } of this.#lanes.values()) {
      const key = isOutgoing
        ? keySigner(this.#home.key)
        : this.#keys.find(({ address }) => address === device);
      if (!key) continue;
      const terms = { ...this.#terms(device, isOutgoing), cumulative: amount(BigInt(signed)) };
      rows.push({ ...terms, signature: await key.sign(voucherDigest(terms)) });
    }
    const account = privateKeyToAccount(toHex(this.#home.key));
    const call = {
      ...claimBatch(this.#home.vault, this.#home.token, rows),
      chainId: this.#home.chainId,
      nonce: 1,
      gas: 10n ** 7n,
    };
    const fees = { maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 6n };
    const raw = await account.signTransaction({ type: "eip1559", ...call, ...fees });
    this.#prepare(hash("under way"), raw, 1, rows.length);
    // what came meanwhile is in no claim
    for (let more = 0; more < 2; more++) this.task();
  }
}
