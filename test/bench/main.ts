/**
 * `npm run bench -- <suite> [--json]`: measures one suite beside its peer, interleaved, and prints medians.
 *
 * One JSON object per line with `--json`; a ratio is ours over the peer's in the direction where bigger is better.
 */
import { gasSuite } from "./gas.ts";
import { moneySuite } from "./money.ts";
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

const SUITES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  gas: gasSuite,
  money: moneySuite,
  task: taskSuite,
};

const args = process.argv.slice(2);
const json = args.includes("--json");
const names = args.filter((arg) => !arg.startsWith("--"));
for (const name of names.length > 0 ? names : Object.keys(SUITES)) {
  const suite = SUITES[name];
  if (!suite) {
    process.stderr.write(`there is no suite "${name}"; there are: ${Object.keys(SUITES).join(", ")}\n`);
    process.exitCode = 2;
    break;
  }
  for (const figure of await suite()) {
    process.stdout.write(`${json ? JSON.stringify(figure) : asText(figure)}\n`);
    if (!figure.ok) process.exitCode = 1;
  }
}

function asText({ suite, metric, value, unit, peer, peerValue, ratio, goal }: Figure): string {
  const aim = goal === null ? "" : ` (goal ${goal})`;
  return `${suite}: ${metric} ${value} ${unit}; ${peer} ${peerValue} ${unit}; ratio ${ratio}${aim}`;
}
