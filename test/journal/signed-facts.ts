/** Facts of one small market, each with the real signature of whoever has to sign it. */
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { Draft } from "../../src/journal/journal.ts";
import type { Fact, Leg, Posting } from "../../src/protocol/facts.ts";
import type { RunVerdict } from "../../src/protocol/fuel.ts";
import { type Manifest, signManifest } from "../../src/protocol/manifest.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import {
  acceptDigest,
  awardDigest,
  bidDigest,
  type Market,
  offerDigest,
  resultDigest,
  taskIdOf,
} from "../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../src/protocol/voucher.ts";

export const bytes32 = (fill: number): Hex => toHex(new Uint8Array(32).fill(fill));

export const gateway = keySigner(new Uint8Array(32).fill(1));
export const ROBOT = keySigner(new Uint8Array(32).fill(2));
export const BOARD = keySigner(new Uint8Array(32).fill(3));
export const CHECKER = keySigner(new Uint8Array(32).fill(4));

export const MARKET: Market = {
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
  gateway: gateway.address,
};

/** 2026-11-22T10:00:00Z; each record is one second after the one before it. */
export const START = Date.UTC(2026, 10, 22, 10);

const FIRMWARE = bytes32(0xf1);
const INPUT = bytes32(0x17);
export const OUTPUT = bytes32(0x07);

/** How each run is bounded and metered: all of the limit is burnt, so that it costs what its rate says. */
export const FUEL = 10 ** 12;
const METER = { meter: 1, costs: bytes32(0xc0) };
const TERMS = { profile: "task/1", memoryMiB: 1, fuelLimit: FUEL, ...METER } as const;

export function draftOf(facts: readonly Fact[], at = START, by: Hex | null = null): Draft {
  return { at, cause: { by, topic: "test", id: "1", digest: "", refused: null }, facts };
}

export async function voucher(payer: Signer, payee: Hex, cumulative: bigint): Promise<Voucher> {
  const { chainId, vault, token } = MARKET;
  const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(cumulative) };
  return { ...unsigned, signature: await payer.sign(voucherDigest(unsigned)) };
}

export const move = (debit: Posting["account"], credit: Posting["account"], sum: bigint): Posting[] => [
  { account: debit, change: sum },
  { account: credit, change: -sum },
];

export async function voucherFact(cumulative: bigint, gain: bigint): Promise<Fact> {
  return {
    kind: "voucherReceived",
    payer: ROBOT.address,
    amount: amount(gain),
    voucher: await voucher(ROBOT, gateway.address, cumulative),
    postings: move(`in:${ROBOT.address}`, `credit:${ROBOT.address}`, gain),
  };
}

export const started: Fact = {
  kind: "gatewayStarted",
  gateway: gateway.address,
  chainId: MARKET.chainId,
  vault: MARKET.vault,
  token: MARKET.token,
  decimals: 6,
  feeBasisPoints: 100,
};

export function enrolled(device: Hex, name: string, serialNumber: string): Fact {
  return { kind: "deviceEnrolled", device, owner: null, name, manufacturer: "acme", serialNumber };
}

export function lane(payer: Hex, payee: Hex, settled: bigint) {
  const deposit = amount(5_000_000n);
  const state = { epoch: 0, deposit, settled: amount(settled), closeAt: 0, window: 1 };
  return { payer, payee, token: MARKET.token, ...state };
}

export async function offerFact(
  id: string,
  maxPrice: bigint,
  checkBudget: bigint,
  payment: "prepaid" | "result" = "prepaid",
  manifest: Manifest | null = null,
) {
  const terms = {
    id,
    firmware: FIRMWARE,
    firmwareBytes: 1_024,
    input: INPUT,
    inputBytes: 64,
    maxPrice: amount(maxPrice),
    checkBudget: amount(checkBudget),
    deadline: instant(START + 60_000),
    payment,
    ...TERMS,
  };
  const requester = ROBOT.address;
  const digest = offerDigest(MARKET, requester, terms);
  const held = move(`credit:${requester}`, `held:${requester}`, maxPrice + checkBudget);
  const postings = payment === "prepaid" ? held : [];
  return {
    kind: "offered" as const,
    task: taskIdOf(digest),
    requester,
    ...terms,
    manifest,
    signature: await ROBOT.sign(digest),
    postings,
  };
}

export function manifestOf(): Promise<Manifest> {
  const words = { name: "path-plan", version: "1.0.0", licence: "Apache-2.0" };
  return signManifest(CHECKER, { firmware: FIRMWARE, ...words, profile: "task/1", memoryMiB: 1 });
}

export async function bidFact(task: Hex, provider: Signer, rate: bigint): Promise<Fact> {
  const bid = { task, rate: amount(rate), expires: instant(START + 30_000) };
  const signature = await provider.sign(bidDigest(MARKET, bid));
  return { kind: "bidPlaced", provider: provider.address, id: `bid-${rate}`, ...bid, signature };
}

export async function awardFact(
  task: Hex,
  role: "run" | "check",
  provider: Hex,
  rate: bigint,
  feeBasisPoints: number,
) {
  const award = {
    task,
    role,
    provider,
    rate: amount(rate),
    feeBasisPoints,
    acceptBy: instant(START + 10_000),
    runBy: instant(START + 40_000),
  };
  const digest = awardDigest(MARKET, {
    ...award,
    ...TERMS,
    requester: ROBOT.address,
    firmware: FIRMWARE,
    input: INPUT,
  });
  const signature = await gateway.sign(digest);
  return { kind: "awarded" as const, ...award, award: digest, signature };
}

export async function acceptFact(
  task: Hex,
  role: "run" | "check",
  provider: Signer,
  award: Hex,
): Promise<Fact> {
  const signature = await provider.sign(acceptDigest(MARKET, award));
  return { kind: "accepted", task, role, provider: provider.address, award, signature };
}

type Ran = { readonly verdict: RunVerdict; readonly output: Hex | null; readonly outputBytes: number };

const WELL: Ran = { verdict: "ok", output: OUTPUT, outputBytes: 32 };
/** It never came to an end: all of its limit is billed. */
export const ENDLESS: Ran = { verdict: "out-of-fuel", output: null, outputBytes: 0 };

export async function deliverFact(
  task: Hex,
  role: "run" | "check",
  provider: Signer,
  award: Hex,
  ran: Ran = WELL,
): Promise<Fact> {
  const result = { award, ...ran, fuel: FUEL };
  const signature = await provider.sign(resultDigest(MARKET, result));
  return { kind: "delivered", task, role, provider: provider.address, ...result, signature };
}

export async function leg(payee: Hex, role: "run" | "check", gain: bigint, cumulative: bigint): Promise<Leg> {
  return { payee, role, amount: amount(gain), voucher: await voucher(gateway, payee, cumulative) };
}

/** What a receipt says of the run besides its price. */
export const workAt = (rate: bigint, { verdict, output }: Ran = WELL) => ({
  ...{ firmware: FIRMWARE, input: INPUT, verdict, output },
  ...{ ...METER, fuel: FUEL, rate: amount(rate) },
});
