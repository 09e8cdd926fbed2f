/** A small market with real keys: who is on it, and the signed commands that each can send. */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { DEFAULT_RULES, type MarketRules } from "../../src/market/rules.ts";
import type { Limits } from "../../src/payment/standing.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import type { Outcome } from "../../src/protocol/fuel.ts";
import { type Manifest, signManifest } from "../../src/protocol/manifest.ts";
import type { Message } from "../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import {
  acceptDigest,
  bidDigest,
  type Market,
  offerDigest,
  resultDigest,
  taskIdOf,
} from "../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../src/protocol/voucher.ts";

const signer = (fill: number) => keySigner(new Uint8Array(32).fill(fill));

export const GATEWAY = signer(1);
/** They buy. */
export const ROBOT = signer(2);
export const CART = signer(3);
/** They work. */
export const BOARD = signer(4);
export const ARM = signer(5);
export const CAMERA = signer(6);

export const MARKET: Market = {
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
  gateway: GATEWAY.address,
};

export const hash32 = (fill: number): Hex => `0x${fill.toString(16).padStart(2, "0").repeat(32)}`;

/** As much as a rate is the price of, and the limit of every offer: a run that burns it all costs what its rate says. */
export const FUEL = 10 ** 12;

/** What counts the fuel of this market. */
export const METER = { meter: 7, costs: hash32(0xc0) };

export const RULES: MarketRules = {
  ...DEFAULT_RULES,
  bidWindowMs: 100,
  acceptMs: 1_000,
  runMs: 30_000,
  inputMs: 10_000,
  checkRate: 0.25,
  feeBasisPoints: 200,
  maxOpen: 3,
  maxFuel: FUEL,
  meter: { version: METER.meter, costs: METER.costs },
};

/** 2026-11-22T10:00:00Z */
export const START: Instant = instant(Date.UTC(2026, 10, 22, 10));

/** No limit that a test does not set. */
export const LIMITS: Limits = {
  onResult: amount(0n),
  credit: amount(1_000_000n),
  devicePerDay: () => null,
  ownerPerDay: null,
  leastWindow: 1,
  closeMarginMs: 1_000,
  invoiceMs: 60_000,
};

export const SALT: Hex = `0x${"5a".repeat(32)}`;

type LaneChange = {
  readonly epoch?: number;
  readonly settled?: bigint;
  readonly closeAt?: number;
  readonly window?: number;
};

export function laneSeen(payer: Hex, payee: Hex, deposit: bigint, change: LaneChange = {}): Fact {
  const { epoch = 0, settled = 0n, closeAt = 0, window = 1 } = change;
  const lane = { payer, payee, token: MARKET.token, deposit: amount(deposit), settled: amount(settled) };
  return { kind: "laneObserved", ...lane, epoch, closeAt, window, block: 1 };
}

/** A funded lane both ways for each device. */
export function funded(devices: readonly Signer[], deposit: bigint): Fact[] {
  return devices.flatMap(({ address }) => [
    laneSeen(address, GATEWAY.address, deposit),
    laneSeen(GATEWAY.address, address, deposit),
  ]);
}

export async function voucherOf(
  payer: Signer,
  cumulative: bigint,
  change: Partial<Voucher> = {},
): Promise<Voucher> {
  const { address: payee } = GATEWAY;
  const { chainId, vault, token } = MARKET;
  const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(cumulative), ...change };
  return { ...unsigned, signature: await payer.sign(voucherDigest(unsigned)) };
}

export type OfferTerms = Omit<Message<"offer">, "version" | "signature">;

/** An offer of 1000 + 200 units for at most {@link FUEL}, that is due in a minute. */
export function offerTerms(id: string, change: Partial<OfferTerms> = {}): OfferTerms {
  return {
    id,
    firmware: hash32(0xf1),
    firmwareBytes: 100,
    input: hash32(0x17),
    inputBytes: 10,
    maxPrice: amount(1_000n),
    checkBudget: amount(200n),
    deadline: instant(START + 60_000),
    payment: "prepaid",
    profile: "task/1",
    memoryMiB: 1,
    fuelLimit: FUEL,
    ...METER,
    ...change,
  };
}

export async function offer(requester: Signer, terms: OfferTerms): Promise<Message<"offer">> {
  return {
    version: 1,
    ...terms,
    signature: await requester.sign(offerDigest(MARKET, requester.address, terms)),
  };
}

/** A manifest of the firmware that {@link offerTerms} names. */
export function manifest(author: Signer, change: Partial<Manifest> = {}): Promise<Manifest> {
  const words = { name: "path-plan", version: "1.0.0", licence: "Apache-2.0" };
  const parts = { firmware: hash32(0xf1), ...words, profile: "task/1", memoryMiB: 1 } as const;
  return signManifest(author, { ...parts, ...change });
}

export function taskOfOffer(requester: Signer, terms: OfferTerms): Hex {
  return taskIdOf(offerDigest(MARKET, requester.address, terms));
}

export async function bid(
  provider: Signer,
  id: string,
  task: Hex,
  rate: bigint,
  expires: number = START + 30_000,
): Promise<Message<"bid">> {
  const terms = { task, rate: amount(rate), expires: instant(expires) };
  return { version: 1, id, ...terms, signature: await provider.sign(bidDigest(MARKET, terms)) };
}

export async function accept(
  provider: Signer,
  id: string,
  task: Hex,
  award: Hex,
): Promise<Message<"accept">> {
  return { version: 1, id, task, award, signature: await provider.sign(acceptDigest(MARKET, award)) };
}

/** The outcome of a run that burns all of {@link FUEL}, but for what is told otherwise. */
export function outcome({
  verdict = "ok",
  output = hash32(0x07),
  fuel = FUEL,
}: Partial<Outcome> = {}): Outcome {
  return { verdict, output: verdict === "ok" ? output : null, fuel };
}

export async function result(
  provider: Signer,
  id: string,
  task: Hex,
  award: Hex,
  ran: Partial<Outcome> = {},
): Promise<Message<"result">> {
  const did = outcome(ran);
  const terms = { award, ...did, outputBytes: did.output === null ? 0 : 8 };
  const signature = await provider.sign(resultDigest(MARKET, terms));
  return { version: 1, id, task, ...terms, signature };
}
