/** The ways in which a device comes by each refusal that a command in the heartbeat can earn. */
import { amount } from "../../src/base/money.ts";
import { offerIdFor } from "../../src/exchange/addressee.ts";
import { OPERATOR } from "../../src/market/roster.ts";
import { OFFER_WAYS } from "./offer-ways.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CART,
  FUEL,
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
import {
  announced,
  awarded,
  awardOf,
  bad,
  NOBODY,
  prepaid,
  running,
  sendBid,
  TASK,
  type Way,
} from "./way.ts";

const FOR_ARM = offerIdFor(ARM.address, START);

export const WAYS: readonly Way[] = [
  ...OFFER_WAYS,
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
  {
    title: "a bid whose whole limit costs one unit too much, rounded up",
    code: "price_over_budget",
    before: async (counter) => {
      const terms = offerTerms("o-1", { fuelLimit: FUEL - 1, maxPrice: amount(999n) });
      await counter.send(
        ROBOT,
        "offer",
        await offer(ROBOT, { ...terms, voucher: await voucherOf(ROBOT, 1_200n) }),
      );
      await counter.tell({ topic: "blobsHere", task: taskOfOffer(ROBOT, terms) });
    },
    command: async ({ send, state }) => {
      const [task = NOBODY] = [...state.market.tasks.keys()];
      await send(BOARD, "bid", await bid(BOARD, "b-9", task, 1_000n));
    },
  },
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
    title: "a bid whose award nobody would pay",
    code: "gateway_stopped",
    ownHint: true,
    before: async (counter) => {
      await announced(counter);
      await counter.tell({ topic: "stopPaying", reason: "a key is lost" });
    },
    command: sendBid(500n),
  },
  {
    title: "a bid on a task that is for another provider alone",
    code: "unknown_task",
    before: async (counter) => {
      const place = { manufacturer: OPERATOR, serialNumber: "test-tasks" };
      await counter.observe([
        { kind: "deviceEnrolled", device: ROBOT.address, owner: null, name: "operator", ...place },
      ]);
      await prepaid(counter, FOR_ARM);
      const [task = NOBODY] = [...counter.state.market.tasks.keys()];
      await counter.tell({ topic: "blobsHere", task });
    },
    command: async ({ send, state }) => {
      const [task = NOBODY] = [...state.market.tasks.keys()];
      await send(BOARD, "bid", await bid(BOARD, "b-9", task, 500n));
    },
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
    title: "a result of more fuel than its award allows",
    code: "fuel_over_limit",
    before: running,
    command: async (counter) => {
      const ran = { verdict: "out-of-fuel" as const, fuel: FUEL + 1 };
      await counter.send(BOARD, "result", await result(BOARD, "r-9", TASK, awardOf(counter), ran));
    },
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
