/**
 * Finds out what is fastest on this machine, never from its name.
 *
 * It is for the start, and holds this thread for about a tenth of a second in all. Each variant is started in one piece
 * of some tens of milliseconds: compiled, its tables computed, all of it tested. Then they are measured in turns, in
 * slices of one or two milliseconds with pauses between. That warms them up on the way: the engine replaces its first
 * machine code by a better one while they run.
 */
import { fromHex } from "../base/bytes.ts";
import type { Clock, Instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Instance } from "./instance.ts";
import { chooseVariant, fallenVariants, kernels, usableInstance } from "./kernels.ts";
import { KEYS, SIGNATURES } from "./known-answers.ts";
import { VARIANTS, type Variant } from "./variant.ts";

export type Calibration = {
  readonly variant: Variant;
  /** Signatures that a known key checks in one millisecond, by variant; those that are not usable are missing. */
  readonly rates: Readonly<Partial<Record<Variant, number>>>;
  /** How many nodes are hashed side by side. */
  readonly keccakWays: number;
  readonly sha256Ways: number;
};

/** Milliseconds between slices. */
const PAUSE = 1;

/** Each contender is measured so often, in turns; the best counts, as all that disturbs only slows down. */
const ROUNDS = 3;

/** Calls in one slice at most: a clock that stands still ends it all the same. */
const MOST_CALLS = 256;

/** A slice's work: one call of what is compared. */
type Contender<Name> = { readonly name: Name; readonly call: () => void };

let measured: Promise<Calibration> | null = null;

/** {@link calibrate}, once in the life of this thread: what has been chosen stays. */
export function calibrateOnce(clock: Clock): Promise<Calibration> {
  measured ??= calibrate(clock);
  return measured;
}

/** Measures both variants and the ways to hash nodes, and takes the best of each for this thread. */
export async function calibrate(clock: Clock): Promise<Calibration> {
  const contenders: Contender<Variant>[] = [];
  const releases: (() => void)[] = [];
  for (const variant of VARIANTS) {
    const instance = usableInstance(variant);
    if (!instance) continue;
    const { call, release } = knownKeyCheck(instance);
    contenders.push({ name: variant, call });
    releases.push(release);
    await clock.sleep(PAUSE);
  }
  const rates = await ratesOf(contenders, clock);
  for (const release of releases) release();
  const variant = fastest(rates) ?? "base";
  chooseVariant(variant);
  const { exports, memory } = kernels();
  const nodes = (kernel: "keccakNodes" | "sha256Nodes") => {
    const at = memory.scratch(64 * NODES);
    exports[kernel](at, at, NODES);
  };
  const keccakWays = await fastestWays([1, 2], exports.chooseKeccakNodes, () => nodes("keccakNodes"), clock);
  const sha256Ways = await fastestWays([1, 4], exports.chooseSha256Nodes, () => nodes("sha256Nodes"), clock);
  return { variant, rates: Object.fromEntries(rates), keccakWays, sha256Ways };
}

/** One line for people: what was chosen, how fast it is, and why the other is not used. */
export function describeKernels({ variant, rates }: Calibration): string {
  const others = VARIANTS.filter((other) => other !== variant).map((other) => {
    const reason = fallenVariants().get(other);
    return reason === undefined ? `${other} ${rates[other] ?? 0}` : `${other} fell away: ${reason}`;
  });
  return [`${variant}, ${rates[variant] ?? 0} signatures/ms`, ...others].join("; ");
}

const NODES = 64;

/** One signature by a key with a table: the work of every group in small. */
function knownKeyCheck(instance: Instance): { readonly call: () => void; readonly release: () => void } {
  const { exports, memory, cells } = instance;
  const { tables } = instance.prepareCurve();
  const { r, s, digest, parity } = SIGNATURES[0];
  const table = tables.take();
  const bytes = { signature: fromHex(r + s), digest: fromHex(digest) };
  memory.write(cells.key, fromHex(KEYS[0].join("")));
  exports.buildKeyTable(cells.key, table);
  const call = () => {
    memory.write(cells.signature, bytes.signature);
    memory.write(cells.digest, bytes.digest);
    if (exports.verifyKnown(cells.signature, cells.digest, table, parity) !== 1) {
      throw new Fault("kernel_failed", `${instance.variant}: a right signature was refused`);
    }
  };
  return { call, release: () => tables.give(table) };
}

async function fastestWays(
  ways: readonly number[],
  choose: (ways: number) => void,
  call: () => void,
  clock: Clock,
): Promise<number> {
  const contenders = ways.map((name) => ({
    name,
    call: () => {
      choose(name);
      call();
    },
  }));
  const best = fastest(await ratesOf(contenders, clock)) ?? 1;
  choose(best);
  return best;
}

/** Of equals the later one: what needs more of the machine stands later. */
function fastest<Name>(rates: ReadonlyMap<Name, number>): Name | null {
  return [...rates].reduce<[Name | null, number]>((a, b) => (b[1] >= a[1] ? b : a), [null, -1])[0];
}

/** Calls in one tick of the clock, by contender. */
async function ratesOf<Name>(
  contenders: readonly Contender<Name>[],
  clock: Clock,
): Promise<Map<Name, number>> {
  const rates = new Map<Name, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, call } of contenders) {
      rates.set(name, Math.max(rates.get(name) ?? 0, callsInTick(call, clock)));
      await clock.sleep(PAUSE);
    }
  }
  return rates;
}

/** The clock counts whole milliseconds: from one to the next, and the next. */
function callsInTick(call: () => void, clock: Clock): number {
  const start = clock.now();
  callWhile(call, clock, start);
  return callWhile(call, clock, clock.now());
}

function callWhile(call: () => void, clock: Clock, tick: Instant): number {
  let calls = 0;
  for (; clock.now() === tick && calls < MOST_CALLS; calls++) call();
  return calls;
}
