/**
 * The device's money: what it has promised the gateway, and what the gateway has promised it.
 *
 * One lane each way. A voucher is cumulative, so the only thing that must never be forgotten is how far we have
 * signed: that is on disk before a voucher is handed out. A lost file is made good by the gateway showing our own
 * newest voucher; its bare word for what we have signed is not believed. What is not yet spent of it is *free*: an
 * estimate kept between logins, exact again at each login, and never above what the gateway counts but for the
 * vouchers under way to it.
 */
import { z } from "zod";
import { Fault } from "../../src/base/fault.ts";
import { type Amount, amount, ZERO } from "../../src/base/money.ts";
import { refuse } from "../../src/base/refusal.ts";
import type { Terms } from "../../src/protocol/message.ts";
import { address, amount as amountText } from "../../src/protocol/scalar.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest, voucherPayer, voucherSchema } from "../../src/protocol/voucher.ts";
import { SavedFile } from "./saved-file.ts";

const walletFile = z.strictObject({
  version: z.literal(1),
  chainId: z.number().int().min(1),
  vault: address,
  token: address,
  gateway: address,
  device: address,
  epoch: voucherSchema.shape.epoch,
  signed: amountText,
  /** The gateway's highest voucher of each epoch. */
  received: z.array(voucherSchema),
});

type WalletFile = z.output<typeof walletFile>;

export type WalletOptions = {
  readonly market: Market;
  readonly signer: Signer;
  /** Where to remember; without it the wallet forgets with the process, and the next login's proof tells it again. */
  readonly path?: string;
};

/** Money set aside for one offer, and the voucher that must travel with it, if its lane needs one. */
export type Hold = { readonly need: Amount; readonly voucher: Voucher | null };

/**
 * How a hold ended: the gateway never took it, nobody knows (the next login tells), or the task's cost and what is
 * left on the lane.
 */
export type HoldEnd = "refused" | "unknown" | { readonly spent: Amount; readonly credit: Amount };

/** What was not believed at a login: more signed than a voucher of ours proves, or an older life of the lane. */
export type LoginDoubt = "signed_unproven" | "epoch_behind";

/** What became of a voucher from the gateway. */
export type VoucherReceived = "kept" | "stale" | "forged";

/** `isCounted`: the newest login's credit has it taken off, and put back what it did not spend if it has ended. */
type HoldState = { isAcked: boolean; isCounted: boolean };

export class Wallet {
  readonly #market: Market;
  readonly #signer: Signer;
  readonly #file: SavedFile | null;
  #epoch = 0;
  #signed: Amount = ZERO;
  #lane: Terms["lane"] | null = null;
  #doubt: LoginDoubt | null = null;
  #free = 0n;
  /** The highest total that the gateway is known to hold a voucher for. */
  #confirmed: Amount = ZERO;
  readonly #holds = new Map<Hold, HoldState>();
  readonly #received = new Map<number, Voucher>();
  #staleVouchers = 0;
  #forgedVouchers = 0;

  private constructor(options: WalletOptions) {
    this.#market = options.market;
    this.#signer = options.signer;
    this.#file = options.path === undefined ? null : new SavedFile(options.path);
  }

  /**
   * Opens the wallet of one device at one gateway.
   *
   * @throws {@link Fault} `disk_failed` when the file cannot be read, `file_format` when it is no wallet file,
   * `books_disagree` when it is another device's or another gateway's
   */
  static async open(options: WalletOptions): Promise<Wallet> {
    const wallet = new Wallet(options);
    const text = (await wallet.#file?.read()) ?? null;
    if (text !== null) wallet.#load(text);
    return wallet;
  }

  /** Which of the lane's lives vouchers are signed for. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Highest cumulative amount ever signed in this epoch. */
  get signed(): Amount {
    return this.#signed;
  }

  /** Signed, and neither spent nor set aside: what the next offers draw on. */
  get free(): Amount {
    return amount(this.#free);
  }

  /** The gateway's highest voucher of each epoch, newest epoch last: what this device can claim on chain. */
  get received(): readonly Voucher[] {
    return [...this.#received.values()].toSorted((a, b) => a.epoch - b.epoch);
  }

  /** What was not believed at the newest login; null when all was. */
  get doubt(): LoginDoubt | null {
    return this.#doubt;
  }

  /** Vouchers that came from the gateway and were worth nothing. */
  get ignored(): { readonly stale: number; readonly forged: number } {
    return { stale: this.#staleVouchers, forged: this.#forgedVouchers };
  }

  /**
   * Takes over what the gateway says at login about the lane, as far as it is safe: our total grows only to what
   * `lane.voucher` proves, and falls only with a new epoch. The credit is taken at its word, for spending it takes
   * no signature. What was not believed is {@link doubt}.
   */
  login(lane: Terms["lane"]): void {
    this.#lane = lane;
    this.#doubt = lane.epoch < this.#epoch ? "epoch_behind" : null;
    if (this.#doubt) return;
    if (lane.epoch > this.#epoch) this.#signed = ZERO;
    this.#epoch = lane.epoch;
    const { voucher } = lane;
    if (voucher && voucher.cumulative > this.#signed && this.#isOurs(voucher)) {
      this.#signed = voucher.cumulative;
    }
    if (lane.signed > this.#signed) this.#doubt = "signed_unproven";
    this.#confirmed = this.#doubt ? this.#signed : lane.signed;
    let free = lane.credit + (this.#signed - this.#confirmed);
    for (const [hold, state] of this.#holds) {
      // What an older epoch's voucher was to cover is void with it: no credit comes back when that offer ends.
      const isVoid = hold.voucher !== null && hold.voucher.epoch !== this.#epoch;
      state.isCounted = state.isAcked || isVoid;
      if (!state.isCounted) free -= hold.need;
    }
    this.#free = free > 0n ? free : 0n;
  }

  /** Takes over a deposit that has changed since the login; what is signed is no business of it. */
  redeposit(lane: Pick<Terms["lane"], "epoch" | "deposit">): void {
    if (this.#lane?.epoch === lane.epoch) this.#lane = { ...this.#lane, deposit: lane.deposit };
  }

  /** Whether this device signed the voucher, on the lane that it now signs for. */
  #isOurs(voucher: Voucher): boolean {
    const { gateway, token } = this.#market;
    const isHere = voucher.payee === gateway && voucher.token === token && voucher.epoch === this.#epoch;
    return isHere && voucherPayer(this.#market, voucher) === this.#signer.address;
  }

  /**
   * Sets an amount aside for an offer, signing as much more as the free credit lacks. The new total is on disk
   * when this resolves. Vouchers grow in the order of the calls; send them in that order.
   *
   * @throws {@link Fault} `refused` with the code `voucher_over_deposit` in its facts when the lane's deposit does
   * not reach, `link_lost` before the first login, `books_disagree` when the gateway's lane is older than ours,
   * `disk_failed` when the total cannot be saved (nothing is then signed)
   */
  async cover(need: Amount): Promise<Hold> {
    const lane = this.#lane;
    if (!lane) throw new Fault("link_lost", "no terms yet: the gateway has not been reached");
    if (lane.epoch < this.#epoch) {
      throw new Fault("books_disagree", "the gateway knows only an older life of this lane", {
        facts: { ours: this.#epoch, theirs: lane.epoch },
      });
    }
    let total = this.#signed + (need > this.#free ? need - this.#free : 0n);
    const isSure = this.#signed <= this.#confirmed;
    // One unit more than a voucher that may get lost: higher is never stale, and the unit stays credit.
    if (!isSure && total === this.#signed && total < lane.deposit) total += 1n;
    if (total > lane.deposit) throw overDeposit(total, lane.deposit);
    const carries = total > this.#signed || !isSure;
    this.#free += total - this.#signed - need;
    this.#signed = amount(total);
    const hold = { need, voucher: null as Voucher | null };
    this.#holds.set(hold, { isAcked: false, isCounted: false });
    if (carries) hold.voucher = await this.#sign(hold);
    return hold;
  }

  /** The gateway has taken the offer of this hold, and its voucher with it. */
  confirm(hold: Hold): void {
    const state = this.#holds.get(hold);
    if (!state) return;
    state.isAcked = true;
    const { voucher } = hold;
    const isNewer = voucher?.epoch === this.#epoch && voucher.cumulative > this.#confirmed;
    if (isNewer) this.#confirmed = voucher.cumulative;
  }

  /** Ends a hold: what its task did not spend is free again. */
  release(hold: Hold, end: HoldEnd): void {
    const state = this.#holds.get(hold);
    if (!this.#holds.delete(hold) || !state) return;
    if (end === "refused") {
      if (!state.isCounted) this.#free += hold.need;
    } else if (end !== "unknown") {
      if (!state.isCounted && hold.need > end.spent) this.#free += hold.need - end.spent;
      // With nothing else under way, what the gateway counts is all there is.
      if (this.#holds.size === 0) this.#free = end.credit;
    }
  }

  /** The gateway found too little credit: our estimate was above its own, so the next offer signs all it needs. */
  distrustCredit(): void {
    this.#free = 0n;
  }

  /**
   * Keeps a voucher of the gateway if it is worth more than the ones before; resolves when it is on disk.
   *
   * That the lane behind it holds such a deposit is not checked here: that takes a view of the chain.
   *
   * @throws {@link Fault} `disk_failed`
   */
  async receive(voucher: Voucher): Promise<VoucherReceived> {
    const best = this.#received.get(voucher.epoch);
    const ours = voucher.payee === this.#signer.address && voucher.token === this.#market.token;
    if (!ours || voucherPayer(this.#market, voucher) !== this.#market.gateway) {
      this.#forgedVouchers++;
      return "forged";
    }
    if (best && voucher.cumulative <= best.cumulative) {
      this.#staleVouchers++;
      return "stale";
    }
    this.#received.set(voucher.epoch, voucher);
    await this.#save();
    return "kept";
  }

  /** The newest total as a voucher, once that total is on disk. */
  async #sign(hold: Hold): Promise<Voucher> {
    const { gateway: payee, token } = this.#market;
    const voucher = { payee, token, epoch: this.#epoch, cumulative: this.#signed };
    try {
      await this.#save();
    } catch (error) {
      this.release(hold, "refused");
      throw error;
    }
    return { ...voucher, signature: await this.#signer.sign(voucherDigest(this.#market, voucher)) };
  }

  async #save(): Promise<void> {
    const { chainId, vault, token, gateway } = this.#market;
    const wallet: WalletFile = {
      version: 1,
      chainId,
      vault,
      token,
      gateway,
      device: this.#signer.address,
      epoch: this.#epoch,
      signed: this.#signed,
      received: [...this.received],
    };
    await this.#file?.save(`${JSON.stringify(z.encode(walletFile, wallet), null, 2)}\n`);
  }

  #load(text: string): void {
    const saved = parseWallet(text);
    const belongs =
      saved.device === this.#signer.address &&
      saved.gateway === this.#market.gateway &&
      saved.chainId === this.#market.chainId &&
      saved.vault === this.#market.vault &&
      saved.token === this.#market.token;
    if (!belongs) throw new Fault("books_disagree", "the wallet file belongs to another device or gateway");
    this.#epoch = saved.epoch;
    this.#signed = saved.signed;
    for (const voucher of saved.received) this.#received.set(voucher.epoch, voucher);
  }
}

function parseWallet(text: string): WalletFile {
  try {
    return walletFile.parse(JSON.parse(text));
  } catch (cause) {
    throw noWallet(cause);
  }
}

function noWallet(cause: unknown): Fault {
  return new Fault("file_format", "the wallet file is not one", { cause });
}

/** The same code that the gateway would give, so that callers treat both alike. */
function overDeposit(total: bigint, deposit: Amount): Fault {
  const { refused: code, hint } = refuse("voucher_over_deposit");
  return new Fault("refused", `the offer needs ${total} signed, the lane's deposit is ${deposit}`, {
    facts: { code, hint, total, deposit },
  });
}
