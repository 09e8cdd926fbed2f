/**
 * From the start of the process until devices are served, with a long journal: after a stop, and after a kill that left
 * the state's snapshot as old as it may get.
 *
 * The peer is a gateway whose journal is empty.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../../../src/base/bytes.ts";
import { replay, SNAPSHOT_EVERY, saveSnapshot } from "../../../src/exchange/replay.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import type { Figure } from "../main.ts";
import { bigJournal } from "../operator/big-journal.ts";
import { small } from "./figures.ts";
import { PiHouse } from "./house.ts";

const NAMES = { requesters: ["r1"], providers: ["p1"] };
const ROUNDS = 3;
const MOST_S = 3;

/** @param entries - of the journal */
export async function startFigures(entries: number): Promise<Figure[]> {
  const empty = await PiHouse.open(NAMES);
  const long = await PiHouse.open(NAMES);
  try {
    await fill(long, entries);
    // the first one fills the compile cache
    await started(empty, "SIGTERM");
    const nothing: number[] = [];
    const killed: number[] = [];
    const stopped: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      nothing.push(await started(empty, "SIGTERM"));
      killed.push(await started(long, "SIGKILL"));
    }
    await started(long, "SIGTERM");
    for (let round = 0; round < ROUNDS; round++) stopped.push(await started(long, "SIGTERM"));
    const peer = { peer: "the same with an empty journal", peerValue: median(nothing), unit: "s" };
    const count = entries.toLocaleString("en-US");
    const after = (what: string) => `start to ready with ${count} entries, after ${what}`;
    return [
      small({ metric: after("a stop"), value: median(stopped), ...peer }, MOST_S),
      small({ metric: after("a kill, the oldest snapshot"), value: median(killed), ...peer }, MOST_S),
    ];
  } finally {
    await empty.close();
    await long.close();
  }
}

async function started(house: PiHouse, end: "SIGTERM" | "SIGKILL"): Promise<number> {
  const ms = await house.start();
  await house.stop(end);
  return ms / 1_000;
}

/** A journal of the house's own gateway, with a snapshot so many records behind that the next one was due. */
async function fill({ folder, world }: PiHouse, entries: number): Promise<void> {
  const key = fromHex(readFileSync(join(folder, "gateway.key"), "utf8").trim());
  const { chainId, vault } = world.chain;
  const home = { chainId, vault, token: world.token, key };
  const market = { gateway: keySigner(key).address, chainId, vault, token: world.token };
  const snapshot = () => {
    const journal = openJournal(folder);
    saveSnapshot(journal, replay(journal, market));
    journal.close();
  };
  await bigJournal(folder, entries, home, { after: Math.max(0, entries - SNAPSHOT_EVERY), run: snapshot });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
