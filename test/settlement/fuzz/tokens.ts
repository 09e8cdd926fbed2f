/** TypeScript models of the tokens beside them: what moves, and with which reason a call is refused. */
import { type Address, add, Cells, need, type Past, Revert, type Signature } from "./cells.ts";

/** A refusal without a reason. */
export const SILENT = "";

const UNLIMITED = 2n ** 256n - 1n;

/** What every token has: balances, allowances, and plain movements. */
export class TokenModel {
  readonly balances: Cells<bigint>;
  protected readonly allowances: Cells<bigint>;

  constructor(past: Past) {
    this.balances = new Cells(past, 0n);
    this.allowances = new Cells(past, 0n);
  }

  mint(to: Address, value: bigint): void {
    add(this.balances, value, to);
  }

  approve(by: Address, spender: Address, value: bigint): void {
    this.allowances.set(value, by, spender);
  }

  transfer(by: Address, to: Address, value: bigint): void {
    this.move(by, to, value);
  }

  transferFrom(by: Address, from: Address, to: Address, value: bigint): void {
    this.spend(from, by, value, "AllowanceTooLow");
    this.move(from, to, value);
  }

  /** Undefined where the token knows no permits. */
  nonceOf(_account: Address): bigint | undefined {
    return undefined;
  }

  permit(_from: Address, _spender: Address, _value: bigint, _deadline: bigint, _signature: Signature): void {
    throw new Revert(SILENT);
  }

  receiveWithAuthorization(_by: Address, _terms: Authorization, _signature: Signature): void {
    throw new Revert(SILENT);
  }

  protected spend(from: Address, spender: Address, value: bigint, reason: string): void {
    const allowed = this.allowances.get(from, spender);
    need(value <= allowed, reason);
    if (allowed !== UNLIMITED) this.allowances.set(allowed - value, from, spender);
  }

  protected move(from: Address, to: Address, value: bigint, reason = "BalanceTooLow"): void {
    need(value <= this.balances.get(from), reason);
    add(this.balances, -value, from);
    add(this.balances, value, to);
  }
}

/** An EIP-3009 authorization. */
export interface Authorization {
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: string;
}

/** What an {@link Authorization}'s signature says. */
export function authorizing(token: Address, name: string, terms: Authorization): string {
  return `${token}/${name}:ReceiveWithAuthorization(${Object.values(terms).join()})`;
}

/** What a permit's signature says. */
export function permitting(token: Address, name: string, ...terms: readonly (string | bigint)[]): string {
  return `${token}/${name}:Permit(${terms.join()})`;
}

/** `LegacyUsdt.sol`. */
export class LegacyUsdtModel extends TokenModel {
  readonly #owner: Address;
  readonly #terms: Cells<bigint>;
  readonly #blocked: Cells<boolean>;

  constructor(past: Past, owner: Address) {
    super(past);
    this.#owner = owner;
    this.#terms = new Cells(past, 0n);
    this.#blocked = new Cells(past, false);
  }

  setParams(basisPoints: bigint, wholeTokens: bigint): void {
    this.#terms.set(basisPoints, "rate");
    this.#terms.set(wholeTokens * 1_000_000n, "most");
  }

  setPaused(on: boolean): void {
    this.#terms.set(on ? 1n : 0n, "paused");
  }

  setBlackListed(account: Address, on: boolean): void {
    this.#blocked.set(on, account);
  }

  override transferFrom(by: Address, from: Address, to: Address, value: bigint): void {
    this.spend(from, by, value, SILENT);
    this.move(from, to, value);
  }

  protected override move(from: Address, to: Address, value: bigint): void {
    const free = this.#terms.get("paused") === 0n && !this.#blocked.get(from);
    need(free && value <= this.balances.get(from), SILENT);
    const share = (value * this.#terms.get("rate")) / 10_000n;
    const most = this.#terms.get("most");
    const fee = share > most ? most : share;
    super.move(from, to, value - fee);
    if (fee > 0n) super.move(from, this.#owner, fee);
  }
}

/** `Usdt0.sol`. `now` and `signed` are the chain's: its time, and whether an account signed a text. */
export class Usdt0Model extends TokenModel {
  readonly #self: Address;
  readonly #chain: { now(): bigint; signed(by: Address, says: string, signature: Signature): boolean };
  readonly #names: Cells<string>;
  readonly #nonces: Cells<bigint>;
  readonly #used: Cells<boolean>;
  readonly #blocked: Cells<boolean>;

  constructor(
    past: Past,
    self: Address,
    chain: { now(): bigint; signed(by: Address, says: string, signature: Signature): boolean },
  ) {
    super(past);
    this.#self = self;
    this.#chain = chain;
    this.#names = new Cells(past, "USDT0");
    this.#nonces = new Cells(past, 0n);
    this.#used = new Cells(past, false);
    this.#blocked = new Cells(past, false);
  }

  get name(): string {
    return this.#names.get("name");
  }

  rename(name: string): void {
    this.#names.set(name, "name");
  }

  setBlocked(account: Address, on: boolean): void {
    this.#blocked.set(on, account);
  }

  override nonceOf(account: Address): bigint {
    return this.#nonces.get(account);
  }

  override transfer(by: Address, to: Address, value: bigint): void {
    need(!this.#blocked.get(by), "Blocked");
    super.transfer(by, to, value);
  }

  override transferFrom(by: Address, from: Address, to: Address, value: bigint): void {
    need(!this.#blocked.get(by) && !this.#blocked.get(from), "Blocked");
    super.transferFrom(by, from, to, value);
  }

  override permit(
    from: Address,
    spender: Address,
    value: bigint,
    deadline: bigint,
    signature: Signature,
  ): void {
    need(this.#chain.now() <= deadline, "PermitExpired");
    const nonce = this.#nonces.get(from);
    const says = permitting(this.#self, this.name, from, spender, value, nonce, deadline);
    need(this.#chain.signed(from, says, signature), "InvalidSignature");
    this.#nonces.set(nonce + 1n, from);
    this.approve(from, spender, value);
  }

  override receiveWithAuthorization(by: Address, terms: Authorization, signature: Signature): void {
    const { from, to, value, validAfter, validBefore, nonce } = terms;
    need(!this.#blocked.get(by) && !this.#blocked.get(from), "Blocked");
    need(by === to, "CallerNotReceiver");
    need(this.#chain.now() > validAfter, "NotYetValid");
    need(this.#chain.now() < validBefore, "NoLongerValid");
    need(!this.#used.get(from, nonce), "AuthorizationUsed");
    need(this.#chain.signed(from, authorizing(this.#self, this.name, terms), signature), "InvalidSignature");
    this.#used.set(true, from, nonce);
    this.move(from, to, value);
  }
}

/** `FalseToken.sol`. */
export class FalseTokenModel extends TokenModel {
  readonly #moods: Cells<boolean>;

  constructor(past: Past) {
    super(past);
    this.#moods = new Cells(past, false);
  }

  setMoody(on: boolean): void {
    this.#moods.set(on, "moody");
  }

  override transferFrom(by: Address, from: Address, to: Address, value: bigint): void {
    this.spend(from, by, value, SILENT);
    this.move(from, to, value);
  }

  protected override move(from: Address, to: Address, value: bigint): void {
    super.move(from, to, value, SILENT);
    need(!this.#moods.get("moody"), SILENT);
  }
}

/** `ReentrantToken.sol`, planned to call after the movement and to fail when the call fails. */
export class ReentrantTokenModel extends TokenModel {
  readonly #plan: Cells<(() => void) | null>;
  readonly #nonces: Cells<bigint>;

  constructor(past: Past) {
    super(past);
    this.#plan = new Cells<(() => void) | null>(past, null);
    this.#nonces = new Cells(past, 0n);
  }

  plan(call: (() => void) | null): void {
    this.#plan.set(call, "plan");
  }

  override nonceOf(account: Address): bigint {
    return this.#nonces.get(account);
  }

  override permit(from: Address, spender: Address, value: bigint): void {
    this.#plan.get("plan")?.();
    add(this.#nonces, 1n, from);
    this.approve(from, spender, value);
  }

  override receiveWithAuthorization(_by: Address, { from, to, value }: Authorization): void {
    this.move(from, to, value);
  }

  protected override move(from: Address, to: Address, value: bigint): void {
    super.move(from, to, value);
    this.#plan.get("plan")?.();
  }
}
