/**
 * The device's money: what it has promised the gateway, and what the gateway has promised it.
 *
 * One lane each way. A voucher is cumulative, so the only thing that must never be forgotten is how far we have
 * signed: that is on disk before a voucher is handed out. A lost file is made good by the gateway showing our own
 * newest voucher; its bare word for what we have signed is not believed. What is not yet spent of it is *free*: an
 * estimate kept between logins, exact again at each login, and never above what the gateway counts but for the
 * vouchers under way to it. What the gateway could run away with is *exposure*: all that is signed and that no proven
 * answer or payout has explained. Only the first login of a process is believed about that.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { type Amount, amount, ZERO } from "../../src/base/money.ts";
import { type RefusalCode, refuse } from "../../src/base/refusal.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import { type Market, offerDigest, taskIdOf } from "../../src/protocol/typed-data.ts";
import { isVoucherOf, type Voucher, voucherDigest } from "../../src/protocol/voucher.ts";
import type { Bounds, Hold, HoldEnd } from "./hold.ts";
import { isOfMarket, ReceivedVouchers, type VoucherReceived } from "./received-vouchers.ts";
import { SavedFile } from "./saved-file.ts";
import { parseWallet, walletText } from "./wallet-file.ts";

export type WalletOptions = {
  readonly market: Market;
  readonly signer: Signer;
  /** Where to remember; without it the wallet forgets with the process, and the next login's proof tells it again. */
  readonly path?: string;
};

/** What was not believed at a login: more signed than a voucher of ours proves, or an older life of the lane. */
export type LoginDoubt = "signed_unproven" | "epoch_behind";

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
  /** The journal's index at the newest login. */
  #loginIndex = 0;
  /** The highest total that the gateway is known to hold a voucher for. */
  #confirmed: Amount = ZERO;
  readonly #holds = new Map<Hold, HoldState>();
  readonly #received: ReceivedVouchers;
  readonly #offers = new Map<Hex, Message<"offer">>();
  #largestPrice: Amount = ZERO;
  /** Of what is signed in this epoch: spent, or paid out again, for all we know. Never above it. */
  #explained = 0n;
  /** A login has told what was explained before this process. */
  #isBased: boolean = false;

  private constructor(options: WalletOptions) {
    this.#market = options.market;
    this.#signer = options.signer;
    this.#received = new ReceivedVouchers(options.market, options.signer.address);
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
    return this.#received.all;
  }

  /** What the gateway could run away with: signed, and neither spent on anything we have nor paid back. */
  get exposure(): Amount {
    return amount(this.#signed > this.#explained ? this.#signed - this.#explained : 0n);
  }

  /** Offers that may cost something yet although nobody waits for them, by task. */
  get offers(): ReadonlyMap<Hex, Message<"offer">> {
    return this.#offers;
  }

  /** The largest maxPrice ever offered. */
  get largestPrice(): Amount {
    return this.#largestPrice;
  }

  /** What was not believed at the newest login; null when all was. */
  get doubt(): LoginDoubt | null {
    return this.#doubt;
  }

  /** Vouchers that came from the gateway and were worth nothing. */
  get ignored(): { readonly stale: number; readonly forged: number } {
    return this.#received.ignored;
  }

  /**
   * Takes over what the gateway says at login about the lane, as far as it is safe: our total grows only to what
   * `lane.voucher` proves, and falls only with a new epoch. The credit is taken at its word, for spending it takes
   * no signature. What was not believed is {@link doubt}.
   */
  login(lane: Terms["lane"], index = 0): void {
    this.#lane = lane;
    this.#loginIndex = index;
    this.#doubt = lane.epoch < this.#epoch ? "epoch_behind" : null;
    if (this.#doubt) return;
    const isFresh = lane.epoch > this.#epoch;
    if (isFresh) this.#signed = ZERO;
    this.#epoch = lane.epoch;
    const before = this.#signed;
    const { voucher } = lane;
    if (voucher && voucher.cumulative > this.#signed && this.#isOurs(voucher)) {
      this.#signed = voucher.cumulative;
    }
    if (lane.signed > this.#signed) this.#doubt = "signed_unproven";
    this.#confirmed = this.#doubt ? this.#signed : lane.signed;
    if (isFresh || !this.#isBased) this.#base(lane, isFresh);
    else this.#explained += this.#signed - before;
    let free = lane.credit + (this.#signed - this.#confirmed);
    for (const [hold, state] of this.#holds) {
      // What an older epoch's voucher was to cover is void with it: no credit comes back when that offer ends.
      const isVoid = hold.voucher !== null && hold.voucher.epoch !== this.#epoch;
      state.isCounted = state.isAcked || isVoid;
      if (!state.isCounted) free -= hold.need;
    }
    this.#free = free > 0n ? free : 0n;
  }

  /** What the gateway says has been spent; but an offer that it has never answered is not, whatever it says. */
  #base({ credit, held }: Terms["lane"], isFresh: boolean): void {
    const unanswered = isFresh ? 0n : this.#unanswered();
    const explained = this.#confirmed - credit - (held > unanswered ? held : unanswered);
    this.#explained = explained > 0n ? explained : 0n;
    this.#isBased = true;
  }

  #unanswered(): bigint {
    let sum = 0n;
    for (const { payment, maxPrice, checkBudget } of this.#offers.values()) {
      if (payment === "prepaid") sum += maxPrice + checkBudget;
    }
    return sum;
  }

  /** Takes over a deposit or a closing that is new since the login; what is signed is no business of it. */
  redeposit({ epoch, deposit, closeAt }: Pick<Terms["lane"], "epoch" | "deposit" | "closeAt">): void {
    if (this.#lane?.epoch === epoch) this.#lane = { ...this.#lane, deposit, closeAt };
  }

  /** Whether this device signed the voucher, on the lane that it now signs for. */
  #isOurs(voucher: Voucher): boolean {
    const isHere = voucher.payee === this.#market.gateway && voucher.epoch === this.#epoch;
    return isHere && isOfMarket(this.#market, voucher) && isVoucherOf(voucher, this.#signer.address);
  }

  /**
   * Sets an amount aside for an offer, signing as much more as the free credit lacks. The new total is on disk
   * when this resolves. Vouchers grow in the order of the calls; send them in that order.
   *
   * @throws {@link Fault} `refused`, with the code in its facts that the gateway would give: `voucher_over_deposit` when
   * the lane's deposit does not reach, `voucher_wrong_epoch` when the chain shows the lane in another life, `lane_closing`,
   * `exposure_limit`; `link_lost` before the first login or once closed, `books_disagree` when the gateway's lane is older than ours,
   * `disk_failed` when the total cannot be saved (nothing is then signed)
   */
  async cover(need: Amount, bounds: Bounds = {}): Promise<Hold> {
    const deposit = this.#open(bounds);
    this.#startFrom(bounds.sight?.settled ?? ZERO);
    let total = this.#signed + (need > this.#free ? need - this.#free : 0n);
    if (total > deposit) {
      const short = `${total} would have to be signed, the lane's deposit is ${deposit}`;
      throw refused("voucher_over_deposit", short, { total, deposit });
    }
    if (total > this.#signed) this.#mustStayWithin(total, bounds.limit);
    const isSure = this.#signed <= this.#confirmed;
    // One unit more than a voucher that may get lost: higher is never stale, and the unit stays credit.
    if (!isSure && !bounds.isDebt && total === this.#signed && total < deposit) total += 1n;
    const carries = total > this.#signed || !isSure;
    this.#free += total - this.#signed - need;
    this.#signed = amount(total);
    const hold = { need, voucher: null as Voucher | null };
    this.#holds.set(hold, { isAcked: false, isCounted: false });
    if (carries) hold.voucher = await this.#sign(hold);
    return hold;
  }

  /** How far the lane reaches, if it may be signed on: the least that anybody shows of it. */
  #open({ sight, isDebt }: Bounds): Amount {
    const lane = this.#lane;
    if (!lane) throw new Fault("link_lost", "no terms: the gateway was not reached, or the robot is closed");
    if (lane.epoch < this.#epoch) {
      throw new Fault("books_disagree", "the gateway knows only an older life of this lane", {
        facts: { ours: this.#epoch, theirs: lane.epoch },
      });
    }
    if (sight && sight.epoch !== this.#epoch) {
      const facts = { ours: this.#epoch, shown: sight.epoch };
      throw refused(
        "voucher_wrong_epoch",
        "the lane is shown in another epoch than the gateway names",
        facts,
      );
    }
    const closeAt = lane.closeAt || (sight?.closeAt ?? 0);
    if (closeAt !== 0 && !isDebt) throw refused("lane_closing", "the lane is closing", { closeAt });
    return sight && sight.deposit < lane.deposit ? sight.deposit : lane.deposit;
  }

  /** What has been claimed was signed, also where nobody shows us the voucher; and it is not there any more. */
  #startFrom(settled: Amount): void {
    if (settled <= this.#signed) return;
    this.#explained += settled - this.#signed;
    this.#signed = settled;
    if (settled > this.#confirmed) this.#confirmed = settled;
  }

  #mustStayWithin(total: bigint, limit: bigint | undefined): void {
    const exposure = total - this.#explained;
    if (limit === undefined || exposure <= limit) return;
    const much = `${exposure} would be with the gateway, unspent or unanswered; the limit is ${limit}`;
    throw refused("exposure_limit", much, { exposure, limit });
  }

  /** The gateway has taken the offer of this hold, and its voucher with it; `index` is the record that its ack names. */
  confirm(hold: Hold, index?: number): void {
    const state = this.#holds.get(hold);
    if (!state) return;
    // its first ack was lost: the login had counted it already when it was taken off as one that is on its way
    if (!state.isAcked && !state.isCounted && index !== undefined && index <= this.#loginIndex) {
      state.isCounted = true;
      this.#free += hold.need;
    }
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
      this.creditTold(end.credit);
    }
  }

  /** The gateway counts so much credit: with nothing else under way, that is all there is. */
  creditTold(credit: Amount | null): void {
    if (credit !== null && this.#holds.size === 0) this.#free = credit;
  }

  /** So much was spent on what we have, or was never ours to lose. */
  explain(spent: Amount): void {
    const explained = this.#explained + spent;
    this.#explained = explained < this.#signed ? explained : this.#signed;
  }

  /** So much credit has come back on the gateway's lane to us. */
  paidOut(sum: Amount): void {
    this.#free = this.#free > sum ? this.#free - sum : 0n;
    this.explain(sum);
  }

  /** Takes note of a price that is offered. */
  offering(maxPrice: Amount): void {
    if (maxPrice > this.#largestPrice) this.#largestPrice = maxPrice;
  }

  /**
   * Keeps an offer that may cost something yet; resolves when it is on disk.
   *
   * @throws {@link Fault} `disk_failed`
   */
  async remember(offer: Message<"offer">): Promise<void> {
    this.#offers.set(this.#taskOf(offer), offer);
    await this.#save();
  }

  /**
   * The task has ended and is settled.
   *
   * @throws {@link Fault} `disk_failed`
   */
  async forget(task: Hex): Promise<void> {
    if (this.#offers.delete(task)) await this.#save();
  }

  #taskOf(offer: Message<"offer">): Hex {
    return taskIdOf(offerDigest(this.#market, this.#signer.address, offer));
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
    const received = this.#received.take(voucher);
    if (received.fate === "kept") await this.#save();
    return received;
  }

  /** The highest total that the gateway has signed to us in an epoch of its lane. */
  receivedIn(epoch: number): Amount {
    return this.#received.totalIn(epoch);
  }

  /** The newest total as a voucher, once that total is on disk. */
  async #sign(hold: Hold): Promise<Voucher> {
    const { gateway: payee, chainId, vault, token } = this.#market;
    const voucher = { chainId, vault, payee, token, epoch: this.#epoch, cumulative: this.#signed };
    try {
      await this.#save();
    } catch (error) {
      this.release(hold, "refused");
      throw error;
    }
    return { ...voucher, signature: await this.#signer.sign(voucherDigest(voucher)) };
  }

  /** Signs and keeps nothing more; resolves when the file is as new as it gets. */
  async close(): Promise<void> {
    this.#lane = null;
    await this.#file?.close();
  }

  async #save(): Promise<void> {
    const { chainId, vault, token, gateway } = this.#market;
    const text = walletText({
      ...{ chainId, vault, token, gateway, device: this.#signer.address },
      ...{ epoch: this.#epoch, signed: this.#signed, received: [...this.received] },
      ...{ largestPrice: this.#largestPrice, offers: [...this.#offers.values()] },
    });
    await this.#file?.save(text);
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
    this.#largestPrice = saved.largestPrice;
    for (const voucher of saved.received) this.#received.restore(voucher);
    for (const offer of saved.offers) this.#offers.set(this.#taskOf(offer), offer);
  }
}

/** The same code that the gateway would give, so that callers treat both alike. */
function refused(
  code: RefusalCode,
  message: string,
  facts: Readonly<Record<string, bigint | number>>,
): Fault {
  return new Fault("refused", message, { facts: { code, hint: refuse(code).hint, ...facts } });
}
