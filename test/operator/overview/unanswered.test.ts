import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import type { AlertRow } from "../../../src/operator/api/alert.ts";
import { statusText } from "../../../src/operator/overview/status-text.ts";
import { ARM, BOARD, ROBOT, START } from "../../exchange/stage.ts";
import { type Member, openStand, viewerOf, WHOLE } from "./stand.ts";

const OWNER: Hex = `0x${"4e".repeat(20)}`;

const members: readonly Member[] = [
  { signer: ROBOT, name: "robot-1", owner: OWNER, origin: "192.0.2.1" },
  { signer: BOARD, name: "board-3", owner: OWNER, origin: "/dev/ttyACM0" },
  { signer: ARM, name: "arm", owner: null, origin: null },
];

const ALERT: AlertRow = {
  ...{ id: "halted", rule: "halted", severity: "warning", what: "no new offers are taken", since: START },
  ...{ costs: "nothing new is earned", mend: "hirewire resume", facts: {}, remedy: null },
};

/** Everything that waits for nothing but its turn has had it. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the first screen, while the settlement log does not answer", () => {
  it("shows what is in memory when the settlement log fails, and tells the same fault once", async () => {
    const faults: unknown[] = [];
    const dead = () => Promise.reject(new Fault("executor_died", "the views' thread has ended"));
    const stand = await openStand(members, new Map([[BOARD.address, { earned: 784n, spent: 0n }]]), {
      onFault: (fault) => faults.push(fault),
      alerts: () => [ALERT],
    });
    Object.assign(stand.parts.views, { sums: dead, perDevice: dead });
    await stand.trade(ROBOT, BOARD, "one");
    const seen = await stand.ask("overview");
    expect(seen).toMatchObject({
      ...{ log: null, fees: null, chart: [], alerts: [ALERT], period: { to: seen.at + 1 } },
      earned: { amount: null, before: null, tasks: null },
      spent: { amount: null, tasks: null },
      unsettled: { incoming: "0.001200" },
      tasks: { open: 1 },
    });
    // no device has earned nothing: nobody knows
    expect(seen.devices.rows.map(({ name, earned, spent }) => [name, earned, spent])).toEqual([
      ["arm", null, null],
      ["board-3", null, null],
      ["robot-1", null, null],
    ]);
    expect(statusText(seen)).toMatch(/Earned today +not known yet/);
    await stand.ask("overview", viewerOf(OWNER));
    expect(faults).toHaveLength(1);
  });

  it("waits two seconds for a settlement log that is busy, and asks it once", async () => {
    let asked = 0;
    const answer = Promise.withResolvers<never>();
    let now: number = START;
    const timers: (() => void)[] = [];
    const after = (ms: number, run: () => void) => {
      expect(ms).toBe(2_000);
      timers.push(run);
      return () => undefined;
    };
    const stand = await openStand(members, new Map(), { clock: { now: () => instant(now), after } });
    const { sums } = stand.parts.views;
    const busy = () => {
      asked++;
      return answer.promise;
    };
    Object.assign(stand.parts.views, { sums: busy });
    for (let look = 0; look < 3; look++) {
      const seen = stand.ask("overview", WHOLE, { period: "all" });
      await turn();
      now += 2_000;
      for (const run of timers.splice(0)) run();
      expect(await seen).toMatchObject({ log: null, earned: { amount: null }, devices: { silent: 1 } });
    }
    expect(asked).toBe(1);
    answer.resolve((await sums(null, 0, 1)) as never);
    await turn();
    Object.assign(stand.parts.views, { sums });
    now += 2_000;
    expect(await stand.ask("overview", WHOLE, { period: "all" })).toMatchObject({
      ...{ log: { entries: 7, of: 7 }, earned: { amount: "0.000000" } },
    });
  });

  it("says how much of the journal its sums are of", async () => {
    const stand = await openStand(members);
    Object.assign(stand.parts.views, { read: () => ({ entries: 400, of: 1_000 }) });
    const seen = await stand.ask("overview");
    expect(seen.log).toEqual({ entries: 400, of: 1_000 });
    expect(statusText(seen)).toContain("still reading: 40 %");
    expect(statusText({ ...seen, log: { entries: 990, of: 1_000 } })).not.toContain("reading");
  });
});
