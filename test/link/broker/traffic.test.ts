import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import type { Session } from "../../../src/link/broker/broker.ts";
import { isLive, SILENT_MS, Traffic } from "../../../src/link/broker/traffic.ts";

const deviceOf = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;
const ROBOT = deviceOf(1);

function sessionOf(device: Hex, change: Partial<Session> = {}): Session {
  const name = { manufacturer: "acme", serialNumber: device };
  const who = { id: `${device}-main`, device, name, slot: "main", nonce: `0x${"00".repeat(32)}` as const };
  return { ...who, way: "listener", origin: "192.0.2.7", since: instant(1_000), ...change };
}

function openTraffic() {
  let at = 1_000;
  const traffic = new Traffic({ now: () => instant(at) });
  const pass = (ms: number) => {
    at += ms;
  };
  return { traffic, pass, now: () => at };
}

describe("the traffic of devices", () => {
  it("knows nothing of a device before it is heard of, and counts what it says and hears from then on", () => {
    const { traffic, pass } = openTraffic();
    expect(traffic.of(ROBOT)).toBeNull();
    expect(traffic.messages(ROBOT)).toEqual([]);
    expect(traffic.said(ROBOT, "ack", 9, null)).toBe(false);
    traffic.began(sessionOf(ROBOT));
    pass(10);
    traffic.heard(ROBOT, "offer", 300);
    traffic.refused(ROBOT, "offer", "credit_short");
    pass(10);
    expect(traffic.said(ROBOT, "refusal", 90, "credit_short")).toBe(true);
    expect(traffic.of(ROBOT)).toMatchObject({
      ...{ link: "mqtt", origin: "192.0.2.7", sessionSince: 1_000, goneAt: null, heardAt: 1_010 },
      ...{ messagesIn: 1, messagesOut: 1, sessions: 1, isWatched: true },
    });
    expect([...(traffic.of(ROBOT)?.refused ?? [])]).toEqual([["credit_short", 1]]);
    expect(traffic.messages(ROBOT)).toEqual([
      { at: 1_020, direction: "out", topic: "refusal", bytes: 90, refused: "credit_short" },
      { at: 1_010, direction: "in", topic: "offer", bytes: 300, refused: "credit_short" },
    ]);
  });

  it("marks the newest message of a topic that was not refused before, and no other", () => {
    const { traffic } = openTraffic();
    traffic.began(sessionOf(ROBOT));
    for (const topic of ["bid", "offer", "bid"]) traffic.heard(ROBOT, topic, 1);
    traffic.refused(ROBOT, "bid", "bid_late");
    traffic.refused(ROBOT, "hirewire/v1/acme/x/bid", "wrong_topic");
    expect(traffic.messages(ROBOT).map(({ refused }) => refused)).toEqual(["bid_late", null, null]);
    traffic.refused(ROBOT, "bid", "bid_expired");
    expect(traffic.messages(ROBOT).map(({ refused }) => refused)).toEqual(["bid_late", null, "bid_expired"]);
    expect(traffic.of(ROBOT)?.refused.size).toBe(3);
  });

  it("tells of the session that is left, and when the last one ended", () => {
    const { traffic, pass } = openTraffic();
    const [net, wire] = [
      sessionOf(ROBOT, { id: "a" }),
      sessionOf(ROBOT, { id: "b", way: "wire", origin: "/dev/ttyACM0", since: instant(2_000) }),
    ];
    traffic.began(net);
    traffic.began(wire);
    expect(traffic.of(ROBOT)).toMatchObject({ link: "serial", origin: "/dev/ttyACM0", sessionSince: 1_000 });
    traffic.ended(net);
    traffic.ended(net);
    expect(traffic.of(ROBOT)).toMatchObject({ link: "serial", sessionSince: 2_000, goneAt: null });
    pass(5);
    traffic.ended(wire);
    expect(traffic.of(ROBOT)).toMatchObject({
      ...{ link: "serial", origin: "/dev/ttyACM0", sessionSince: null, goneAt: 1_005, sessions: 2 },
    });
    traffic.began(net);
    expect(traffic.of(ROBOT)).toMatchObject({ link: "mqtt", goneAt: null, sessions: 3 });
  });

  it("counts a device as live while it is in session and heard of, if only by pings", () => {
    const { traffic, pass, now } = openTraffic();
    const isIn = () => isLive(traffic.of(ROBOT), now());
    expect(isIn()).toBe(false);
    traffic.began(sessionOf(ROBOT));
    pass(SILENT_MS);
    expect(isIn()).toBe(true);
    pass(1);
    expect(isIn()).toBe(false);
    traffic.alive(ROBOT);
    expect(isIn()).toBe(true);
    traffic.ended(sessionOf(ROBOT));
    expect(isIn()).toBe(false);
    // whose pings another broker keeps to itself is there as long as that broker does not say otherwise
    traffic.began(sessionOf(ROBOT, { way: "elsewhere", origin: "mqtts://broker.example" }));
    pass(100 * SILENT_MS);
    expect(isIn()).toBe(true);
  });

  it("keeps 20 messages of a device, and messages of 1,000 devices: of those that were busy last", () => {
    const { traffic } = openTraffic();
    for (let number = 0; number < 1_001; number++) {
      traffic.began(sessionOf(deviceOf(number)));
      for (let count = 0; count < 30; count++) traffic.heard(deviceOf(number), "bid", count);
      // the first one goes on
      traffic.said(deviceOf(0), "ack", number, null);
    }
    expect(traffic.messages(deviceOf(1_000)).map(({ bytes }) => bytes)).toEqual(
      Array.from({ length: 20 }, (_, index) => 29 - index),
    );
    expect(traffic.messages(deviceOf(0))).toHaveLength(20);
    expect(traffic.messages(deviceOf(1))).toEqual([]);
    expect(traffic.messages(deviceOf(2))).toHaveLength(20);
    expect(traffic.of(deviceOf(1))?.messagesIn).toBe(30);
  });
});
