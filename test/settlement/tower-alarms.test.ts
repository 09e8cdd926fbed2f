import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/base/fault.ts";
import { breathe, laneOf, TowerStand, voucher } from "./tower-stand.ts";

const HOUR = 3_600;

let stand: TowerStand;
beforeEach(() => {
  stand = new TowerStand();
});
afterEach(() => stand.remove());

describe("an alarm", () => {
  /** A lane that closes and a chain that takes no transaction. */
  async function stuck(window: number, seconds: number): Promise<void> {
    stand.fake.fund(laneOf(1), 100n, window);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1), seconds);
    await stand.tower.look();
    await breathe();
  }

  it.each([
    [0, HOUR],
    [1, 24 * HOUR],
    [2, 72 * HOUR],
    [3, 168 * HOUR],
  ])(
    "of window class %i is raised when a quarter is over, not before, and with each further one",
    async (window, seconds) => {
      await stuck(window, seconds);
      const closed = stand.fake.lane(laneOf(1)).closeAt;
      const alarms = () =>
        stand.events.filter((event) => event.kind === "alarm").map(({ quarters }) => quarters);
      const at = async (unix: number) => {
        stand.clock.advance(unix * 1_000 - stand.clock.now());
        await stand.tower.look();
        return alarms();
      };
      expect(await at(closed - 0.75 * seconds - 1)).toEqual([]);
      expect(stand.tower.status.alarms).toBe(0);
      expect(await at(closed - 0.75 * seconds)).toEqual([1]);
      expect(stand.tower.status.alarms).toBe(1);
      expect(await at(closed - 0.5 * seconds - 1)).toEqual([1]);
      expect(await at(closed - 0.5 * seconds)).toEqual([1, 2]);
      expect(await at(closed)).toEqual([1, 2, 4]);
      expect(await at(closed + seconds)).toEqual([1, 2, 4]);
      expect(stand.codes.filter((code) => code === "claim_overdue").length).toBeGreaterThanOrEqual(3);
      stand.fake.mine();
      stand.clock.advance(60_000);
      await breathe();
      await stand.tower.look();
      expect(stand.tower.status).toMatchObject({ alarms: 0, closing: 0 });
    },
  );

  it("goes by the chain's time when our clock stands still", async () => {
    await stuck(0, HOUR);
    stand.fake.pool.clear();
    stand.fake.mine(HOUR / 2);
    await stand.tower.look();
    expect(stand.events.filter((event) => event.kind === "alarm").map(({ quarters }) => quarters)).toEqual([
      2,
    ]);
  });

  it("is raised during an outage by what was seen before it", async () => {
    await stuck(0, HOUR);
    stand.fake.control.outage = new Fault("chain_unreachable", "no answer");
    stand.clock.advance((HOUR * 1_000) / 4 + 30_000);
    await stand.tower.look();
    expect(stand.kinds).toContain("alarm");
    expect(stand.kinds).toContain("blind");
    expect(stand.tower.status.alarms).toBe(2);
  });

  it("is raised when the chain was not read for a quarter of the shortest window", async () => {
    stand.fake.fund(laneOf(1), 100n, 2);
    stand.fake.fund(laneOf(2), 100n, 0);
    stand.bring(await voucher(1, 70n), await voucher(2, 70n));
    await stand.tower.look();
    stand.fake.control.outage = new Fault("chain_unreachable", "no answer");
    stand.clock.advance(899_000);
    await stand.tower.look();
    expect(stand.kinds).toEqual([]);
    stand.clock.advance(1_000);
    await stand.tower.look();
    await stand.tower.look();
    expect(stand.kinds).toEqual(["blind"]);
    stand.fake.control.outage = null;
    await stand.tower.look();
    expect(stand.tower.status).toMatchObject({ alarms: 0, failing: [] });
  });
});
