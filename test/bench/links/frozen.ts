/**
 * A healthy subscriber beside a frozen one, which is sent all that everybody says and never reads.
 *
 * On a bare aedes the frozen one subscribes to `#`. On ours that is refused, so the gateway sends it everything on its own
 * topic. Twenty publishers; the healthy one hears the first of them, every 20 ms.
 */
import { TOPIC_ROOT } from "../../../src/protocol/topic.ts";
import type { Figure } from "../main.ts";
import { connectPackets, deviceList, makeDevices, topicsOf } from "./devices.ts";
import { median, smaller } from "./figures.ts";
import { DRAIN_MS } from "./guarded.ts";
import type { Load } from "./load.ts";
import { BrokerProcess } from "./process.ts";

const PUBLISHERS = 20;
/** Of each publisher, a second. */
const RATE = 50;
const BYTES = 1_024;
/**
 * @param rounds - of ours; the median of the longest gaps counts
 * @param seconds - what a round takes
 */
export async function frozenFigures(load: Load, rounds: number, seconds: number): Promise<Figure[]> {
  const devices = [...makeDevices("p", PUBLISHERS), ...makeDevices("s", 1), ...makeDevices("f", 1)];
  const list = load.file("frozen.json", deviceList(devices));
  const gap = async (broker: BrokerProcess, topics: Topics) => {
    const connects = load.file("connects", await connectPackets(devices));
    const { longestGapMs } = await load.run({
      ...{ port: broker.port, connects, publishers: PUBLISHERS, subscribers: 1, frozen: 1 },
      ...{ qos: 0, size: BYTES, rate: PUBLISHERS * RATE, seconds },
      ...{ publish: topicsOf("p", "offer"), ...topics },
    });
    return longestGapMs;
  };
  const gaps: number[] = [];
  const hub = await BrokerProcess.node("hub.ts", [list, "sparing"]);
  for (let round = 0; round < rounds; round++) {
    gaps.push(await gap(hub, { subscribe: topicsOf("s", "announce"), freeze: topicsOf("f", "announce") }));
  }
  const refusals = JSON.stringify(await hub.ask("refusals"));
  await hub.stop();
  // if it was not given up, it was not frozen enough to show anything
  const expected = seconds * 1e3 > 1.5 * DRAIN_MS ? JSON.stringify({ too_slow: rounds }) : "{}";
  if (refusals !== expected) throw new Error(`the hub refused ${refusals}, not ${expected}`);
  const bare = await BrokerProcess.node("bare.ts", [String(DRAIN_MS)]);
  const heard = `${TOPIC_ROOT}/bench/p0/offer`;
  const peerValue = await gap(bare, { subscribe: heard, freeze: "#" });
  await bare.stop();
  const row = {
    metric: "longest gap of a healthy client beside a frozen one",
    unit: "ms",
    value: median(gaps),
  };
  return [smaller({ ...row, peer: `bare aedes, drainTimeout ${DRAIN_MS} ms`, peerValue }, 200)];
}

type Topics = { readonly subscribe: string; readonly freeze: string };
