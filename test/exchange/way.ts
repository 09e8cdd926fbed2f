/** A way in which a device comes by a refusal, and the steps that such ways share. */
import type { Hex } from "../../src/base/bytes.ts";
import type { RefusalCode } from "../../src/base/refusal.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
import type { Counter } from "./counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  hash32,
  manifest,
  type OfferTerms,
  offer,
  offerTerms,
  ROBOT,
  START,
  taskOfOffer,
  voucherOf,
} from "./stage.ts";

export type Way = {
  readonly title: string;
  readonly code: RefusalCode;
  /** Brings the market to where the command is wrong. */
  readonly before?: (counter: Counter) => Promise<void>;
  readonly command: (counter: Counter) => Promise<void>;
  /** The hint is nearer than the code's own. */
  readonly ownHint?: true;
  /** The voucher that the command carries is good, and stays. */
  readonly keeps?: true;
};

export const TASK = taskOfOffer(ROBOT, offerTerms("o-1"));
export const NOBODY: Hex = `0x${"77".repeat(16)}`;

export const prepaid = async (counter: Counter, id = "o-1") => {
  const terms = offerTerms(id, { voucher: await voucherOf(ROBOT, id === "o-1" ? 1_200n : 2_400n) });
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
};
export const announced = async (counter: Counter) => {
  await prepaid(counter);
  await counter.tell({ topic: "blobsHere", task: TASK });
};
export const awarded = async (counter: Counter) => {
  await announced(counter);
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
  counter.clock.set(START + 100);
  await counter.tell({ topic: "due", task: TASK });
};
export const awardOf = ({ state }: Counter): Hex => state.market.tasks.get(TASK)?.run?.award ?? hash32(0);
export const running = async (counter: Counter) => {
  await awarded(counter);
  await counter.send(BOARD, "accept", await accept(BOARD, "a-1", TASK, awardOf(counter)));
};

export const bad = (id: string) => ({ version: 1 as const, id, task: TASK });
export const sendOffer = (id: string, change: Parameters<typeof offerTerms>[1]) => async (counter: Counter) =>
  counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms(id, change)));
export const sendManifest =
  (parts: Parameters<typeof manifest>[1], forged: Partial<Manifest> = {}, change: Partial<OfferTerms> = {}) =>
  async (counter: Counter) => {
    const signed = await manifest(ARM, parts);
    await sendOffer("o-9", { ...change, manifest: { ...signed, ...forged } })(counter);
  };
export const sendBid = (rate: bigint, expires?: number) => async (counter: Counter) =>
  counter.send(BOARD, "bid", await bid(BOARD, "b-9", TASK, rate, expires));
export const sendVoucher =
  (cumulative: bigint, change: Parameters<typeof voucherOf>[2] = {}) =>
  async (counter: Counter) => {
    const voucher = await voucherOf(ROBOT, cumulative, change);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-9", voucher });
  };
