/**
 * LaneVault once more, in TypeScript, written from its specification: no bytes, no slots, no cryptography. What was
 * signed is compared as text. Every call answers "ok" or the name of the error, and an error changes nothing.
 */
import {
  type Call,
  type Calls,
  type Ends,
  type Funding,
  type Lane,
  type Order,
  saying,
} from "./fuzz/calls.ts";
import { type Address, add, Cells, need, Past, Revert, type Signature } from "./fuzz/cells.ts";
import { SILENT, type TokenModel } from "./fuzz/tokens.ts";

/** Seconds of each window class. */
const WINDOWS = [3_600n, 86_400n, 259_200n, 604_800n] as const;

const MAX_AMOUNT = 2n ** 96n - 1n;
const LAST_EPOCH = 2n ** 24n - 1n;
const GIFT_WINDOW = 1n;

const UNOPENED: Lane = { settled: 0n, deposit: 0n, closeAt: 0n, window: 0n, epoch: 0n };
const NOBODY: Address = `0x${"00".repeat(20)}`;
/** The highest second that a lane can hold. */
const LAST_SECOND = 2n ** 32n - 1n;
/** Nonces from 2^255 on are a wallet's: the account's, from 3 * 2^254 on the owner's. */
const WALLET_NONCES = 2n ** 255n;
const OWNER_WALLET_NONCES = 3n * 2n ** 254n;

export class VaultModel {
  /** Unix seconds. */
  now = 0n;
  readonly past = new Past();
  readonly vaults = new Cells(this.past, 0n);
  readonly lanes = new Cells(this.past, UNOPENED);
  readonly owners = new Cells<Address>(this.past, NOBODY);
  readonly allowances = new Cells(this.past, 0n);
  readonly used = new Cells(this.past, false);
  readonly tokens = new Map<Address, TokenModel>();
  /** EIP-1271 wallets and the key that signs for each. */
  readonly wallets = new Map<Address, Address>();
  /** Deposit addresses by account. */
  readonly doors = new Map<Address, Address>();
  readonly #self: Address;
  readonly #entered = new Cells(this.past, false);

  constructor(self: Address) {
    this.#self = self;
  }

  /** Carries a call out; an error changes nothing. */
  run(by: Address, call: Call): string {
    try {
      this.past.attempt(() => this.act(by, call));
      return "ok";
    } catch (cause) {
      if (cause instanceof Revert) return cause.message;
      throw cause;
    }
  }

  /** What the vault holds of a token. */
  holdings(token: Address): bigint {
    return this.#token(token).balances.get(this.#self);
  }

  /** Carries a call out within another one. Throws {@link Revert}. */
  act(by: Address, { name, args }: Call): void {
    (this.#acts[name] as (by: Address, args: Calls[keyof Calls]) => void)(by, args);
  }

  /** Whether a key, or the key of a wallet, signed the text. */
  signed(by: Address, says: string, signature: Signature): boolean {
    return signature.says === says && signature.by === (this.wallets.get(by) ?? by);
  }

  readonly #acts: { [K in keyof Calls]: (by: Address, args: Calls[K]) => void } = {
    setOwner: (by, { owner }) => this.#name(by, owner),
    setOwnerWithSig: (by, { account, owner, token, order }) => {
      need(this.owners.get(account) === NOBODY, "OwnerSet");
      this.#accept(account, order, "SetOwner", account, owner, token);
      this.#spend(by, account, token, 0n, order.fee, false);
      this.#name(account, owner);
    },
    setAllowance: (by, { account, token, amount }) => {
      need(this.owners.get(account) !== NOBODY, "NoOwner");
      need(by === this.owners.get(account), "NotController");
      this.allowances.set(amount, account, token);
    },
    setAllowanceWithSig: (by, { account, token, amount, order }) => {
      need(this.owners.get(account) !== NOBODY, "NoOwner");
      const limited = this.#accept(account, order, "SetAllowance", account, token, amount);
      need(!limited, "BadSignature");
      this.allowances.set(amount, account, token);
      this.#spend(by, account, token, 0n, order.fee, false);
    },
    deposit: (by, { account, token, amount }) =>
      this.#guarded(() => this.#deposit(account, token, (model) => this.#pull(model, by, amount))),
    depositLane: (by, { payer, payee, token, amount }) =>
      this.#guarded(() => {
        need(payer !== NOBODY && payee !== NOBODY, "BadReceiver");
        const received = this.#received(token, (model) => this.#pull(model, by, amount));
        const lane = this.lanes.get(payer, payee, token);
        need(lane.closeAt === 0n, "LaneClosing");
        const window = lane.deposit === 0n ? GIFT_WINDOW : lane.window;
        this.#raise({ payer, payee, token, amount: received, window }, lane);
      }),
    depositWithAuthorization: (_by, args) =>
      this.#guarded(() => {
        const { account, token, from, amount, validAfter, validBefore, salt, signature } = args;
        const nonce = `${account}+${salt}`;
        const terms = { from, to: this.#self, value: amount, validAfter, validBefore, nonce };
        this.#deposit(account, token, (model) =>
          model.receiveWithAuthorization(this.#self, terms, signature),
        );
      }),
    depositWithPermit: (by, { from, token, amount, deadline, signature }) =>
      this.#guarded(() => {
        const model = this.tokens.get(token);
        const before = model?.nonceOf(from);
        const done = this.#try(() => model?.permit(from, this.#self, amount, deadline, signature));
        const counted = before !== undefined && model?.nonceOf(from) === before + 1n;
        need(by === from || (done && counted), "PermitFailed");
        this.#deposit(from, token, (known) => this.#pull(known, from, amount));
      }),
    sweep: (_by, { account, token }) =>
      this.#guarded(() => {
        need(account !== NOBODY, "BadReceiver");
        const door = this.doors.get(account) ?? NOBODY;
        const units = this.#token(token).balances.get(door);
        need(units > 0n, "NothingReceived");
        this.#deposit(account, token, (model) => model.transfer(door, this.#self, units));
      }),
    withdraw: (by, args) =>
      this.#guarded(() => this.#withdraw(by, args, 0n, this.#isLimited(args.account, by))),
    withdrawWithSig: (by, args) =>
      this.#guarded(() => {
        const { account, token, amount, to, order } = args;
        const limited = this.#accept(account, order, "Withdraw", account, token, amount, to);
        this.#withdraw(by, args, order.fee, limited);
      }),
    fundLane: (by, row) => {
      const limited = this.#isLimited(row.payer, by);
      this.#raise(row, { ...this.#at(row), closeAt: 0n });
      this.#spend(by, row.payer, row.token, row.amount, 0n, limited);
    },
    fundLaneWithSig: (by, row) => this.#fundByOrder(by, row),
    fundLanes: (by, { payer, token, rows, cut }) => {
      need(!cut, "Malformed");
      const limited = this.#isLimited(payer, by);
      for (const row of rows) {
        const lane = this.lanes.get(payer, row.payee, token);
        if (lane.closeAt !== 0n) continue;
        this.#try(() => {
          this.#raise({ ...row, payer, token }, lane);
          this.#spend(by, payer, token, row.amount, 0n, limited);
        });
      }
    },
    fundLanesWithSig: (by, { rows }) => {
      for (const row of rows) {
        if (row.order.nonce < WALLET_NONCES) this.#try(() => this.#fundByOrder(by, row));
      }
    },
    claimBatch: (_by, { token, rows, cut }) => {
      need(!cut, "Malformed");
      for (const { payee, epoch, cumulative, signature } of rows) {
        if (signature.says !== saying("Voucher", payee, token, epoch, cumulative)) continue;
        const ends = { payer: signature.by, payee, token };
        if (this.#at(ends).epoch === epoch) this.#settle(ends, cumulative);
      }
    },
    claimWallet: (_by, { payer, payee, token, epoch, cumulative, signature }) => {
      const ends = { payer, payee, token };
      need(this.#at(ends).epoch === epoch, "WrongEpoch");
      need(this.#settle(ends, cumulative) > 0n, "NothingToClaim");
      const says = saying("WalletVoucher", payer, payee, token, epoch, cumulative);
      need(this.#signedByWallet(payer, says, signature), "BadSignature");
    },
    requestClose: (by, ends) => this.#startClose(ends, this.#isLimited(ends.payer, by)),
    requestCloseWithSig: (by, { payer, payee, token, epoch, order }) => {
      const ends = { payer, payee, token };
      need(this.#at(ends).epoch === epoch, "WrongEpoch");
      const limited = this.#accept(payer, order, "RequestClose", payer, payee, token, epoch);
      this.#startClose(ends, limited);
      this.#spend(by, payer, token, 0n, order.fee, limited);
    },
    finalizeClose: (_by, ends) => {
      const lane = this.#at(ends);
      need(lane.closeAt !== 0n, "CloseNotRequested");
      need(this.now >= lane.closeAt, "TooEarly");
      this.#close(ends, lane.settled);
    },
    coopClose: (by, args) => this.#coopClose(by, args),
    cancelNonce: (by, { nonce }) => this.#useNonce(by, nonce),
  };

  #coopClose(by: Address, args: Calls["coopClose"]): void {
    const { payer, payee, token, epoch, finalAmount, vouched, payerSignature, payeeSignature } = args;
    const lane = this.#at(args);
    need(lane.epoch === epoch, "WrongEpoch");
    need(lane.settled <= finalAmount && finalAmount <= lane.deposit, "FinalAmountOutOfRange");
    need(lane.deposit > 0n, "LaneEmpty");
    if (by !== payee) {
      need(this.now <= args.deadline, "Expired");
      const says = saying("CoopClose", payer, payee, token, epoch, finalAmount, args.deadline);
      need(this.signed(payee, says, payeeSignature), "BadSignature");
    }
    if (by !== this.#unlimited(payer) && finalAmount > lane.settled) {
      need(vouched >= finalAmount, "FinalAmountOutOfRange");
      const says = this.wallets.has(payer)
        ? saying("WalletVoucher", payer, payee, token, epoch, vouched)
        : saying("Voucher", payee, token, epoch, vouched);
      need(this.signed(payer, says, payerSignature), "BadSignature");
    }
    this.#close(args, finalAmount);
  }

  #at({ payer, payee, token }: Ends): Lane {
    return this.lanes.get(payer, payee, token);
  }

  #put({ payer, payee, token }: Ends, lane: Lane): void {
    this.lanes.set(lane, payer, payee, token);
  }

  #token(token: Address): TokenModel {
    const model = this.tokens.get(token);
    if (!model) throw new Revert("TokenRefused");
    return model;
  }

  #guarded(act: () => void): void {
    need(!this.#entered.get("entered"), "Reentered");
    this.#entered.set(true, "entered");
    act();
    this.#entered.set(false, "entered");
  }

  /** Whether it went through; what a failed attempt did is taken back. */
  #try(act: () => void): boolean {
    try {
      this.past.attempt(act);
      return true;
    } catch (cause) {
      if (cause instanceof Revert) return false;
      throw cause;
    }
  }

  /** A call of a token: what it refuses without a reason gets one. */
  #order(act: () => void): void {
    try {
      act();
    } catch (cause) {
      throw cause instanceof Revert && cause.message === SILENT ? new Revert("TokenRefused") : cause;
    }
  }

  #pull(model: TokenModel, from: Address, amount: bigint): void {
    model.transferFrom(this.#self, from, this.#self, amount);
  }

  #received(token: Address, act: (model: TokenModel) => void): bigint {
    const model = this.#token(token);
    const before = model.balances.get(this.#self);
    this.#order(() => act(model));
    const received = model.balances.get(this.#self) - before;
    need(received > 0n, "NothingReceived");
    return received;
  }

  #deposit(account: Address, token: Address, act: (model: TokenModel) => void): void {
    need(account !== NOBODY, "BadReceiver");
    add(this.vaults, this.#received(token, act), account, token);
  }

  #name(account: Address, owner: Address): void {
    need(this.owners.get(account) === NOBODY, "OwnerSet");
    need(owner !== NOBODY && owner !== account, "BadOwner");
    this.owners.set(owner, account);
  }

  /** Who acts for an account without limit. */
  #unlimited(account: Address): Address {
    const owner = this.owners.get(account);
    return owner === NOBODY ? account : owner;
  }

  #isLimited(account: Address, by: Address): boolean {
    if (by === this.#unlimited(account)) return false;
    need(by === account, "NotController");
    return true;
  }

  #signedByWallet(wallet: Address, says: string, signature: Signature): boolean {
    return this.wallets.has(wallet) && this.signed(wallet, says, signature);
  }

  /** Checks an order and uses its nonce up; whether it binds its signer to the allowance. */
  #accept(account: Address, order: Order, type: string, ...terms: readonly (string | bigint)[]): boolean {
    const { deadline, nonce, fee, signature } = order;
    need(this.now <= deadline, "Expired");
    const says = saying(type, ...terms, deadline, nonce, fee);
    const owner = this.owners.get(account);
    const candidates =
      nonce < WALLET_NONCES ? [account, owner] : [nonce < OWNER_WALLET_NONCES ? account : owner];
    const signer = candidates.find((one) =>
      nonce < WALLET_NONCES
        ? !this.wallets.has(one) && this.signed(one, says, signature)
        : this.#signedByWallet(one, says, signature),
    );
    if (signer === undefined) throw new Revert("BadSignature");
    this.#useNonce(signer, nonce);
    return this.#isLimited(account, signer);
  }

  #useNonce(signer: Address, nonce: bigint): void {
    need(!this.used.get(signer, `${nonce}`), "NonceReused");
    this.used.set(true, signer, `${nonce}`);
  }

  /** Takes an amount and a fee out of a vault, and pays the fee to who sent the call. */
  #spend(by: Address, account: Address, token: Address, amount: bigint, fee: bigint, limited: boolean): void {
    need(amount + fee <= this.vaults.get(account, token), "InsufficientVault");
    if (limited) {
      need(amount + fee <= this.allowances.get(account, token), "AllowanceExceeded");
      add(this.allowances, -amount - fee, account, token);
    }
    add(this.vaults, -amount - fee, account, token);
    add(this.vaults, fee, by, token);
  }

  #withdraw(by: Address, args: Calls["withdraw"], fee: bigint, limited: boolean): void {
    const { account, token, amount, to } = args;
    need(to !== NOBODY && to !== this.#self, "BadReceiver");
    need(amount > 0n, "ZeroAmount");
    this.#spend(by, account, token, amount, fee, limited);
    this.#order(() => this.#token(token).transfer(this.#self, to, amount));
  }

  /** Raises a lane's deposit; `lane` is what it was. */
  #raise(row: Funding, lane: Lane): void {
    need(row.payee !== NOBODY, "BadReceiver");
    need(row.amount > 0n, "ZeroAmount");
    need(row.window < WINDOWS.length, "BadWindow");
    need(lane.epoch !== LAST_EPOCH, "EpochsExhausted");
    need(lane.deposit === 0n || lane.window === row.window, "WindowFixed");
    need(lane.deposit + row.amount <= MAX_AMOUNT, "AmountTooLarge");
    this.#put(row, { ...lane, window: row.window, deposit: lane.deposit + row.amount });
  }

  #fundByOrder(by: Address, row: Calls["fundLaneWithSig"]): void {
    const { payer, payee, token, epoch, amount, window, order } = row;
    const lane = this.#at(row);
    need(lane.epoch === epoch, "WrongEpoch");
    need(lane.closeAt === 0n, "LaneClosing");
    const limited = this.#accept(payer, order, "FundLane", payer, payee, token, epoch, amount, window);
    this.#raise(row, lane);
    this.#spend(by, payer, token, amount, order.fee, limited);
  }

  /** Pays a voucher as far as the deposit goes. Returns what it added. */
  #settle(ends: Ends, cumulative: bigint): bigint {
    const lane = this.#at(ends);
    const total = cumulative > lane.deposit ? lane.deposit : cumulative;
    if (total <= lane.settled) return 0n;
    this.#put(ends, { ...lane, settled: total });
    add(this.vaults, total - lane.settled, ends.payee, ends.token);
    return total - lane.settled;
  }

  #startClose(ends: Ends, limited: boolean): void {
    const lane = this.#at(ends);
    need(lane.closeAt === 0n, "LaneClosing");
    const rest = lane.deposit - lane.settled;
    need(rest > 0n, "LaneEmpty");
    need(!limited || rest <= this.allowances.get(ends.payer, ends.token), "AllowanceExceeded");
    const closeAt = this.now + (WINDOWS[Number(lane.window)] ?? 0n);
    need(closeAt <= LAST_SECOND, "ClockOverflow");
    this.#put(ends, { ...lane, closeAt });
  }

  #close(ends: Ends, total: bigint): void {
    const { settled, deposit, epoch } = this.#at(ends);
    this.#put(ends, { ...UNOPENED, epoch: epoch + 1n });
    add(this.vaults, total - settled, ends.payee, ends.token);
    add(this.vaults, deposit - total, ends.payer, ends.token);
  }
}
