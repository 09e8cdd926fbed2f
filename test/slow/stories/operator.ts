/**
 * An operator with nothing but the command line, its wallet and a chain that makes a block every few seconds.
 *
 * Deploys, starts, enrols, funds, opens lanes; its devices pay thousands of vouchers and have work done; a
 * reorganization takes the claim in the middle back; it settles and takes its money out. Then everybody's money is
 * counted: in the journal, in the vault, in the token.
 */
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { readConnectionFile } from "../../../devices/robot/connection-file.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount, parseAmount } from "../../../src/base/money.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { Child, type Line, programPath } from "../../../src/operator/demo/crew.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { type Call, type Chain, mined } from "../../../src/settlement/chain.ts";
import { deployPlayMoney } from "../../../src/settlement/deploy.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { type LocalChain, startLocalChain } from "../../../src/settlement/local-chain.ts";
import { mint } from "../../../src/settlement/vault-calls.ts";
import { Program, type Said } from "../../stories/program.ts";
import { expectBooks } from "../exchange/books-laws.ts";
import { Postman } from "./postman.ts";

export type Plan = {
  /** Seconds between blocks. */
  readonly blockTime: number;
  readonly confirmations: number;
  /** Vouchers that one device pays, one by one. */
  readonly vouchers: number;
  /** Tasks that another device has done by a third. */
  readonly tasks: number;
};

/** What a run came to, for whoever wants figures. */
export type Outcome = {
  readonly minutes: number;
  readonly vouchers: number;
  readonly tasks: number;
  readonly claims: number;
  readonly vouchersPerSecond: number;
};

const DEVICES = ["payer", "scout", "arm"] as const;
/** Of the token: what the operator has, and what it puts where. */
const ENDOWED = "1000";
const FUNDED = { gateway: "100", payer: "20", scout: "10" } as const;
const LANES = { payer: "15", arm: "10", scout: "2" } as const;
const DECIMALS = 6;
/** Of one voucher, atomic units. */
const PRICE = 700n;
/** Vouchers on their way at a time. */
const AT_ONCE = 50;
/** A private key that is the payer's, the scout's and the arm's money safe: nobody sends from there. */
const SAFES = { payer: `0x${"51".repeat(20)}`, arm: `0x${"52".repeat(20)}`, gateway: `0x${"53".repeat(20)}` } as const;

const units = (text: string) => parseAmount(text, DECIMALS);

export class Operator {
  readonly #plan: Plan;
  readonly #folder: string;
  readonly #config: string;
  readonly #closing: (() => Promise<unknown>)[] = [];
  #local!: LocalChain;
  #chain!: Chain;
  #market!: Market;
  #gateway!: Program;
  #port = 0;
  /** What the payer has signed so far. */
  #signed = 0n;

  private constructor(folder: string, plan: Plan) {
    this.#folder = folder;
    this.#plan = plan;
    this.#config = join(folder, "gateway.toml");
  }

  static async run(folder: string, plan: Plan): Promise<Outcome> {
    const operator = new Operator(folder, plan);
    try {
      return await operator.#run();
    } finally {
      for (const close of operator.#closing.reverse()) await close();
    }
  }
}
