/**
 * How soon a gateway notices that a cable was pulled, and how soon a board trades again: once the gateway's device is back,
 * and once the board's own power is.
 *
 * A board is ready when it has heard the gateway's terms, through the broker, over MQTT. It is hiring all the time.
 */
import { systemClock } from "../../../src/base/clock.ts";
import { CableBoard } from "../../serial-cable/cable-board.ts";
import { openCableMarket } from "../../serial-cable/cable-market.ts";
import { until } from "../../serial-cable/until.ts";
import { randomFrom } from "../../slow/exchange/random.ts";

const BAUD = 921_600;
/** Tasks under way at a time. */
const BESIDE = 3;
/** A cable or a power supply holds for so long, milliseconds. */
const HOLDS = { least: 100, more: 500 } as const;

/** Milliseconds, one for each time. */
export type Recovery = {
  readonly noticed: readonly number[];
  readonly ready: readonly number[];
  readonly rebooted: readonly number[];
  /** Tasks that were paid for meanwhile. */
  readonly paid: number;
};

/** @param seed - says when the faults come */
export async function recovery(pulls: number, reboots: number, seed: number): Promise<Recovery> {
  const random = randomFrom(seed);
  const { market, cable } = await openCableMarket({ baud: BAUD, seed });
  const hold = () => systemClock.sleep(HOLDS.least + random.below(HOLDS.more));
  const times = { noticed: [] as number[], ready: [] as number[], rebooted: [] as number[] };
  try {
    await cable.plug();
    const board = await CableBoard.open(market, cable.boardPath, BAUD);
    await board.boot();
    board.work(BESIDE);
    for (let pull = 0; pull < pulls; pull++) {
      await hold();
      const { faults } = market;
      const [known, sessions, pulledAt] = [faults.length, board.sessions, performance.now()];
      const pulled = cable.pull();
      times.noticed.push((await until(() => faults.length > known)) - pulledAt);
      await pulled;
      const pluggedAt = performance.now();
      await cable.plug();
      times.ready.push((await until(() => board.sessions > sessions)) - pluggedAt);
    }
    for (let reboot = 0; reboot < reboots; reboot++) {
      await hold();
      await board.cutPower();
      const at = performance.now();
      await board.boot();
      times.rebooted.push(performance.now() - at);
      board.work(BESIDE);
    }
    await board.rest();
    if (board.broken.length > 0) throw board.broken[0];
    return { ...times, paid: board.answers.filter(({ state }) => state === "paid").length };
  } finally {
    await market.close();
  }
}
