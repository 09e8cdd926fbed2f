/** Turns random steps into calls, as somebody would make them who knows where everything stands. */
import { encodeAbiParameters, keccak256 } from "viem";
import { type Act, tokenAct, vaultAct } from "./acts.ts";
import type { Arena } from "./arena.ts";
import { encodeCall } from "./calldata.ts";
import type { Call } from "./calls.ts";
import type { Address } from "./cells.ts";
import { Ground, HUGE, NOBODY, signFlaw, TOKENS, turned, within } from "./ground.ts";
import { signAuthorization, signOrder, signPermit } from "./signing.ts";
import type { Kind, Step } from "./steps.ts";

const NAMES = ["USDT0", "USD₮0", "Tether USD"] as const;
/** How many earlier calls may be sent again. */
const MEMORY = 25;

export class Planner extends Ground {
  readonly #past: Act[] = [];

  /** The call that a step means. */
  async act(step: Step): Promise<Act> {
    const earlier = this.#past[step.dice % Math.max(1, this.#past.length)];
    if (step.kind === "again" && earlier) {
      const by = step.dice % 2 === 0 ? earlier.by : this.party(step.by).address;
      return { ...earlier, by };
    }
    const made = this.#tokenAct(step) ?? (await this.#vaultAct(step));
    if (made.to === this.arena.vault) this.#past.push(made);
    if (this.#past.length > MEMORY) this.#past.shift();
    return made;
  }

  async #vaultAct(step: Step): Promise<Act> {
    const { by, call } = await this.#call(step);
    const stranger = this.party(step.dice % 7).address;
    return vaultAct(this.arena, this.mirror, step.flaw === "sender" ? stranger : by, call);
  }

  async #call(step: Step): Promise<{ by: Address; call: Call }> {
    const by = this.party(step.by).address;
    const kind: Kind = step.kind;
    switch (kind) {
      case "setOwner":
        return { by, call: { name: kind, args: { owner: this.someone(step, step.a) } } };
      case "cancelNonce":
        return { by, call: { name: kind, args: { nonce: step.nonce } } };
      case "setOwnerWithSig": {
        const args = {
          account: this.party(step.a).address,
          owner: this.someone(step, step.b),
          ...this.coin(step),
        };
        const order = await this.order(step, "SetOwner", args.account, Object.values(args));
        return { by, call: { name: kind, args: { ...args, order } } };
      }
      case "setAllowance": {
        const args = { account: this.owned(step), ...this.coin(step), amount: this.units(step, HUGE) };
        return { by: this.controller(args.account, { ...step, dice: 1 }), call: { name: kind, args } };
      }
      case "setAllowanceWithSig": {
        const args = { account: this.owned(step), ...this.coin(step), amount: this.units(step, HUGE) };
        const order = await this.order(step, "SetAllowance", args.account, Object.values(args));
        return { by, call: { name: kind, args: { ...args, order } } };
      }
      case "withdraw": {
        const args = this.withdrawal(step);
        return { by: this.controller(args.account, step), call: { name: kind, args } };
      }
      case "withdrawWithSig": {
        const args = this.withdrawal(step);
        const order = await this.order(step, "Withdraw", args.account, Object.values(args));
        return { by, call: { name: kind, args: { ...args, order } } };
      }
      case "requestClose": {
        const args = this.ends(step, (lane) => lane.deposit > lane.settled && lane.closeAt === 0n);
        return { by: this.controller(args.payer, step), call: { name: kind, args } };
      }
      case "finalizeClose":
        return { by, call: { name: kind, args: this.ends(step, (lane) => lane.closeAt > 0n) } };
      case "requestCloseWithSig": {
        const ends = this.ends(step, (lane) => lane.deposit > lane.settled && lane.closeAt === 0n);
        const args = { ...ends, epoch: this.epoch(step, ends) };
        const order = await this.order(step, "RequestClose", ends.payer, Object.values(args));
        return { by, call: { name: kind, args: { ...args, order } } };
      }
      default:
        return (
          (await this.#deposit(step, by)) ?? (await this.#funding(step, by)) ?? (await this.#claim(step, by))
        );
    }
  }

  async #deposit(step: Step, by: Address): Promise<{ by: Address; call: Call } | undefined> {
    const { token } = this.coin(step);
    const account = this.someone(step, step.a);
    const now = this.mirror.vault.now;
    switch (step.kind) {
      case "deposit":
        return { by, call: { name: step.kind, args: { account, token, amount: this.units(step, HUGE) } } };
      case "depositLane": {
        const payee = step.flaw === "over" ? NOBODY : this.party(step.b).address;
        const fresh = { payer: account, payee, token };
        const ends = step.dice % 3 === 0 ? this.ends(step, (lane) => lane.closeAt > 0n) : fresh;
        return { by, call: { name: step.kind, args: { ...ends, amount: this.units(step, HUGE) } } };
      }
      case "sweep":
        return { by, call: { name: step.kind, args: this.waiting(step) } };
      case "depositWithPermit": {
        const from = this.party(step.dice % 2 === 0 ? step.by : step.a);
        const deadline = step.flaw === "expired" ? now - 1n : now + 500n;
        const amount = this.units(step, HUGE);
        const usdt0 = this.arena.tokens.usdt0.address;
        const nonce = this.mirror.usdt0.nonceOf(from.address) + (step.flaw === "altered" ? 1n : 0n);
        const fields = [from.address, this.arena.vault, amount, nonce, deadline];
        const name = step.flaw === "elsewhere" ? "another" : this.mirror.usdt0.name;
        const signature = await signPermit(from.key, usdt0, name, fields);
        return {
          by,
          call: {
            name: step.kind,
            args: { from: from.address, token: this.signing(step), amount, deadline, signature },
          },
        };
      }
      case "depositWithAuthorization": {
        const from = this.party(step.b);
        const salt = step.nonce;
        const signed = step.flaw === "altered" ? this.party(step.by).address : account;
        const value = this.units(step, HUGE);
        const validAfter = step.flaw === "epoch" ? now : now - 10n;
        const validBefore = step.flaw === "expired" ? now : now + 1_000n;
        const pair = [{ type: "address" }, { type: "uint256" }] as const;
        const nonce = keccak256(encodeAbiParameters(pair, [signed, salt]));
        const terms = { from: from.address, to: this.arena.vault, value, validAfter, validBefore, nonce };
        const name = step.flaw === "elsewhere" ? "another" : this.mirror.usdt0.name;
        const { address } = this.arena.tokens.usdt0;
        const good = await signAuthorization(from.key, address, name, terms, `${signed}+${salt}`);
        const bytes = good.bytes.slice(0, -2) as Address;
        const signature = step.flaw === "short" ? { ...good, says: "", bytes } : good;
        const args = {
          account,
          token: this.signing(step),
          from: from.address,
          amount: value,
          validAfter,
          validBefore,
          salt,
          signature,
        };
        return { by, call: { name: step.kind, args } };
      }
      default:
        return undefined;
    }
  }

  async #funding(step: Step, by: Address): Promise<{ by: Address; call: Call } | undefined> {
    const row = this.fundingRow(step);
    switch (step.kind) {
      case "fundLane":
        return { by: this.controller(row.payer, step), call: { name: step.kind, args: row } };
      case "fundLaneWithSig":
        return { by, call: { name: step.kind, args: await this.signedRow(step) } };
      case "fundLanes": {
        const { payer, token } = row;
        const rows = [0, 1, 2, 3].map((index) => {
          const { payee, window, amount } = this.fundingRow(turned(step, index));
          return { payee: index === 3 ? payer : payee, amount: amount / 2n, window };
        });
        const args = { payer, token, rows: rows.slice(0, 1 + (step.dice % 4)), cut: step.flaw === "cut" };
        return { by: this.controller(payer, step), call: { name: step.kind, args } };
      }
      case "fundLanesWithSig": {
        const rows = await Promise.all([0, 1, 2].map((index) => this.signedRow(turned(step, index))));
        return { by, call: { name: step.kind, args: { rows: rows.slice(0, 1 + (step.dice % 3)) } } };
      }
      default:
        return undefined;
    }
  }

  async #claim(step: Step, by: Address): Promise<{ by: Address; call: Call }> {
    const ends = this.ends(step, (lane) => lane.deposit > lane.settled);
    if (step.kind === "claimBatch") {
      const rows = [];
      for (let index = 0; index <= step.dice % 4; index++) {
        const one = this.ends(turned(step, index), (lane) => lane.deposit > lane.settled);
        const same = { ...one, token: ends.token };
        const [epoch, cumulative] = [this.epoch(step, same), this.total(step, same)];
        const signature = await this.voucher(turned(step, index), "Voucher", same, epoch, cumulative);
        rows.push({ payee: same.payee, epoch, cumulative, signature });
      }
      return { by, call: { name: step.kind, args: { token: ends.token, rows, cut: step.flaw === "cut" } } };
    }
    const epoch = this.epoch(step, ends);
    const struct = this.mirror.vault.wallets.has(ends.payer) ? "WalletVoucher" : "Voucher";
    if (step.kind === "claimWallet") {
      const wallets = this.ends(
        step,
        (lane, { payer }) => lane.deposit > lane.settled && this.isWallet(payer),
      );
      const cumulative = this.total(step, wallets);
      const named = this.epoch(step, wallets);
      const signature = await this.voucher(step, "WalletVoucher", wallets, named, cumulative);
      return { by, call: { name: step.kind, args: { ...wallets, epoch: named, cumulative, signature } } };
    }
    const lane = this.lane(ends);
    const finalAmount = step.dice % 5 === 0 ? lane.settled : this.total(step, ends);
    const vouched = within(step.dice % 6 === 1 ? finalAmount - 1n : finalAmount + step.fee);
    const payerSignature = await this.voucher(step, struct, ends, epoch, vouched);
    const deadline = this.mirror.vault.now + (step.flaw === "expired" ? -1n : 100n);
    const consent = [ends.payer, ends.payee, ends.token, epoch, finalAmount, deadline];
    const payee = this.party(step.flaw === "signer" && step.dice % 2 === 0 ? 3 : this.index(ends.payee));
    const payeeSignature = await signOrder(payee.key, this.arena.vault, "CoopClose", consent, signFlaw(step));
    const args = {
      ...ends,
      epoch,
      finalAmount,
      vouched,
      payerSignature,
      deadline,
      payeeSignature,
    };
    const senders = [ends.payee, this.controller(ends.payer, step), by];
    return { by: senders[step.dice % 3] ?? by, call: { name: "coopClose", args } };
  }

  #tokenAct(step: Step): Act | undefined {
    const { tokens, owner, vault, doors } = this.arena;
    const { legacy, usdt0, moody, reentrant } = this.mirror;
    const on = step.dice % 3 === 0;
    const who = [this.party(step.a).address, vault, this.party(step.b).address][step.dice % 3] ?? vault;
    const own = (token: keyof Arena["tokens"], name: string, args: readonly unknown[], model: () => void) =>
      tokenAct(this.mirror, owner, tokens[token], name, args, model);
    switch (step.kind) {
      case "give": {
        const kind = TOKENS[step.token % 4] ?? "peg";
        const by = this.party(step.by).address;
        const to = (step.dice % 5 === 0 ? undefined : doors.get(this.party(step.a).address)) ?? vault;
        const model = () => this.mirror[kind].transfer(by, to, step.units);
        return tokenAct(this.mirror, by, tokens[kind], "transfer", [to, step.units], model);
      }
      case "fee": {
        const [rate, most] = [step.units % 20n, step.nonce % 50n];
        return own("legacy", "setParams", [rate, most], () => legacy.setParams(rate, most));
      }
      case "pause":
        return own("legacy", "setPaused", [on], () => legacy.setPaused(on));
      case "block":
        return step.dice % 2 === 0
          ? own("legacy", "setBlackListed", [who, on], () => legacy.setBlackListed(who, on))
          : own("usdt0", "setBlocked", [who, on], () => usdt0.setBlocked(who, on));
      case "rename": {
        const name = NAMES[step.dice % 3] ?? "";
        return own("usdt0", "rename", [name], () => usdt0.rename(name));
      }
      case "mood":
        return own("moody", "setMoody", [on], () => moody.setMoody(on));
      case "plan": {
        const call = this.#nested(step);
        const args = [call ? vault : NOBODY, call ? encodeCall(call) : "0x", "0x", false, true];
        const act = call && (() => this.mirror.vault.act(tokens.reentrant.address, call));
        return own("reentrant", "plan", args, () => reentrant.plan(act ?? null));
      }
      default:
        return undefined;
    }
  }

  /** What the reentrant token does while it moves. */
  #nested(step: Step): Call | undefined {
    const { token } = this.coin(step);
    const account = this.party(step.a).address;
    const closing = this.ends(step, (lane) => lane.closeAt > 0n);
    const calls: readonly (Call | undefined)[] = [
      undefined,
      undefined,
      { name: "withdraw", args: { account, token, amount: step.units, to: account } },
      { name: "deposit", args: { account, token, amount: step.units } },
      { name: "finalizeClose", args: closing },
      { name: "cancelNonce", args: { nonce: step.nonce } },
      { name: "sweep", args: { account, token } },
    ];
    return calls[step.dice % calls.length];
  }
}
