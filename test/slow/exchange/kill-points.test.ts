/** Failure test 1, at the journal's port: whenever the gateway dies, what it has acknowledged is there afterwards. */
import { describe, expect, it } from "vitest";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { sayFigures } from "../stories/figures.ts";
import { type Flaw, Trade } from "./trade.ts";

const KILLS = 1_000;
/** Of one life: long enough for tasks to outlive several gateways. */
const KILLS_OF_A_LIFE = 10;

/** A disk that has lost its newest record. */
const forgetful: Flaw = (disk, state) => {
  const shorter = memoryJournal();
  const last = disk.head().index;
  for (const { index, at, cause, facts } of disk.entries()) {
    if (index < last) shorter.append([{ at, cause, facts }]);
  }
  return { disk: shorter, state };
};

/** A gateway that has forgotten which commands it has answered. */
const gullible: Flaw = (disk, state) => {
  state.answers.clear();
  return { disk, state };
};

describe("1 kill -9 at the journal's boundaries", () => {
  it(`1 kill points: ${KILLS} random ones, and what was acknowledged is what is there afterwards`, async () => {
    const first = Math.floor(Math.random() * 2 ** 31);
    const sum = { lost: 0, kept: 0, speaking: 0, acknowledged: 0n };
    for (let life = 0; sum.lost + sum.kept < KILLS; life++) {
      const seed = first + life;
      const trade = new Trade(seed);
      await trade.live(KILLS_OF_A_LIFE).catch((cause: unknown) => {
        throw new Error(`in the life of seed ${seed}: ${String(cause)}`, { cause });
      });
      for (const when of ["lost", "kept", "speaking"] as const) sum[when] += trade.kills[when];
      sum.acknowledged += trade.acknowledged;
    }
    sayFigures(sum);
    expect(sum.lost + sum.kept).toBe(KILLS);
    for (const when of ["lost", "kept"] as const) expect(sum[when]).toBeGreaterThan(KILLS / 4);
    expect(sum.speaking).toBeGreaterThan(KILLS / 40);
    expect(sum.acknowledged).toBeGreaterThan(0n);
  });

  it("1 kill points: a disk that forgets, and a gateway that forgets what it answered, are found out", async () => {
    await expect(new Trade(1, forgetful).live(KILLS_OF_A_LIFE)).rejects.toThrow();
    await expect(new Trade(1, gullible).live(KILLS_OF_A_LIFE)).rejects.toThrow();
  });
});
