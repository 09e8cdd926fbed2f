import { expect, it } from "vitest";
import { systemClock } from "../src/base/clock.ts";
import { emptyState } from "../src/exchange/state.ts";
import type { Broker } from "../src/link/broker/broker.ts";
import { Reception } from "../src/reception.ts";
import { BOARD, CART, MARKET } from "./exchange/stage.ts";

it("a device that is on the roster no more hears nothing, though another has its topics by then", async () => {
  const state = emptyState();
  const device = { name: "old", owner: null, manufacturer: "m", serialNumber: "7" };
  for (const { address } of [BOARD, CART]) state.roster.set(address, { ...device, address });
  const enrolled = new Set([BOARD.address]);
  const reception = new Reception({
    ...{ state, market: MARKET, clock: systemClock, decimals: 6, feeBasisPoints: 0 },
    isEnrolled: (address) => enrolled.has(address),
    journalIndex: () => 0,
    onRefused: () => {},
  });
  const said: string[] = [];
  const broker: Broker = {
    port: 0,
    attach: () => {},
    publish: (_to, topic) => said.push(topic),
    sessions: () => [],
    drop: () => {},
    stop: () => Promise.resolve(),
  };
  const courier = { onGet: async () => null, onData: () => null, askAgain: () => {} };
  await reception.open(async () => broker, { heartbeat: { submit: async () => {} }, courier });
  const ack = { topic: "ack", message: { version: 1, id: "c-1", journalIndex: 1 } } as const;
  reception.publish({ to: BOARD.address, ...ack });
  expect(said).toEqual(["ack"]);
  enrolled.delete(BOARD.address);
  enrolled.add(CART.address);
  reception.publish({ to: BOARD.address, ...ack });
  expect(said).toEqual(["ack"]);
  reception.publish({ to: CART.address, ...ack });
  expect(said).toEqual(["ack", "ack"]);
});
