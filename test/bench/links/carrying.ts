/**
 * Messages through the guarded broker and through mosquitto, with the same load program and the same CONNECT packets.
 *
 * On mosquitto a subscriber hears what the publishers say. On ours the gateway hears it and says it to the subscriber,
 * with every guard and limit on.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "../main.ts";
import { connectPackets, deviceList, makeDevices, topicsOf } from "./devices.ts";
import { median, medianRatio, relative, smaller } from "./figures.ts";
import type { Carried, Load } from "./load.ts";
import { BrokerProcess } from "./process.ts";

type Scenario = {
  readonly metric: string;
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: 0 | 1;
  /** Messages of each publisher that are under way. */
  readonly window: number;
  /** Messages a second; without it as many as there can be. */
  readonly rate?: number;
  /** The least ratio. */
  readonly goal: number | null;
};

const MANY = 50;
const BYTES = 256;

const SCENARIOS: readonly Scenario[] = [
  { metric: "QoS 1, 50 to 1", publishers: MANY, subscribers: 1, qos: 1, window: 10, goal: 0.75 },
  { metric: "QoS 1, 1 to 50", publishers: 1, subscribers: MANY, qos: 1, window: 40, goal: 0.75 },
  { metric: "QoS 0, 50 to 1", publishers: MANY, subscribers: 1, qos: 0, window: 10, goal: null },
  { metric: "QoS 0, 1 to 50", publishers: 1, subscribers: MANY, qos: 0, window: 40, goal: null },
  // at most 2.5 times as long
  {
    metric: "QoS 1, 1 to 1, p50 at 200/s",
    publishers: 1,
    subscribers: 1,
    qos: 1,
    window: 1,
    rate: 200,
    goal: 0.4,
  },
];

const PEER = "mosquitto";

/** One turn of a broker: what it carried, and the processor time of one delivered message, microseconds. */
type Turn = Carried & { readonly processorUs: number };

/**
 * Rates, a median latency, and processor time for each message; of `rounds` rounds, in each of which both brokers have
 * a turn in random order.
 */
export async function carryingFigures(
  load: Load,
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Figure[]> {
  const publishers = makeDevices("p", MANY);
  const subscribers = makeDevices("s", MANY);
  const list = load.file("carrying.json", deviceList([...publishers, ...subscribers]));
  const hub = await BrokerProcess.node("hub.ts", [list]);
  const mosquitto = await BrokerProcess.mosquitto(folder);
  const figures: Figure[] = [];
  try {
    for (const scenario of SCENARIOS) {
      const turns: Record<"hub" | "mosquitto", Turn[]> = { hub: [], mosquitto: [] };
      // one round more than counted: the first one warms up
      for (let round = 0; round <= rounds; round++) {
        const order = [["hub", hub] as const, ["mosquitto", mosquitto] as const];
        if (Math.random() < 0.5) order.reverse();
        for (const [name, broker] of order) {
          const devices = [
            ...publishers.slice(0, scenario.publishers),
            ...subscribers.slice(0, scenario.subscribers),
          ];
          const connects = load.file("connects", await connectPackets(devices));
          const turn = await takeTurn(load, broker, {
            ...scenario,
            connects,
            seconds,
            isOurs: name === "hub",
          });
          if (round > 0) turns[name].push(turn);
        }
      }
      figures.push(...figuresOf(scenario, turns.hub, turns.mosquitto));
    }
    const refusals = JSON.stringify(await hub.ask("refusals"));
    if (refusals !== "{}") throw new Error(`the hub refused something: ${refusals}`);
    return figures;
  } finally {
    await Promise.all([hub.stop(), mosquitto.stop()]);
  }
}

type Run = Scenario & { readonly connects: string; readonly seconds: number; readonly isOurs: boolean };

async function takeTurn(load: Load, broker: BrokerProcess, run: Run): Promise<Turn> {
  const { publishers, subscribers, qos, window, rate, connects, seconds, isOurs } = run;
  const carried = await load.run({
    ...{
      port: broker.port,
      process: broker.process,
      connects,
      publishers,
      subscribers,
      qos,
      window,
      seconds,
      size: BYTES,
    },
    ...(rate === undefined ? {} : { rate }),
    publish: topicsOf("p", "offer"),
    subscribe: isOurs ? topicsOf("s", "announce") : topicsOf("p", "offer").replace("p%d", "+"),
  });
  // what was under way is still on its way through
  await sleep(100);
  return { ...carried, processorUs: (carried.processorSeconds * 1e6) / carried.received };
}

function figuresOf(
  { metric, rate, goal }: Scenario,
  ours: readonly Turn[],
  theirs: readonly Turn[],
): Figure[] {
  const figure = (of: (turn: Turn) => number) => [ours.map(of), theirs.map(of)] as const;
  const row = (name: string, unit: string, [own, peer]: ReturnType<typeof figure>) => {
    return { metric: name, unit, value: median(own), peer: PEER, peerValue: median(peer) };
  };
  if (rate !== undefined) {
    const latencies = figure(({ p50Us }) => p50Us);
    return [
      relative(
        row(metric, "us", latencies),
        medianRatio(...latencies, (own, peer) => peer / own),
        goal,
      ),
    ];
  }
  const rates = figure(({ perSecond }) => perSecond);
  const times = figure(({ processorUs }) => processorUs);
  return [
    relative(
      row(`${metric}, ${BYTES} bytes`, "1/s", rates),
      medianRatio(...rates, (own, peer) => own / peer),
      goal,
    ),
    smaller(row(`${metric}, processor time of a message`, "us", times), null),
  ];
}
