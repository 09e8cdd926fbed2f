/**
 * `node start.ts hirewire|tiny-secp256k1`: how long a process that is new takes to full speed, and how much memory.
 *
 * A process of its own, since an engine keeps the machine code of a module that it has compiled before.
 */
import { signed } from "./signatures.ts";

const { rows, parities } = await signed(64, 4);
const memoryBefore = process.memoryUsage.rss();
const begun = performance.now();
const verify = await open();
const opened = performance.now();

/** The times of single verifications, milliseconds, and when each was over. */
const took: number[] = [];
const over: number[] = [];
for (let at = 0, now = opened; now < opened + 3_000; at++) {
  if (!verify(at % rows.length)) throw new Error("a good signature is refused");
  const end = performance.now();
  took.push(end - now);
  over.push(end - begun);
  now = end;
}
const memory = process.memoryUsage.rss() - memoryBefore;
process.stdout.write(JSON.stringify({ opened: opened - begun, fullSpeed: fullSpeed(), memory }));

/** When the median of the last 15 is first within a quarter of what it is in the end. */
function fullSpeed(): number {
  const median = (values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const steady = median(took.slice(-200));
  const at = took.findIndex(
    (_, index) => index >= 14 && median(took.slice(index - 14, index + 1)) <= 1.25 * steady,
  );
  return over[at] ?? Number.NaN;
}

async function open(): Promise<(at: number) => boolean> {
  if (process.argv[2] === "tiny-secp256k1") {
    const { verify: check } = await import("tiny-secp256k1");
    return (at) => {
      const row = rows[at];
      return row !== undefined && check(row.digest, row.key, row.signature);
    };
  }
  const { curveKernels } = await import("../../../src/kernels/kernels.ts");
  const { exports, memory, cells } = curveKernels();
  return (at) => {
    const row = rows[at];
    if (!row) return false;
    memory.write(cells.signature, row.signature);
    memory.write(cells.digest, row.digest);
    memory.write(cells.key, row.key.subarray(1));
    return exports.verifyOne(cells.signature, cells.digest, cells.key, parities[at] ?? 2) === 1;
  };
}
