/** A watchtower on a chain in memory, with a clock that stands still, and vouchers of payers that nobody else has. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { isFault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { keySigner } from "../../src/protocol/signer.ts";
import { type Voucher, voucherDigest } from "../../src/protocol/voucher.ts";
import type { LaneKey } from "../../src/settlement/chain.ts";
import type { TowerEvent } from "../../src/settlement/tower-event.ts";
import { TowerFile } from "../../src/settlement/tower-file.ts";
import { type Verdict, VoucherShelf } from "../../src/settlement/voucher-shelf.ts";
import { Watchtower, type WatchtowerOptions } from "../../src/settlement/watchtower.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { type FakeChain, fakeChain } from "./fake-chain.ts";

export const TOKEN: Hex = `0x${"bb".repeat(20)}`;
export const PAYEE: Hex = `0x${"cc".repeat(20)}`;
export const VENUE = { chainId: 31_337, vault: `0x${"aa".repeat(20)}` as Hex };
/** Places for strangers' lanes. */
export const STRANGERS = 40;
const START = 1_700_000_000;

const keyOf = (seed: number) => new Uint8Array(32).fill(0).with(31, seed).with(0, 1);
const signerOf = (seed: number) => keySigner(keyOf(seed));
const GAS = privateKeyToAccount(toHex(keyOf(99)));

/** The lane of the payer with this seed. */
export function laneOf(seed: number, payee = PAYEE): LaneKey {
  return { payer: signerOf(seed).address, payee, token: TOKEN };
}

/** Signed by the payer with this seed. */
export async function voucher(
  seed: number,
  cumulative: bigint,
  change: Partial<Omit<Voucher, "signature">> = {},
): Promise<Voucher> {
  const content = {
    ...VENUE,
    payee: PAYEE,
    token: TOKEN,
    epoch: 0,
    cumulative: amount(cumulative),
    ...change,
  };
  return { ...content, signature: await signerOf(seed).sign(voucherDigest(content)) };
}

/** Lets everything run that waits for no clock. */
export async function breathe(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
}

export class TowerStand {
  readonly folder = mkdtempSync(join(tmpdir(), "tower-"));
  readonly clock = new ManualClock(START * 1_000);
  readonly fake: FakeChain;
  readonly events: TowerEvent[] = [];
  readonly faults: unknown[] = [];
  file: TowerFile;
  shelf: VoucherShelf;
  tower: Watchtower;

  constructor(confirmations = 1, more: Partial<WatchtowerOptions> = {}, payees: readonly Hex[] = []) {
    this.fake = fakeChain({ ...VENUE, time: START, confirmations });
    [this.file, this.shelf, this.tower] = this.#open(more, payees);
  }

  #open(more: Partial<WatchtowerOptions>, payees: readonly Hex[]): [TowerFile, VoucherShelf, Watchtower] {
    const file = TowerFile.open(this.folder, VENUE);
    const shelf = new VoucherShelf(file, { payees, strangers: STRANGERS });
    const tower = new Watchtower({
      ...{ chain: this.fake.chain, signer: GAS, shelf, file, clock: this.clock, pollMs: 1_000 },
      onFault: (fault) => this.faults.push(fault),
      onEvent: (event) => this.events.push(event),
      ...more,
    });
    return [file, shelf, tower];
  }

  /** Ends the tower, does something while it is away, and starts it again from its file. */
  async restart(meanwhile: () => void = () => {}): Promise<void> {
    await this.tower.stop();
    this.file.close();
    meanwhile();
    [this.file, this.shelf, this.tower] = this.#open({}, []);
  }

  async remove(): Promise<void> {
    await this.tower.stop();
    this.file.close();
    rmSync(this.folder, { recursive: true });
  }

  /** As strangers do. */
  bring(...vouchers: Voucher[]): readonly Verdict[] {
    return this.shelf.offer(
      vouchers.map((one) => ({ voucher: one })),
      { own: false },
    );
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  get codes(): string[] {
    return this.faults.map((fault) => (isFault(fault) ? fault.code : String(fault)));
  }

  /** Looks; mines what is claimed; looks again when it has been. */
  async lookAndMine(): Promise<void> {
    await this.tower.look();
    await breathe();
    this.fake.mine();
    this.clock.advance(12_000);
    await breathe();
    await this.tower.look();
  }
}
