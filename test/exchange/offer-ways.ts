/** Refusals of what cannot be read, of offers, and of vouchers and payouts. */
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { Obstacle } from "../../src/exchange/state.ts";
import type { Counter } from "./counter.ts";
import {
  BOARD,
  bid,
  CART,
  FUEL,
  GATEWAY,
  hash32,
  laneSeen,
  METER,
  offer,
  offerTerms,
  ROBOT,
  START,
  voucherOf,
} from "./stage.ts";
import { announced, prepaid, sendManifest, sendOffer, sendVoucher, TASK, type Way } from "./way.ts";

const hindered = (by: Obstacle) => async (counter: Counter) => counter.hinder(by);

export const OFFER_WAYS: readonly Way[] = [
  {
    title: "more bytes than the topic allows",
    code: "too_large",
    command: ({ sendBytes }) => sendBytes(ROBOT, "cancel", new Uint8Array(4_097)),
  },
  { title: "no JSON", code: "bad_json", command: ({ sendBytes }) => sendBytes(ROBOT, "cancel", "{") },
  {
    title: "JSON that is not UTF-8",
    code: "bad_json",
    command: ({ sendBytes }) => sendBytes(ROBOT, "cancel", Uint8Array.of(0x22, 0xff, 0x22)),
  },
  {
    title: "another object",
    code: "bad_schema",
    command: ({ sendBytes }) => sendBytes(ROBOT, "cancel", '{"version":1,"id":"c-9"}'),
  },
  {
    title: "an offer signed by somebody else",
    code: "bad_signature",
    command: async ({ send }) => send(ROBOT, "offer", await offer(CART, offerTerms("o-9"))),
  },
  {
    title: "a bid signed for another rate",
    code: "bad_signature",
    before: announced,
    command: async ({ send }) =>
      send(BOARD, "bid", { ...(await bid(BOARD, "b-9", TASK, 400n)), rate: amount(500n) }),
  },
  {
    title: "a voucher of somebody else",
    code: "bad_signature",
    ownHint: true,
    command: async ({ send }) =>
      send(ROBOT, "voucher", { version: 1, id: "v-9", voucher: await voucherOf(CART, 10n) }),
  },
  {
    title: "an offer while the gateway's disk is nearly full",
    code: "disk_full",
    before: hindered("disk_full"),
    command: sendOffer("o-9", {}),
  },
  {
    title: "an offer while nobody knows the time, whatever its deadline",
    code: "clock_unsynchronized",
    before: hindered("clock_unsynchronized"),
    command: sendOffer("o-9", { deadline: instant(START - 1) }),
  },
  {
    title: "an offer after the gateway's clock was set, whose voucher is good",
    code: "clock_unsynchronized",
    before: hindered("clock_jumped"),
    command: (counter) => prepaid(counter, "o-9"),
    keeps: true,
  },
  {
    title: "an id that was another command's",
    code: "id_reused",
    before: prepaid,
    command: sendOffer("o-1", { deadline: instant(START + 50_000) }),
  },
  {
    title: "an id that was another command's, and a good voucher",
    code: "id_reused",
    before: prepaid,
    command: async ({ send }) => {
      const terms = offerTerms("o-1", { voucher: await voucherOf(ROBOT, 3_000n) });
      await send(ROBOT, "offer", await offer(ROBOT, terms));
    },
    keeps: true,
  },
  {
    title: "an offer signed by somebody else, and a good voucher",
    code: "bad_signature",
    command: async ({ send }) => {
      const terms = offerTerms("o-9", { voucher: await voucherOf(ROBOT, 3_000n) });
      await send(ROBOT, "offer", await offer(CART, terms));
    },
    keeps: true,
  },
  {
    title: "a price that the fee would eat",
    code: "price_too_low",
    command: sendOffer("o-9", { maxPrice: amount(0n) }),
  },
  {
    title: "a deadline before the bids are in",
    code: "offer_expired",
    command: sendOffer("o-9", { deadline: instant(START + 100) }),
  },
  {
    title: "a deadline in two days",
    code: "deadline_too_far",
    command: sendOffer("o-9", { deadline: instant(START + 172_800_000) }),
  },
  {
    title: "a fourth open task where three may be",
    code: "too_many",
    ownHint: true,
    before: async (counter) => {
      await counter.send(ROBOT, "voucher", {
        version: 1,
        id: "v-1",
        voucher: await voucherOf(ROBOT, 5_000n),
      });
      for (const id of ["o-2", "o-3", "o-4"]) await sendOffer(id, {})(counter);
    },
    command: sendOffer("o-9", {}),
  },
  { title: "an offer without money", code: "credit_short", command: sendOffer("o-9", {}) },
  {
    title: "an offer of more than there can be",
    code: "credit_short",
    command: sendOffer("o-9", { maxPrice: amount(2n ** 96n - 1n), checkBudget: amount(2n ** 96n - 1n) }),
  },
  {
    title: "an offer whose good voucher is too little",
    code: "credit_short",
    keeps: true,
    command: async (counter) => sendOffer("o-9", { voucher: await voucherOf(ROBOT, 1_199n) })(counter),
  },
  {
    title: "an expired offer with a good voucher",
    code: "offer_expired",
    keeps: true,
    command: async (counter) =>
      sendOffer("o-9", { voucher: await voucherOf(ROBOT, 1_200n), deadline: instant(START) })(counter),
  },
  {
    title: "a lane that is closing",
    code: "lane_closing",
    before: ({ observe }) =>
      observe([laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { closeAt: 1_900_000_000 })]),
    command: sendOffer("o-9", {}),
  },
  {
    title: "an offer on credit that an old voucher does not raise",
    code: "voucher_stale",
    before: prepaid,
    command: async (counter) => sendOffer("o-9", { voucher: await voucherOf(ROBOT, 1_200n) })(counter),
  },
  { title: "a voucher over the deposit", code: "voucher_over_deposit", command: sendVoucher(10_001n) },
  {
    title: "a voucher of another epoch",
    code: "voucher_wrong_epoch",
    command: sendVoucher(10n, { epoch: 1 }),
  },
  {
    title: "a voucher for somebody else",
    code: "voucher_wrong_payee",
    command: sendVoucher(10n, { payee: CART.address }),
  },
  {
    title: "a voucher in another token",
    code: "voucher_wrong_token",
    command: sendVoucher(10n, { token: CART.address }),
  },
  {
    title: "a voucher of another vault",
    code: "voucher_wrong_vault",
    command: sendVoucher(10n, { vault: CART.address }),
  },
  {
    title: "a voucher of another chain",
    code: "voucher_wrong_chain",
    command: sendVoucher(10n, { chainId: 1 }),
  },
  {
    title: "a voucher in the last moments of a closing lane",
    code: "lane_closing",
    before: ({ observe }) =>
      observe([
        laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { closeAt: Math.floor(START / 1_000) + 1 }),
      ]),
    command: sendVoucher(10n),
  },
  {
    title: "a voucher on a lane that could be gone in an hour",
    code: "window_short",
    before: ({ observe }) => observe([laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { window: 0 })]),
    command: sendVoucher(10n),
  },
  {
    title: "a voucher of the gateway's that it has not signed",
    code: "bad_signature",
    ownHint: true,
    command: async (counter) => {
      const voucher = await voucherOf(BOARD, 10n, { payee: BOARD.address });
      await counter.send(BOARD, "voucher", { version: 1, id: "v-9", voucher });
    },
  },
  {
    title: "an offer to a gateway that is stopped",
    code: "gateway_stopped",
    before: ({ tell }) => tell({ topic: "halt", reason: "maintenance" }),
    command: async (counter) => sendOffer("o-9", { voucher: await voucherOf(ROBOT, 1_200n) })(counter),
    keeps: true,
  },
  {
    title: "an offer to a gateway that pays nothing",
    code: "gateway_stopped",
    before: ({ tell }) => tell({ topic: "stopPaying", reason: "a key is lost" }),
    command: async (counter) => sendOffer("o-9", { voucher: await voucherOf(ROBOT, 1_200n) })(counter),
    keeps: true,
  },
  {
    title: "a payout by a gateway that pays nothing",
    code: "gateway_stopped",
    ownHint: true,
    before: ({ tell }) => tell({ topic: "stopPaying", reason: "a key is lost" }),
    command: ({ send }) => send(ROBOT, "payout", { version: 1, id: "p-9" }),
  },
  {
    title: "a payout of nothing",
    code: "no_credit",
    command: ({ send }) => send(ROBOT, "payout", { version: 1, id: "p-9" }),
  },
  {
    title: "a payout that the lane back has no room for",
    code: "hub_capacity",
    before: async (counter) => {
      await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 10n) });
      await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 0n)]);
    },
    command: ({ send }) => send(ROBOT, "payout", { version: 1, id: "p-9" }),
  },
  {
    title: "an offer on result by a newcomer",
    code: "exposure_limit",
    command: sendOffer("o-9", { payment: "result" }),
  },
  {
    title: "an offer to be counted by another meter",
    code: "meter_unknown",
    command: sendOffer("o-9", { meter: METER.meter + 1 }),
  },
  {
    title: "an offer to be counted by another cost table",
    code: "meter_unknown",
    command: sendOffer("o-9", { costs: hash32(0xc1) }),
  },
  {
    title: "an offer of more fuel than the operator allows",
    code: "fuel_limit_high",
    command: sendOffer("o-9", { fuelLimit: FUEL + 1 }),
  },
  {
    title: "a manifest of other firmware",
    code: "bad_manifest",
    command: sendManifest({ firmware: hash32(0xf2) }),
  },
  {
    title: "a manifest for another profile",
    code: "bad_manifest",
    command: sendManifest({ profile: "wasi-stdio/1" }),
  },
  { title: "a manifest for more memory", code: "bad_manifest", command: sendManifest({ memoryMiB: 16 }) },
  {
    title: "a manifest that its author has not signed",
    code: "bad_manifest",
    ownHint: true,
    command: sendManifest({}, { author: CART.address }),
  },
  {
    title: "a manifest that its author has not signed, and a good voucher",
    code: "bad_manifest",
    keeps: true,
    command: async (counter) => {
      const voucher = await voucherOf(ROBOT, 1_200n);
      await sendManifest({}, { name: "another" }, { voucher })(counter);
    },
  },
];
