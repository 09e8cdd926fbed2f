/** A settlement on a real chain, with its facts decided and applied as the heartbeat would; it can die and come back. */
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isFault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { decide } from "../../src/exchange/decide.ts";
import { apply, type Context, emptyState, type State } from "../../src/exchange/state.ts";
import { DEFAULT_RULES } from "../../src/market/rules.ts";
import { balanceOf } from "../../src/payment/books.ts";
import { claimable } from "../../src/payment/payment.ts";
import type { Fact, FactKind, FactNamed } from "../../src/protocol/facts.ts";
import { isVoucherOf } from "../../src/protocol/voucher.ts";
import type { Chain } from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { Settlement, type SettlementOptions } from "../../src/settlement/settlement.ts";
import type { Actor, World } from "./world.ts";

const NOBODY = { by: null, topic: "observed", id: "", digest: "", refused: null };

export type DeskOptions = Partial<Omit<SettlementOptions, "laneDeposit" | "chain">> & {
  readonly laneDeposit?: bigint;
  readonly confirmations?: number;
  /** Between the settlement and its chain. */
  readonly through?: (chain: Chain) => Chain;
  /** Stands before the journal; what it does not let through is not written. */
  readonly hold?: (facts: readonly Fact[], write: () => void) => void;
};

export class SettlementDesk {
  readonly state: State = emptyState();
  readonly facts: Fact[] = [];
  faults: unknown[] = [];
  readonly #world: World;
  readonly #gateway: Actor;
  readonly #devices: readonly Actor[];
  #settlement: Settlement | null = null;

  constructor(world: World, gateway: Actor, devices: readonly Actor[]) {
    this.#world = world;
    this.#gateway = gateway;
    this.#devices = devices;
  }

  get settlement(): Settlement {
    if (!this.#settlement) throw new Error("no settlement is open");
    return this.#settlement;
  }

  /** Opens a settlement on what is journalled; the one before it is stopped. */
  async open(options: DeskOptions = {}): Promise<Settlement> {
    await this.#settlement?.stop();
    const { confirmations = 1, through = (chain: Chain) => chain, laneDeposit = 10n, ...others } = options;
    const { hold = (_, write) => write(), ...rest } = others;
    const { vault, chainId, local } = this.#world;
    const chain = await openEvmChain({ urls: [local.url], chainId, vault, confirmations });
    const { state } = this;
    this.#settlement = new Settlement({
      ...{ chain: through(chain), signer: this.#gateway.key, market: this.#market(), clock: systemClock },
      ...{ pollMs: 20, settleEveryMs: 86_400_000, coinPrice: null, claimGain: 20, laneMinimum: 50 },
      ...{ gasAlarm: 3, maxFeePerGas: 10n ** 12n, bumpAfterMs: 60_000, window: 0 },
      laneDeposit: amount(laneDeposit),
      ledger: {
        ...{ payment: state.payment, transactions: state.transactions },
        devices: () => this.#devices.map(({ address }) => address),
        claimedAt: () => state.claimedAt,
      },
      recheckToken: () => Promise.resolve(),
      record: (seen) => {
        hold(seen, () => this.#record(seen));
        return Promise.resolve();
      },
      onFault: (fault) => this.faults.push(fault),
      ...rest,
    });
    return this.#settlement;
  }

  async stop(): Promise<void> {
    await this.#settlement?.stop();
    this.#settlement = null;
  }

  codes(): string[] {
    return this.faults.map((fault) => (isFault(fault) ? fault.code : String(fault)));
  }

  named<K extends FactKind>(kind: K): FactNamed<K>[] {
    return this.facts.filter((fact): fact is FactNamed<K> => fact.kind === kind);
  }

  incoming(device: Actor) {
    return this.state.payment.incoming.get(device.address);
  }

  outgoing(device: Actor) {
    return this.state.payment.outgoing.get(device.address);
  }

  unclaimed(): number {
    return claimable(this.state.payment).length;
  }

  /** What the books have written off, or found. */
  recovery(): bigint {
    return balanceOf(this.state.payment.books, "recovery");
  }

  credit(device: Actor): bigint {
    return balanceOf(this.state.payment.books, `credit:${device.address}`);
  }

  /** The device signs, and the gateway takes it. */
  async promise(device: Actor, cumulative: bigint, epoch = 0): Promise<void> {
    const voucher = await this.#voucher(device, this.#gateway, epoch, cumulative);
    const before = this.incoming(device)?.signed ?? 0n;
    const change = cumulative - before;
    const postings = [
      { account: `in:${device.address}`, change },
      { account: `credit:${device.address}`, change: -change },
    ];
    this.#apply([
      { kind: "voucherReceived", payer: device.address, amount: amount(change), voucher, postings },
    ]);
  }

  /** The gateway gives a device its credit back, by a voucher on the lane to it. */
  async pay(device: Actor, cumulative: bigint, epoch = 0): Promise<void> {
    const voucher = await this.#voucher(this.#gateway, device, epoch, cumulative);
    const change = cumulative - (this.outgoing(device)?.signed ?? 0n);
    const postings = [
      { account: `credit:${device.address}`, change },
      { account: `out:${device.address}`, change: -change },
    ];
    this.#apply([
      { kind: "creditPaidOut", device: device.address, amount: amount(change), voucher, postings },
    ]);
  }

  async #voucher(payer: Actor, payee: Actor, epoch: number, cumulative: bigint) {
    const { chainId, vault, token } = this.#world;
    return { chainId, vault, token, ...(await this.#world.voucher(payer, payee, epoch, cumulative)) };
  }

  #market() {
    const { vault, token, chainId } = this.#world;
    return { vault, token, chainId, gateway: this.#gateway.address };
  }

  #record(seen: readonly Fact[]): void {
    const limits = {
      ...{
        onResult: amount(0n),
        credit: null,
        ownerPerDay: null,
        closeMarginMs: 0,
        leastWindow: 0,
        invoiceMs: 0,
      },
      devicePerDay: () => null,
    };
    const context: Context = {
      ...{ market: this.#market(), rules: DEFAULT_RULES, now: systemClock.now(), limits },
      ...{
        draw: () => 0,
        salt: (): Hex => `0x${"00".repeat(32)}`,
        isPayer: isVoucherOf,
        isAuthor: () => false,
        obstacle: null,
      },
    };
    this.#apply(decide(this.state, { topic: "observed", facts: seen }, context).facts);
  }

  #apply(facts: readonly Fact[]): void {
    this.facts.push(...facts);
    const record = { index: this.facts.length, at: systemClock.now(), cause: NOBODY, facts };
    apply(this.state, this.#market(), record);
  }
}
