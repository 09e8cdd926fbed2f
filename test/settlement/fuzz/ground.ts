/** What an honest party knows before it makes a call: who acts for whom, where lanes stand, what is signed. */
import type { Arena, Mirror, Party } from "./arena.ts";
import type { Ends, Lane, Order } from "./calls.ts";
import type { Address, Signature } from "./cells.ts";
import { type Flaw, type Struct, signOrder } from "./signing.ts";
import type { Step } from "./steps.ts";

export const NOBODY: Address = `0x${"00".repeat(20)}`;
/** The most a lane can hold. */
export const HUGE = 2n ** 96n - 1n;
/** By the number that a step draws. */
export const TOKENS = ["usdt0", "legacy", "reentrant", "peg", "moody"] as const;

type Terms = readonly (string | bigint)[];

export class Ground {
  /** The highest total that each payer has signed, by `payer,payee,token,epoch`. */
  readonly vouched = new Map<string, bigint>();
  protected readonly arena: Arena;
  protected readonly mirror: Mirror;

  constructor(arena: Arena, mirror: Mirror) {
    this.arena = arena;
    this.mirror = mirror;
  }

  protected party(index: number): Party {
    const found = this.arena.parties[index];
    if (!found) throw new Error(`there is no party ${index}`);
    return found;
  }

  protected index(address: Address): number {
    return Math.max(
      0,
      this.arena.parties.findIndex((one) => one.address === address),
    );
  }

  protected isWallet(address: Address): boolean {
    return this.mirror.vault.wallets.has(address);
  }

  protected someone(step: Step, index: number): Address {
    return step.flaw === "nobody" ? NOBODY : this.party(index).address;
  }

  protected coin(step: Step): { token: Address } {
    if (step.flaw === "codeless") return { token: this.party(4).address };
    return { token: this.arena.tokens[TOKENS[step.token] ?? "peg"].address };
  }

  /** An account that has an owner, mostly. */
  protected owned(step: Step): Address {
    const owned = this.mirror.vault.owners.entries().filter(([, owner]) => owner !== NOBODY);
    const found = step.dice % 8 === 0 ? undefined : owned[step.dice % Math.max(1, owned.length)];
    return (found?.[0][0] as Address | undefined) ?? this.party(step.a).address;
  }

  /** An account and a token that waits at its deposit address, mostly. */
  protected waiting(step: Step): { account: Address; token: Address } {
    const known = [...this.mirror.vault.tokens].flatMap(([token, { balances }]) =>
      [...this.arena.doors].flatMap(([account, door]) =>
        balances.get(door) > 0n ? [{ account, token }] : [],
      ),
    );
    const found = step.dice % 6 === 0 ? undefined : known[step.dice % Math.max(1, known.length)];
    return found ?? { account: this.someone(step, step.a), ...this.coin(step) };
  }

  /** The token that knows permits and authorizations, mostly. */
  protected signing(step: Step): Address {
    return step.dice % 5 === 0 ? this.coin(step).token : this.arena.tokens.usdt0.address;
  }

  protected units(step: Step, huge: bigint): bigint {
    if (step.flaw === "zero") return 0n;
    return step.flaw === "huge" ? huge : step.units;
  }

  protected owner(account: Address): Address | undefined {
    const owner = this.mirror.vault.owners.get(account);
    return owner === NOBODY ? undefined : owner;
  }

  /** Who acts for an account: its owner, and sometimes the account itself although it has one. */
  protected controller(account: Address, step: Step): Address {
    const owner = this.owner(account);
    return owner === undefined || step.dice % 3 === 0 ? account : owner;
  }

  protected lane(ends: Ends): Lane {
    return this.mirror.vault.lanes.get(ends.payer, ends.payee, ends.token);
  }

  /** A lane of that kind, mostly; or any. */
  protected ends(step: Step, wanted: (lane: Lane, ends: Ends) => boolean): Ends {
    const known = this.mirror.vault.lanes.entries().flatMap(([[payer, payee, token], lane]) => {
      const ends = { payer, payee, token } as Ends;
      return wanted(lane, ends) ? [ends] : [];
    });
    const found = known[step.dice % Math.max(1, known.length)];
    if (found && step.nonce % 8n !== 0n) return found;
    return { payer: this.party(step.a).address, payee: this.someone(step, step.b), ...this.coin(step) };
  }

  protected epoch(step: Step, ends: Ends): bigint {
    const { epoch } = this.lane(ends);
    return step.flaw === "epoch" ? (epoch + 1n) % 2n ** 24n : epoch;
  }

  /** A new total for a lane: more than before, and most often not more than there is. */
  protected total(step: Step, ends: Ends): bigint {
    const { settled, deposit } = this.lane(ends);
    if (step.flaw === "huge") return HUGE;
    if (step.flaw === "zero") return settled;
    const rest = deposit - settled;
    return within(
      rest > 0n && step.dice % 4 !== 0 ? settled + 1n + (step.units % rest) : settled + step.units,
    );
  }

  protected withdrawal(step: Step) {
    const account = this.party(step.a).address;
    const { token } = this.coin(step);
    const { vault, doors } = this.arena;
    const over = this.mirror.vault.vaults.get(account, token) + 1n;
    // to the limit, so that a fee is beyond it
    const allowed = step.dice % 6 === 0 ? this.mirror.vault.allowances.get(account, token) : 0n;
    const asked = allowed > 0n ? allowed : this.units(step, HUGE);
    const amount = step.flaw === "over" ? over : asked;
    const honest = (step.dice % 4 === 0 ? doors.get(account) : undefined) ?? this.someone(step, step.b);
    return { account, token, amount, to: step.flaw === "vault" ? vault : honest };
  }

  protected fundingRow(step: Step) {
    const known = this.ends(step, (one) => one.closeAt > 0n || one.deposit > 0n);
    const fresh = {
      payer: this.party(step.a).address,
      payee: this.someone(step, step.b),
      ...this.coin(step),
    };
    const { payer, payee, token } = step.dice % 2 === 0 ? known : fresh;
    const lane = this.lane({ payer, payee, token });
    const fixed = step.flaw === "window" ? (lane.window + 1n) % 4n : lane.window;
    const honest = lane.deposit === 0n ? step.window : fixed;
    const over = this.mirror.vault.vaults.get(payer, token) + 1n;
    const amount = step.flaw === "over" && over <= HUGE ? over : this.units(step, HUGE);
    return { payer, payee, token, amount, window: step.flaw === "no window" ? 4n : honest };
  }

  protected async signedRow(step: Step) {
    const { payer, payee, token, amount, window } = this.fundingRow(step);
    const epoch = this.epoch(step, { payer, payee, token });
    const order = await this.order(step, "FundLane", payer, [payer, payee, token, epoch, amount, window]);
    return { payer, payee, token, epoch, amount, window, order };
  }

  /** An order in the name of the account or of its owner, whose key signs. */
  protected async order(step: Step, struct: Struct, account: Address, terms: Terms): Promise<Order> {
    const signer = this.controller(account, step);
    const deadline = this.mirror.vault.now + (step.flaw === "expired" ? -1n : 20_000n);
    const share = signer === account ? 2n : 3n;
    const wallet = this.isWallet(signer) !== (step.flaw === "namespace");
    const nonce = wallet ? step.nonce + share * 2n ** 254n : step.nonce;
    const fee = step.fee;
    const { key } = this.party(step.flaw === "signer" ? step.dice % 5 : this.index(signer));
    const signed = step.flaw === "altered" ? fee + 1n : fee;
    const fields = [...terms, deadline, nonce, signed];
    return {
      deadline,
      nonce,
      fee,
      signature: await signOrder(key, this.arena.vault, struct, fields, signFlaw(step)),
    };
  }

  protected async voucher(
    step: Step,
    struct: "Voucher" | "WalletVoucher",
    { payer, payee, token }: Ends,
    epoch: bigint,
    cumulative: bigint,
  ): Promise<Signature> {
    const { key } = this.party(step.flaw === "signer" ? step.dice % 5 : this.index(payer));
    const terms = struct === "Voucher" ? [payee, token] : [payer, payee, token];
    const fields = [...terms, epoch, cumulative];
    const flaw = struct === "Voucher" && step.kind === "claimBatch" ? "none" : signFlaw(step);
    const bad = step.flaw === "junk" || flaw;
    const signature = await signOrder(key, this.arena.vault, struct, fields, bad === true ? "junk" : bad);
    if (signature.says === "") return signature;
    if (struct === "WalletVoucher" && this.mirror.vault.wallets.get(payer) !== signature.by) return signature;
    const signer = struct === "Voucher" ? signature.by : payer;
    const lane = [signer, payee, token, epoch].join();
    const before = this.vouched.get(lane) ?? 0n;
    if (cumulative > before) this.vouched.set(lane, cumulative);
    return signature;
  }
}

/** The flaws of a step that are a signature's. */
export function signFlaw({ flaw }: Step): Flaw {
  return flaw === "high s" || flaw === "short" || flaw === "elsewhere" || flaw === "junk" ? flaw : "none";
}

/** The same step, turned so that it means other parties and another nonce; only the first turn keeps the flaw. */
export function turned(step: Step, by: number): Step {
  if (by === 0) return step;
  const turn = (party: number) => (party + by) % 7;
  const nonce = (step.nonce + BigInt(by)) % 2n ** 253n;
  return { ...step, a: turn(step.a), b: turn(step.b), nonce, dice: step.dice + by, flaw: "none" };
}

/** The nearest amount that 96 bits hold. */
export function within(units: bigint): bigint {
  if (units < 0n) return 0n;
  return units < HUGE ? units : HUGE;
}
