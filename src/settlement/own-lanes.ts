/** The lanes that the gateway pays on: opened, topped up from its vault, and closed. */
import type { Hex } from "../base/bytes.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import { WINDOW_SECONDS } from "../payment/lane.ts";
import { claimable } from "../payment/payment.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Alarms } from "./alarms.ts";
import type { Chain, LaneKey, LaneOnChain } from "./chain.ts";
import { leastDeposit } from "./claim-policy.ts";
import type { Claims } from "./claims.ts";
import { affordable, MAX_FUND_ROWS, sumOf, topUps } from "./funding.ts";
import { knownLane, type Ledger, laneName } from "./ledger.ts";
import type { Look, SeenLane } from "./lookout.ts";
import type { MinedTransaction, TransactionQueue } from "./queue.ts";
import { type FundRow, finalizeClose, fundLanes, requestClose } from "./vault-calls.ts";

export type OwnLaneOptions = {
  /** Room that each lane to a device is topped up to, as far as the gateway's vault goes. */
  readonly laneDeposit: Amount;
  /** Class of the challenge window of lanes that are opened, an index into `WINDOW_SECONDS`. */
  readonly window: number;
  /** The least deposit of a lane, in claims of it. */
  readonly laneMinimum: number;
  /** Closes payers' lanes for them once their window is over. Default false. */
  readonly finalizeForPayers?: boolean;
};

export type OwnLaneParts = {
  readonly chain: Pick<Chain, "vaultBalance" | "ownerOf" | "spendAllowance" | "head">;
  readonly market: Market;
  readonly ledger: Ledger;
  readonly alarms: Alarms;
  readonly queue: TransactionQueue;
  readonly claims: Claims;
  /** Reads every lane anew. */
  readonly look: () => Promise<Look>;
  /** The newest look. */
  readonly seen: () => Look;
};

/** Its calls send transactions, so they must not overlap. */
export class OwnLanes {
  readonly #options: OwnLaneOptions;
  readonly #parts: OwnLaneParts;
  /**
   * Payees that a funding which went through has passed over, in which window, and what the vault had to give after it:
   * until it has more, or somebody's gift has opened the lane in another window, another one would only burn gas.
   */
  readonly #passedOver = new Map<Hex, { readonly window: number; readonly left: bigint }>();
  #isDraining: boolean = false;

  constructor(options: OwnLaneOptions, parts: OwnLaneParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Opens lanes that never were open, and tops up those that are, as far as the vault goes. */
  async fund(): Promise<void> {
    const { alarms, look, claims } = this.#parts;
    const wanted = await this.#wanted();
    const budget = wanted.length === 0 ? 0n : await this.#budget();
    const rows = wanted.filter(({ payee, window }) => {
      const passed = this.#passedOver.get(payee);
      return !passed || passed.window !== window || budget > passed.left;
    });
    const paid = affordable(rows, budget);
    if (paid.length === wanted.length) alarms.clear("funds");
    else alarms.raise("funds", short(`lanes need ${sumOf(wanted)} atomic units`, budget));
    for (let at = 0; at < paid.length; at += MAX_FUND_ROWS) {
      await this.#send(paid.slice(at, at + MAX_FUND_ROWS));
      await claims.rescue();
    }
    if (paid.length === 0) return;
    await look();
    const missing = new Set((await this.#wanted()).map(({ payee }) => payee));
    const left = missing.size === 0 ? 0n : await this.#budget();
    for (const { payee, window } of paid)
      if (missing.has(payee)) this.#passedOver.set(payee, { window, left });
  }

  /** Ends every lane whose window is over and whose vouchers are all claimed: what is left comes back to the vault. */
  async finalize(): Promise<void> {
    const { chain, queue, market, ledger, seen, look, alarms, claims } = this.#parts;
    const closing = seen().lanes.filter(({ key, head }) => {
      return head.closeAt !== 0 && (key.payer === market.gateway || this.#options.finalizeForPayers === true);
    });
    if (closing.length === 0) return;
    const unclaimed = new Set(claimable(ledger.payment).map(laneName));
    const { time } = await chain.head();
    for (const { key, head } of closing) {
      if (head.closeAt > time || unclaimed.has(laneName(key))) continue;
      try {
        await queue.send("close", finalizeClose(market.vault, key), 1);
      } catch (fault) {
        // Somebody else may have ended it; the next look shows.
        if (!isFault(fault, "transaction_failed")) throw fault;
        alarms.raise(`finalize ${laneName(key)}`, fault);
      }
      await look();
      await claims.rescue();
    }
  }

  /** @see {@link import("./settlement.ts").Settlement.openLane} */
  open(device: Hex, amount: Amount, window: number): Promise<MinedTransaction> {
    return this.#fundByHand(device, amount, async ({ key, head }) => {
      if (head.deposit > 0n) throw new Fault("usage", `the lane to ${device} is open: top it up`);
      if (WINDOW_SECONDS[window] === undefined)
        throw new Fault("usage", `there is no window class ${window}`);
      const least = await this.#least(key);
      if (amount < least)
        throw new Fault("usage", `a lane needs at least ${least} atomic units, got ${amount}`);
      return window;
    });
  }

  /** @see {@link import("./settlement.ts").Settlement.topUp} */
  topUp(device: Hex, amount: Amount): Promise<MinedTransaction> {
    return this.#fundByHand(device, amount, ({ head }) => {
      if (head.deposit === 0n) throw new Fault("usage", `the lane to ${device} is not open`);
      return head.window;
    });
  }

  /** @see {@link import("./settlement.ts").Settlement.close} */
  async close(device: Hex): Promise<MinedTransaction> {
    const { key, head } = await this.#laneTo(device);
    if (head.deposit === 0n) throw new Fault("usage", `the lane to ${device} is not open`);
    if (head.closeAt !== 0) throw new Fault("lane_closing", `the lane to ${device} is closing already`);
    return this.#close(key);
  }

  /** @see {@link import("./settlement.ts").Settlement.drain} */
  async drain(): Promise<MinedTransaction[]> {
    this.#isDraining = true;
    const { claims, look } = this.#parts;
    await look();
    await claims.settle(true);
    const done: MinedTransaction[] = [];
    for (const { key, head } of this.#own()) {
      if (head.deposit === 0n || head.closeAt !== 0) continue;
      done.push(await this.#close(key));
      await claims.rescue();
    }
    return done;
  }

  /** Tells of payers whose lane is too small to be worth a claim, and of our own if they would be. */
  async checkLeast(): Promise<void> {
    const { market, alarms, seen } = this.#parts;
    const least = await this.#least({ payee: market.gateway });
    for (const { key, counted } of seen().lanes) {
      if (key.payee !== market.gateway || counted.deposit === 0n) continue;
      const name = `least ${laneName(key)}`;
      if (counted.deposit >= least) alarms.clear(name);
      else alarms.raise(name, tooSmall(`the lane of ${key.payer}`, counted.deposit, least));
    }
  }

  async #wanted(): Promise<FundRow[]> {
    const { ledger, market, alarms } = this.#parts;
    if (this.#isDraining) return [];
    const funded = this.#own().filter(({ key }) => ledger.isFunded?.(key.payee) ?? true);
    const lanes = funded.map((lane) => ({
      known: knownLane(ledger, market, lane.key),
      head: headOf(lane),
    }));
    const rows = topUps(lanes, this.#options);
    const opened = rows.find(({ opens }) => opens);
    if (!opened) return rows;
    const { laneDeposit } = this.#options;
    const least = await this.#least(opened);
    if (laneDeposit >= least) {
      alarms.clear("lane_deposit");
      return rows;
    }
    alarms.raise("lane_deposit", tooSmall("lane_deposit", laneDeposit, least));
    return rows.filter(({ opens }) => !opens);
  }

  async #least(lane: { readonly payee: Hex }): Promise<bigint> {
    const { claims, market } = this.#parts;
    const terms = await claims.gasTerms();
    return leastDeposit(lane, { ...terms, gateway: market.gateway }, this.#options.laneMinimum);
  }

  /** What the key may put into lanes: all that is in the vault, or less where an owner has set a limit. */
  async #budget(): Promise<bigint> {
    const { chain, market } = this.#parts;
    const { gateway, token } = market;
    const left = await chain.vaultBalance(gateway, token);
    if ((await chain.ownerOf(gateway)) === null) return left;
    const allowed = await chain.spendAllowance(gateway, token);
    return allowed < left ? allowed : left;
  }

  #own(): SeenLane[] {
    const { market, seen } = this.#parts;
    return seen().lanes.filter(({ key }) => key.payer === market.gateway);
  }

  async #laneTo(device: Hex): Promise<SeenLane> {
    await this.#parts.look();
    const lane = this.#own().find(({ key }) => key.payee === device);
    if (!lane) throw new Fault("usage", `no device ${device} is enrolled`);
    return lane;
  }

  async #fundByHand(
    device: Hex,
    amount: Amount,
    windowOf: (lane: SeenLane) => number | Promise<number>,
  ): Promise<MinedTransaction> {
    const lane = await this.#laneTo(device);
    if (lane.head.closeAt !== 0) throw new Fault("lane_closing", `the lane to ${device} is closing`);
    if (amount === 0n) throw new Fault("usage", "nothing to put into the lane");
    const window = await windowOf(lane);
    const budget = await this.#budget();
    if (amount > budget) throw short(`the lane is to get ${amount} atomic units`, budget);
    this.#passedOver.delete(device);
    const mined = await this.#send([{ payee: device, amount, window }]);
    await this.#parts.look();
    return mined;
  }

  #send(rows: readonly FundRow[]): Promise<MinedTransaction> {
    const { queue, market } = this.#parts;
    return queue.send("fund", fundLanes(market.vault, market.gateway, market.token, rows), rows.length);
  }

  /** The payee gets what it is owed first, so that it needs nobody to watch. */
  async #close(key: LaneKey): Promise<MinedTransaction> {
    const { queue, market, ledger, claims, look } = this.#parts;
    const owed = claimable(ledger.payment).filter((lane) => laneName(lane) === laneName(key));
    await claims.claim(owed);
    const mined = await queue.send("close", requestClose(market.vault, key), 1);
    await look();
    return mined;
  }
}

/**
 * A lane of ours at the newest block, which a single node may have told: where that has less than the block that counts,
 * this one is believed, or a liar could have the vault poured into lanes that are full.
 */
function headOf({ counted, head }: SeenLane): LaneOnChain {
  if (head.epoch !== counted.epoch) return head;
  const deposit = head.deposit > counted.deposit ? head.deposit : counted.deposit;
  const settled = head.settled < counted.settled ? head.settled : counted.settled;
  return { ...head, deposit, settled };
}

function short(what: string, budget: bigint): Fault {
  return new Fault("funds_short", `${what}, the gateway's vault has ${budget} to give`);
}

function tooSmall(what: string, deposit: bigint, least: bigint): Fault {
  const words = `${what} is ${deposit} atomic units, too little for its claims: at today's gas it takes ${least}`;
  return new Fault("funds_short", words);
}
