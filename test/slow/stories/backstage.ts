/** What a story does to the chain and to folders behind a whole market's back, and how its books are compared. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { type ConnectionFile, readConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { Robot } from "../../../devices/robot/robot.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { type Amount, amount } from "../../../src/base/money.ts";
import type { Config } from "../../../src/config.ts";
import type { State } from "../../../src/exchange/state.ts";
import { askGateway } from "../../../src/operator/control/client.ts";
import { balanceOf, recoveryOf, totalOf } from "../../../src/payment/books.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { type Call, type Chain, mined } from "../../../src/settlement/chain.ts";
import {
  approve,
  depositLane,
  finalizeClose,
  mint,
  requestCloseWithSig,
} from "../../../src/settlement/vault-calls.ts";
import type { WholeMarket } from "../../stories/whole-market.ts";

/** The first of anvil's keys, known to the whole world: it deployed the play money. */
export const BANK_KEY: Hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const BANK = privateKeyToAccount(BANK_KEY);

/** Play money on the buyer's lane when a story begins, and in the gateway's vault. */
export const LANE_DEPOSIT = 20_000_000n;

/** The challenge window of a lane that `depositLane` opened, seconds, and of the gateway's own in {@link quick}. */
export const DAY = 86_400;
export const HOUR = 3_600;

/** Later than any block of a story, unix seconds. */
export const LATER = 4_000_000_000;

/** Settings for a story: looks at the chain follow each other closely, and no run is checked. */
export function quick(config: Config): void {
  config.chain.poll_ms = 100;
  config.market.check_rate = 0;
  config.settlement.window = "1h";
}

/** The same for a gateway that is a process of its own. */
export function quickFile(file: string): void {
  const text = readFileSync(file, "utf8")
    .replace(/\[\[serial\]\]\n.*\n/, "")
    .replace(/poll_ms = \d+/, "poll_ms = 100");
  writeFileSync(file, `${text}window = "1h"\n\n[market]\ncheck_rate = 0\n`);
}

export class Backstage {
  readonly #market: WholeMarket;
  readonly chain: Chain;

  constructor(market: WholeMarket) {
    this.#market = market;
    this.chain = market.world.chain;
  }

  async rpc(method: string, ...params: readonly unknown[]): Promise<void> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.#market.world.rpc, { method: "POST", headers, body });
    const { error } = (await answer.json()) as { error?: { message: string } };
    if (error) throw new Error(`${method}: ${error.message}`);
  }

  /** The chain's clock jumps. */
  async pass(seconds: number): Promise<void> {
    await this.rpc("evm_increaseTime", seconds);
    await this.rpc("evm_mine");
  }

  /** The bank sends a transaction; it relays what others have signed. */
  async send(call: Call, chain: Chain = this.chain): Promise<void> {
    const { raw, hash } = await chain.prepare(BANK, call);
    await chain.broadcast(raw);
    await mined(chain, hash, systemClock, { withinMs: 20_000, everyMs: 10 });
  }

  /** The bank pays into a lane. */
  async depositLane(payer: Hex, payee: Hex, sum: bigint, chain: Chain = this.chain): Promise<void> {
    const { token } = this.#market.world;
    await this.mint(sum, chain);
    await this.send(depositLane(chain.vault, { payer, payee, token }, amount(sum)), chain);
  }

  /** Money for the bank, which a vault may take. */
  async mint(sum: bigint, chain: Chain = this.chain): Promise<void> {
    const { token } = this.#market.world;
    await this.send(mint(token, lower(BANK.address), amount(sum)), chain);
    // USDT wants the old allowance at zero first, and the vault takes all that it is given
    await this.send(approve(chain.vault, token, amount(sum)), chain);
  }

  /** The robot wants out, and the bank carries its order to the vault. */
  async requestClose(robot: Robot): Promise<void> {
    const { signature, deadline, nonce, fee, ...what } = await robot.exitOrder(LATER);
    await this.send(requestCloseWithSig(this.chain.vault, what, { deadline, nonce, fee, signature }));
  }

  finalizeClose(payer: Hex, payee: Hex): Promise<void> {
    const { token } = this.#market.world;
    return this.send(finalizeClose(this.chain.vault, { payer, payee, token }));
  }

  /** A lane as the newest block has it. */
  async lane(payer: Hex, payee: Hex) {
    const { token } = this.#market.world;
    const { lanes } = await this.chain.lanes([{ payer, payee, token }], "head");
    const [lane] = lanes;
    if (!lane) throw new Error("asked for one lane and got none");
    return lane;
  }

  vaultOf(account: Hex, chain: Chain = this.chain): Promise<Amount> {
    return chain.vaultBalance(account, this.#market.world.token);
  }

  addressOf(name: string): Hex {
    return this.#device(name).address;
  }

  connectionFile(name: string): Promise<ConnectionFile> {
    return readConnectionFile(this.#device(name).connectionFile);
  }

  #device(name: string) {
    const device = this.#market.world.devices.find((one) => one.name === name);
    if (!device) throw new Error(`no device ${name}`);
    return device;
  }

  /** A folder that is gone after the story. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-story-"));
    this.#market.adopt(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
    return folder;
  }
}

/** Asks a gateway through its control socket. */
export async function ask(folder: string, verb: string, what: object = {}) {
  const answer = await askGateway(folder, { do: verb, ...what });
  if (!answer) throw new Error(`no gateway runs in ${folder}`);
  return answer;
}

/** Nothing has been made or lost in the books. */
export function expectConserved({ payment: { books } }: State): void {
  const has = totalOf(books, "in") + totalOf(books, "owed") + recoveryOf(books);
  const owes = totalOf(books, "out") + totalOf(books, "credit") + totalOf(books, "held");
  expect(has).toBe(owes + balanceOf(books, "fee"));
}

/** Once all is claimed: what each device has paid in and was paid stands on the chain, over all lives of its lanes. */
export async function expectChainAgrees(
  state: State,
  { gateway, token }: Market,
  chain: Chain,
): Promise<void> {
  expectConserved(state);
  const { books } = state.payment;
  for (const { address, name } of state.roster.values()) {
    const ours = { in: balanceOf(books, `in:${address}`), out: balanceOf(books, `out:${address}`) };
    const theirs = {
      in: await settledOf(chain, { payer: address, payee: gateway, token }),
      out: await settledOf(chain, { payer: gateway, payee: address, token }),
    };
    expect({ name, ...theirs }).toEqual({ name, ...ours });
  }
}

async function settledOf(chain: Chain, key: { payer: Hex; payee: Hex; token: Hex }): Promise<bigint> {
  const ends = await chain.laneEnds(key, 0n);
  const { lanes } = await chain.lanes([key], "head");
  return ends.reduce((sum, { settled }) => sum + settled, lanes[0]?.settled ?? 0n);
}

function lower(address: string): Hex {
  return address.toLowerCase() as Hex;
}

/** The highest voucher that a robot has of its gateway, over all epochs. */
export function received(robot: Robot): bigint {
  return robot.wallet.received.reduce((sum, { cumulative }) => sum + cumulative, 0n);
}
