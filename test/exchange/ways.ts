/** The ways in which a device comes by each refusal that a command in the heartbeat can earn. */
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { RefusalCode } from "../../src/base/refusal.ts";
import type { Counter } from "./counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CART,
  GATEWAY,
  hash32,
  laneSeen,
  offer,
  offerTerms,
  ROBOT,
  result,
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

const TASK = taskOfOffer(ROBOT, offerTerms("o-1"));
const NOBODY: Hex = `0x${"77".repeat(16)}`;

const prepaid = async (counter: Counter, id = "o-1") => {
  const terms = offerTerms(id, { voucher: await voucherOf(ROBOT, id === "o-1" ? 1_200n : 2_400n) });
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
};
const announced = async (counter: Counter) => {
  await prepaid(counter);
  await counter.tell({ topic: "blobsHere", task: TASK });
};
const awarded = async (counter: Counter) => {
  await announced(counter);
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
  counter.clock.set(START + 100);
  await counter.tell({ topic: "due", task: TASK });
};
const awardOf = ({ state }: Counter): Hex => state.market.tasks.get(TASK)?.run?.award ?? hash32(0);
const running = async (counter: Counter) => {
  await awarded(counter);
  await counter.send(BOARD, "accept", await accept(BOARD, "a-1", TASK, awardOf(counter)));
};

const bad = (id: string) => ({ version: 1 as const, id, task: TASK });
const sendOffer = (id: string, change: Parameters<typeof offerTerms>[1]) => async (counter: Counter) =>
  counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms(id, change)));
const sendBid = (price: bigint, expires?: number) => async (counter: Counter) =>
  counter.send(BOARD, "bid", await bid(BOARD, "b-9", TASK, price, expires));
const sendVoucher =
  (cumulative: bigint, change: Parameters<typeof voucherOf>[2] = {}) =>
  async (counter: Counter) => {
    const voucher = await voucherOf(ROBOT, cumulative, change);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-9", voucher });
  };

export const WAYS: readonly Way[] = [
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
    title: "a bid signed for another price",
    code: "bad_signature",
    before: announced,
    command: async ({ send }) =>
      send(BOARD, "bid", { ...(await bid(BOARD, "b-9", TASK, 400n)), price: amount(500n) }),
  },
  {
    title: "a voucher of somebody else",
    code: "bad_signature",
    ownHint: true,
    command: async ({ send }) =>
      send(ROBOT, "voucher", { version: 1, id: "v-9", voucher: await voucherOf(CART, 10n) }),
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
    title: "a bid on a task that nobody announced",
    code: "unknown_task",
    command: async ({ send }) => send(BOARD, "bid", await bid(BOARD, "b-9", NOBODY, 500n)),
  },
  {
    title: "a cancel of no task",
    code: "unknown_task",
    command: ({ send }) => send(ROBOT, "cancel", { ...bad("c-9"), task: NOBODY }),
  },
  {
    title: "a bid by the requester",
    code: "own_task",
    before: announced,
    command: async ({ send }) => send(ROBOT, "bid", await bid(ROBOT, "b-9", TASK, 500n)),
  },
  {
    title: "a bid a millisecond late",
    code: "bid_late",
    before: async (counter) => {
      await announced(counter);
      counter.clock.set(START + 101);
    },
    command: sendBid(500n),
  },
  {
    title: "a bid that ends as the bids are compared",
    code: "bid_expired",
    before: announced,
    command: sendBid(500n, START + 100),
  },
  { title: "a bid above the budget", code: "price_over_budget", before: announced, command: sendBid(1_001n) },
  { title: "a bid for nothing", code: "price_over_budget", before: announced, command: sendBid(0n) },
  {
    title: "a bid that the lane to the provider has no room for",
    code: "hub_capacity",
    before: async (counter) => {
      await announced(counter);
      await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 489n)]);
    },
    command: sendBid(500n),
  },
  {
    title: "a bid on room that a running award holds",
    code: "hub_capacity",
    before: async (counter) => {
      await running(counter);
      await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 979n)]);
      await prepaid(counter, "o-2");
      await counter.tell({ topic: "blobsHere", task: taskOfOffer(ROBOT, offerTerms("o-2")) });
    },
    command: async ({ send }) =>
      send(BOARD, "bid", await bid(BOARD, "b-9", taskOfOffer(ROBOT, offerTerms("o-2")), 500n)),
  },
  {
    title: "a second bid",
    code: "wrong_state",
    ownHint: true,
    before: async (counter) => {
      await announced(counter);
      await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 600n));
    },
    command: sendBid(500n),
  },
  {
    title: "an accept of another award",
    code: "bad_award",
    before: awarded,
    command: async ({ send }) => send(BOARD, "accept", await accept(BOARD, "a-9", TASK, hash32(1))),
  },
  {
    title: "a second accept",
    code: "wrong_state",
    before: running,
    command: async (counter) =>
      counter.send(BOARD, "accept", await accept(BOARD, "a-9", TASK, awardOf(counter))),
  },
  {
    title: "a result before the accept",
    code: "wrong_state",
    before: awarded,
    command: async (counter) =>
      counter.send(BOARD, "result", await result(BOARD, "r-9", TASK, awardOf(counter))),
  },
  {
    title: "a result for another award",
    code: "bad_award",
    before: running,
    command: async ({ send }) => send(BOARD, "result", await result(BOARD, "r-9", TASK, hash32(1))),
  },
  {
    title: "a result by another provider",
    code: "not_yours",
    before: running,
    command: async (counter) => counter.send(ARM, "result", await result(ARM, "r-9", TASK, awardOf(counter))),
  },
  {
    title: "a cancel by somebody else",
    code: "not_yours",
    before: announced,
    command: ({ send }) => send(CART, "cancel", bad("c-9")),
  },
  {
    title: "a cancel of delivered work",
    code: "wrong_state",
    before: async (counter) => {
      await running(counter);
      await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, awardOf(counter)));
    },
    command: ({ send }) => send(ROBOT, "cancel", bad("c-9")),
  },
  {
    title: "a decline after the accept",
    code: "wrong_state",
    before: running,
    command: ({ send }) => send(BOARD, "decline", bad("d-9")),
  },
  {
    title: "a forfeit after the result",
    code: "wrong_state",
    before: async (counter) => {
      await running(counter);
      await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, awardOf(counter)));
    },
    command: ({ send }) => send(BOARD, "forfeit", { ...bad("f-9"), reason: "battery" }),
  },
];
