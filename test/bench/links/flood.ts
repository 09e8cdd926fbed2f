/** What a stranger's announced 256 MB cost in memory, sent for as long as the broker reads. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "../main.ts";
import { deviceList, makeDevices } from "./devices.ts";
import { median, smaller } from "./figures.ts";
import type { Load } from "./load.ts";
import { BrokerProcess } from "./process.ts";

const SETTLE_MS = 500;

/** @param floods - one after another; the median counts */
export async function floodFigures(load: Load, floods: number): Promise<Figure[]> {
  const list = load.file("nobody.json", deviceList(makeDevices("p", 1)));
  const ours = await grown(load, await BrokerProcess.node("hub.ts", [list]), floods);
  const theirs = await grown(load, await BrokerProcess.node("bare.ts", []), 1);
  const row = { metric: "memory at the peak of a flood of 256 MB before CONNECT", unit: "MB", value: ours };
  return [smaller({ ...row, peer: "bare aedes", peerValue: theirs }, 5)];
}

/** By how many million bytes the process is larger at the most. */
async function grown(load: Load, broker: BrokerProcess, floods: number): Promise<number> {
  try {
    const growths: number[] = [];
    for (let flood = 0; flood < floods; flood++) {
      await sleep(SETTLE_MS);
      broker.forgetPeak();
      const before = broker.memory;
      const { leave } = await load.stay({ port: broker.port, flood: true });
      await sleep(SETTLE_MS);
      growths.push((broker.peak - before) / 1e6);
      await leave();
    }
    return median(growths);
  } finally {
    await broker.stop();
  }
}
