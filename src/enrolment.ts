/**
 * Who may connect: the devices that the operator has enrolled and, where admission is open, guests that have put money
 * on a lane to this gateway. Everybody who is let in is journalled first.
 */
import { fromHex, type Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import { Fault } from "./base/fault.ts";
import { type Amount, parseAmount, ZERO } from "./base/money.ts";
import type { Config } from "./config.ts";
import { isHouse } from "./exchange/addressee.ts";
import type { State } from "./exchange/state.ts";
import { type Device, GUEST } from "./market/roster.ts";
import {
  enrolments,
  exclusions,
  type RosterEntry,
  readRoster,
  watchRoster,
} from "./operator/roster-folder.ts";
import { type KeptWallet, type Wallet, watchWallets } from "./operator/wallet-folder.ts";
import { WalletReader } from "./operator/wallet-reader.ts";
import type { Fact } from "./protocol/facts.ts";
import { keySigner, type Signer } from "./protocol/signer.ts";
import type { Market } from "./protocol/typed-data.ts";
import type { Chain, LaneOnChain } from "./settlement/chain.ts";
import { LaneLookup } from "./settlement/lane-lookup.ts";

export type EnrolmentOptions = {
  readonly config: Config;
  readonly market: Market;
  readonly decimals: number;
  readonly state: State;
  readonly chain: Pick<Chain, "lanes">;
  readonly clock: Pick<Clock, "after">;
  /** The text of a file that is nobody else's, such as a wallet. Throws {@link Fault}. */
  readonly readSecret: (path: string) => string;
  /** Makes facts durable. */
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  /** The roster is another; resolves when what follows from it is done. */
  readonly onChange: (isGrown: boolean) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
};

export class Enrolment {
  readonly #options: EnrolmentOptions;
  /** Who is on the roster, and what each may spend in a day where it says so. */
  #budgets: ReadonlyMap<Hex, Amount | null> = new Map();
  readonly #walletReader: WalletReader;
  readonly #signers = new WeakMap<Wallet, Signer>();
  /** Of boards on the roster. */
  #wallets: ReadonlyMap<Hex, KeptWallet> = new Map();
  /** Files of roster and wallets that are passed over, and of which that is told. */
  #badFiles: ReadonlySet<unknown> = new Set();
  #reading: Promise<void> = Promise.resolve();
  #isStopped: boolean = false;
  #stopWatching: (() => void)[] = [];

  readonly #lookup: LaneLookup;
  /** What a guest's lane must hold. */
  readonly #least: Amount;
  /** Of the newest look-up that failed: it fails for all who wait for it, and is told once. */
  #toldFault: unknown = null;

  /** @throws {@link Fault} `amount_syntax`, `amount_range` about `guest_deposit` or `lane_deposit` */
  constructor(options: EnrolmentOptions) {
    const { config, decimals, chain, clock } = options;
    const { guest_deposit: own } = config.broker;
    this.#options = options;
    this.#walletReader = new WalletReader(options.readSecret);
    this.#least = parseAmount(own === "" ? config.settlement.lane_deposit : own, decimals);
    this.#lookup = new LaneLookup(chain, clock);
  }

  /** Whether the device may be here; the journal never forgets one. */
  isEnrolled(device: Hex): boolean {
    return this.#budgets.has(device) || this.#isGuest(device);
  }

  /** What the device may spend in a day; null where its entry does not say. */
  perDay(device: Hex): Amount | null {
    return this.#budgets.get(device) ?? null;
  }

  /** Whether its operator keeps the device out, which is on the roster. */
  isDisabled(device: Hex): boolean {
    return this.#options.state.disabled.has(device);
  }

  /** The wallet that the gateway keeps for an enrolled device; null for one that has its own key. */
  keptWallet(device: Hex): KeptWallet | null {
    return this.#wallets.get(device) ?? null;
  }

  /** The devices that may be here now. */
  *known(): Iterable<Device> {
    for (const device of this.#options.state.roster.values())
      if (this.isEnrolled(device.address)) yield device;
  }

  /** Whether the gateway keeps money on a lane to the device: a guest gets as good as it gives, and our own requester none. */
  isFunded(device: Hex): boolean {
    if (isHouse(this.#options.state, device)) return false;
    if (this.#budgets.has(device)) return true;
    const { config, decimals, state } = this.#options;
    const { deposit } = state.payment.incoming.get(device) ?? { deposit: ZERO };
    return this.#isGuest(device) && deposit >= parseAmount(config.settlement.lane_deposit, decimals);
  }

  /**
   * The device, if it may come in; a guest is journalled first.
   *
   * @throws {@link Fault} `chain_unreachable`, `chain_mismatch`, `rpc_disagrees`, `queue_full` when it cannot be known now,
   * which is told to `onFault` as well
   */
  admit(device: Hex): Device | null | Promise<Device | null> {
    const { config, state } = this.#options;
    const known = state.roster.get(device);
    if (known) return this.isEnrolled(device) ? known : null;
    return config.broker.admission === "open" ? this.#admitGuest(device) : null;
  }

  /** Reads the roster, and again whenever it changes. */
  async start(): Promise<void> {
    await this.#read();
    const { config, onFault } = this.#options;
    const again = () => void this.refresh().catch(onFault);
    this.#stopWatching = [watchRoster(config.data, again), watchWallets(config.data, again)];
  }

  /** Reads the roster again, now: for whoever has just written to it. Rejects as the journal does. */
  refresh(): Promise<void> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Reads no more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#lookup.stop();
    for (const stop of this.#stopWatching) stop();
    await this.#reading;
  }

  async #read(): Promise<void> {
    if (this.#isStopped) return;
    const { config, state, record, onChange, onFault } = this.#options;
    const { entries, faults: bad } = readRoster(config.data);
    const admitted = entries.filter(({ disabled }) => disabled !== true);
    const { wallets, faults: worse } = this.#walletReader.read(config.data);
    const faults = [...bad, ...worse];
    for (const fault of faults) if (!this.#badFiles.has(fault.facts["file"])) onFault(fault);
    this.#badFiles = new Set(faults.map(({ facts: { file } }) => file));
    this.#wallets = this.#keep(wallets, new Set(admitted.map(({ device }) => device)));
    this.#budgets = new Map(admitted.map((entry) => [entry.device, this.#budgetOf(entry)]));
    const added = enrolments(entries, state.roster);
    const facts = [...added, ...exclusions(entries, state.disabled)];
    if (facts.length > 0) await record(facts);
    await onChange(added.length > 0);
  }

  #keep(wallets: readonly Wallet[], enrolled: ReadonlySet<Hex>): ReadonlyMap<Hex, KeptWallet> {
    const kept = new Map<Hex, KeptWallet>();
    for (const wallet of wallets) {
      const { device, key, secret, cap, name } = wallet;
      if (!enrolled.has(device)) continue;
      const signer = this.#signers.get(wallet) ?? keySigner(fromHex(key));
      this.#signers.set(wallet, signer);
      const most = this.#amountOf(cap, `nothing is signed for ${name} until the cap of its wallet is mended`);
      kept.set(device, { signer, secret: fromHex(secret), cap: most });
    }
    return kept;
  }

  /** What a device may spend in a day; nothing where its file says what the token cannot express. */
  #budgetOf({ name, perDay }: RosterEntry): Amount | null {
    return perDay === null
      ? null
      : this.#amountOf(perDay, `${name} may spend nothing until its budget is mended`);
  }

  /** Nothing where the token cannot express it, which is told in these words. */
  #amountOf(text: string, otherwise: string): Amount {
    const { decimals, onFault } = this.#options;
    try {
      return parseAmount(text, decimals);
    } catch (fault) {
      onFault(fault);
      onFault(new Fault("file_format", otherwise));
      return ZERO;
    }
  }

  #isGuest(device: Hex): boolean {
    const { config, state } = this.#options;
    return config.broker.admission === "open" && state.roster.get(device)?.manufacturer === GUEST;
  }

  async #admitGuest(device: Hex): Promise<Device | null> {
    const { config, state, record, onChange } = this.#options;
    const { guests } = config.broker;
    const count = () =>
      [...state.roster.values()].filter(({ manufacturer }) => manufacturer === GUEST).length;
    if (count() >= guests) return null;
    const lane = await this.#laneOf(device);
    if (lane.deposit < this.#least || lane.closeAt !== 0) return null;
    // others came in meanwhile, perhaps this one too
    if (!state.roster.has(device) && count() < guests) {
      const place = { name: device, owner: null, manufacturer: GUEST, serialNumber: device };
      await record([{ kind: "deviceEnrolled", device, ...place }]);
      await onChange(true);
    }
    return this.#isGuest(device) ? (state.roster.get(device) ?? null) : null;
  }

  async #laneOf(device: Hex): Promise<LaneOnChain> {
    const { market, onFault } = this.#options;
    try {
      return await this.#lookup.laneOf({ payer: device, payee: market.gateway, token: market.token });
    } catch (fault) {
      if (fault !== this.#toldFault) onFault(fault);
      this.#toldFault = fault;
      throw fault;
    }
  }
}
