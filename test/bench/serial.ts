/**
 * The serial link between two real ptys with a bad cable between them: what it carries, what it takes to recover, and
 * what it costs a board.
 *
 * The peer of a goodput is the line's rate, ten bits to a byte: no library is known whose both ends run in Node and that
 * repeats what was lost. Goodputs are medians.
 */
import { hasProgram } from "../serial-cable/has-program.ts";
import type { Noise } from "../serial-cable/noise.ts";
import { hasSocat } from "../serial-cable/serial-cable.ts";
import { median, relative, smaller } from "./links/figures.ts";
import type { Figure } from "./main.ts";
import { bulk } from "./serial/bulk.ts";
import { goodput } from "./serial/goodput.ts";
import { recovery } from "./serial/recovery.ts";
import { sizesOnBoard } from "./serial/sizes.ts";

type Scenario = {
  readonly metric: string;
  readonly baud: number;
  readonly noise: Noise;
  /** The least share of the line. */
  readonly goal: number | null;
  /** Measured for so long, milliseconds: a slow line carries few frames in a second. */
  readonly ms: number;
};

const FAST = { baud: 921_600, ms: 2_000 } as const;

const SCENARIOS: readonly Scenario[] = [
  { ...FAST, metric: "clean", noise: {}, goal: 0.8 },
  { ...FAST, metric: "bit errors 1e-5", noise: { bitErrorRate: 1e-5 }, goal: null },
  { ...FAST, metric: "bit errors 1e-4", noise: { bitErrorRate: 1e-4 }, goal: 0.65 },
  { ...FAST, metric: "bit errors 1e-3", noise: { bitErrorRate: 1e-3 }, goal: 0.15 },
  { ...FAST, metric: "byte drops 1e-3", noise: { dropRate: 1e-3 }, goal: 0.5 },
  { metric: "clean", baud: 115_200, noise: {}, goal: 0.8, ms: 3_000 },
  { metric: "clean", baud: 9_600, noise: {}, goal: 0.8, ms: 6_000 },
];

/** Not counted: the link finds out how long its frames should be. */
const WARM_MS = 700;
const BITS_PER_BYTE = 10;
/** Most of the board's flash and memory, bytes. */
const BUDGET = { flash: 3_072, ram: 2_048 } as const;
const SOON_MS = 1_000;
const REBOOT_MS = 2_000;

/** @param quick - shows that all of it runs; what it measures means little */
export async function serialSuite({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  const missing = [
    !hasSocat && "socat",
    !hasProgram("arm-none-eabi-gcc", "--version") && "gcc-arm-none-eabi",
  ];
  const names = missing.filter((name) => name !== false);
  if (names.length > 0) throw new Error(`this suite needs ${names.join(" and ")}`);
  const figures: Figure[] = [...(await sizeFigures())];
  for (const scenario of SCENARIOS) figures.push(await goodputFigure(scenario, quick));
  figures.push(await bulkFigure(quick ? 2_000_000 : 100_000_000));
  figures.push(...(await recoveryFigures(quick ? 3 : 100, quick ? 2 : 20)));
  return figures.map((figure) => ({ ...figure, suite: "serial" }));
}

async function goodputFigure({ metric, baud, noise, goal, ms }: Scenario, quick: boolean): Promise<Figure> {
  const shares: number[] = [];
  for (let round = 1; round <= (quick ? 1 : 5); round++) {
    const window = { warmMs: quick ? 200 : WARM_MS, ms: quick ? ms / 2 : ms };
    const { share, isWhole } = await goodput({ baud, noise, seed: round }, window);
    if (!isWhole) throw new Error(`at ${baud} baud, ${metric}: not what was sent`);
    shares.push(share);
  }
  const [share, rate] = [median(shares), baud / BITS_PER_BYTE];
  const row = { metric: `goodput at ${baud} baud, ${metric}`, unit: "bytes/s", value: share * rate };
  return relative({ ...row, peer: "the line's rate", peerValue: rate }, share, goal);
}

async function bulkFigure(bytes: number): Promise<Figure> {
  const { harmed, badFrames, bytes: sent } = await bulk(bytes, 1);
  const noise = "bit errors up to 1e-3, drops, inserts, bursts";
  return {
    ...{
      suite: "serial",
      metric: `wrong, lost or doubled of ${sent / 1e6} MB; ${noise}; ${badFrames} frames broken`,
    },
    ...{ unit: "bytes", value: harmed, peer: "sent", peerValue: sent, ratio: (sent - harmed) / sent },
    ...{ goal: 0, ok: harmed === 0 },
  };
}

async function recoveryFigures(pulls: number, reboots: number): Promise<Figure[]> {
  const { noticed, ready, rebooted } = await recovery(pulls, reboots, 1);
  const rows = (metric: string, times: readonly number[], most: number) => [
    below({ metric: `${metric}, p50`, unit: "ms", value: median(times) }, most),
    below({ metric: `${metric}, max`, unit: "ms", value: Math.max(...times) }, most),
  ];
  return [
    ...rows(`${pulls} pulls in mid-task: noticed`, noticed, SOON_MS),
    ...rows(`${pulls} pulls in mid-task: device there to session ready`, ready, SOON_MS),
    ...rows(`${reboots} power cuts of the board in mid-task: power on to session ready`, rebooted, REBOOT_MS),
  ];
}

async function sizeFigures(): Promise<Figure[]> {
  const { flash, ram } = await sizesOnBoard();
  const row = (what: string, value: number) => {
    return { metric: `${what} of the link and MQTT on a Cortex-M3`, unit: "bytes", value };
  };
  return [below(row("flash", flash), BUDGET.flash), below(row("memory", ram), BUDGET.ram)];
}

/** Nobody else has been measured, so the peer is the goal. */
function below(row: Pick<Figure, "metric" | "unit" | "value">, most: number): Figure {
  return smaller({ ...row, peer: "the goal", peerValue: most }, most);
}
