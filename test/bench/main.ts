/**
 * `npm run bench -- <suite> [--json] [--quick]`: measures one suite beside its peers, interleaved, and prints medians or
 * what the suite says it takes instead.
 *
 * One JSON object per line with `--json`; a ratio is ours over the peer's in the direction where bigger is better. With
 * `--quick` the suites of the kernels and of the firmware only show that all of them runs.
 */
import { firmwareSuite } from "./firmware.ts";
import { gasSuite } from "./gas.ts";
import { kernelsSuite } from "./kernels.ts";
import { linksSuite } from "./links.ts";
import { moneySuite } from "./money.ts";
import { operatorSuite } from "./operator.ts";
import { piSuite } from "./pi.ts";
import { serialSuite } from "./serial.ts";
import { taskSuite } from "./task.ts";

/** One measured figure. `goal` is null where none is set; then it is always `ok`. */
export type Figure = {
  readonly suite: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly peer: string;
  readonly peerValue: number;
  readonly ratio: number;
  readonly goal: number | null;
  readonly ok: boolean;
};

type Options = { readonly quick: boolean };

const SUITES: Readonly<Record<string, (options: Options) => Promise<readonly Figure[]>>> = {
  firmware: firmwareSuite,
  gas: gasSuite,
  kernels: kernelsSuite,
  links: linksSuite,
  money: moneySuite,
  operator: operatorSuite,
  pi: piSuite,
  serial: serialSuite,
  task: taskSuite,
};

const args = process.argv.slice(2);
const json = args.includes("--json");
const quick = args.includes("--quick");
const names = args.filter((arg) => !arg.startsWith("--"));
for (const name of names.length > 0 ? names : Object.keys(SUITES)) {
  const suite = SUITES[name];
  if (!suite) {
    process.stderr.write(`there is no suite "${name}"; there are: ${Object.keys(SUITES).join(", ")}\n`);
    process.exitCode = 2;
    break;
  }
  for (const figure of await suite({ quick })) {
    process.stdout.write(`${json ? JSON.stringify(figure) : asText(figure)}\n`);
    if (!figure.ok) process.exitCode = 1;
  }
}

function asText({ suite, metric, value, unit, peer, peerValue, ratio, goal }: Figure): string {
  const aim = goal === null ? "" : ` (goal ${goal})`;
  return `${suite}: ${metric} ${value} ${unit}; ${peer} ${peerValue} ${unit}; ratio ${ratio}${aim}`;
}
