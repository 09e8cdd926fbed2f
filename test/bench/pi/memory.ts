/** Memory of a gateway with a hundred devices in session, after it has worked for some of them. */
import type { Figure } from "../main.ts";
import { small } from "./figures.ts";
import { PiHouse } from "./house.ts";

const REQUESTERS = Array.from({ length: 50 }, (_, at) => `r${at}`);
const PROVIDERS = Array.from({ length: 50 }, (_, at) => `p${at}`);
/** Of the providers, those that work: each bids for every task. */
const WORKING = 5;
const PARALLEL = 50;

/** @param tasks - how many are done before it is looked at */
export async function memoryFigures(tasks: number): Promise<Figure[]> {
  const house = await PiHouse.open({ requesters: REQUESTERS, providers: PROVIDERS });
  try {
    await house.start();
    const atStart = house.residentBytes() / 1e6;
    for (const [at, name] of PROVIDERS.entries()) await house.connect(name, at < WORKING);
    const robots = await Promise.all(REQUESTERS.map((name) => house.connect(name, false)));
    await house.work(robots, tasks, PARALLEL);
    const value = house.residentBytes() / 1e6;
    const peer = { peer: "the same gateway at its start, without devices", peerValue: atStart };
    const executors = {
      metric: "its executors' processes, PSS",
      unit: "MB",
      value: house.executorBytes() / 1e6,
    };
    return [
      small({ metric: `RSS with 100 devices, after ${tasks} tasks`, unit: "MB", value, ...peer }, 150),
      small({ ...executors, peer: "nothing", peerValue: 0 }, null),
    ];
  } finally {
    await house.close();
  }
}
