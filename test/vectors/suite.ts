/** The checks that every build must pass. Each yields a line for whatever is wrong, and nothing when all is well. */
import { bytes32, integer } from "./arithmetic.ts";
import type { Build, Signed } from "./build.ts";
import { foreignGroups, foreignTrials } from "./foreign.ts";
import { everyGroup, type Group } from "./groups.ts";
import { hintFor } from "./hint.ts";
import { pointFailures } from "./points.ts";
import { everyTrial, type Trial } from "./trials.ts";

/** Trials in one call of the comb and of the batch: their keys must stand side by side. */
const TOGETHER = 96;

/** The comb takes its own way only from a few signatures on. */
const COPIES = 5;

const recovers = (build: Build, signed: Signed) =>
  Buffer.from(build.recover(signed) ?? []).equals(signed.key);

/** What the comb says of copies of one signature; it is wrong already that it says both. */
function combOfCopies(build: Build, signed: Signed): { every: boolean; some: boolean } {
  const verdicts = build.comb(Array.from({ length: COPIES }, () => signed));
  return { every: verdicts.every(Boolean), some: verdicts.some(Boolean) };
}

/** All paths, one trial by itself. */
function* alone(build: Build, { signed, expected, name }: Trial): Generator<string> {
  const copies = combOfCopies(build, signed);
  const exact = signed.parity !== 2 && expected;
  const hint = hintFor(signed);
  const verdicts: readonly (readonly [string, boolean, boolean])[] = [
    ["single", build.single(signed), expected],
    ["known", build.known(signed), expected],
    ["comb", build.comb([signed])[0] === true, expected],
    ["comb of copies, every", copies.every, expected],
    ["comb of copies, some", copies.some, expected],
    ["recover", recovers(build, signed), exact],
    ["batch", build.batch([signed]), exact],
    ["batch with a hint", build.batch([signed], { hints: [hint] }), exact],
    ["batch with a wrong hint", build.batch([signed], { hints: [bytes32(integer(hint) ^ 1n)] }), false],
  ];
  for (const [path, verdict, right] of verdicts) {
    if (verdict !== right) yield `${name}: ${path} says ${verdict}`;
  }
}

/** The paths of many, many trials at a time. */
function* together(build: Build, trials: readonly Trial[]): Generator<string> {
  const verdicts = build.comb(trials.map(({ signed }) => signed));
  for (const [index, { name, expected }] of trials.entries()) {
    if (verdicts[index] !== expected) yield `${name}: comb of many says ${verdicts[index]}`;
  }
  const good = trials
    .filter(({ expected, signed }) => expected && signed.parity !== 2)
    .map(({ signed }) => signed);
  if (good.length === 0) return;
  if (!build.batch(good)) yield `a batch of ${good.length} is refused, with ${trials[0]?.name}`;
  const hinted = build.batch(good, { hints: good.map(hintFor) });
  if (!hinted) yield `a hinted batch of ${good.length} is refused, with ${trials[0]?.name}`;
  for (const { name, signed, expected } of trials) {
    if (expected && signed.parity !== 2) continue;
    const mixed = [...good.slice(0, 8), signed];
    if (build.batch(mixed)) yield `${name}: a batch of many takes it`;
    if (build.batch(mixed, { hints: mixed.map(hintFor) })) yield `${name}: a hinted batch of many takes it`;
  }
}

/** Trials that some path judges wrongly. */
export function* trialFailures(
  build: Build,
  trials: readonly Trial[] = [...everyTrial(), ...foreignTrials()],
): Generator<string> {
  for (let from = 0; from < trials.length; from += TOGETHER) {
    const some = trials.slice(from, from + TOGETHER);
    yield* together(build, some);
    for (const trial of some) yield* alone(build, trial);
  }
}

/** Batches that are judged wrongly, with and without hints. */
export function* groupFailures(
  build: Build,
  groups: readonly Group[] = [...everyGroup(), ...foreignGroups()],
): Generator<string> {
  for (const { name, all, coefficients, hints, withoutHints, expected } of groups) {
    const chosen = coefficients ? { coefficients } : {};
    if (!withoutHints) {
      const hinted = build.batch(all, { ...chosen, hints: hints ?? all.map(hintFor) });
      if (hinted !== expected) yield `${name}: hinted batch says ${hinted}`;
    }
    if (hints) continue;
    const verdict = build.batch(all, chosen);
    if (verdict !== expected) yield `${name}: batch says ${verdict}`;
    if (withoutHints) continue;
    const combed = build.comb(all).every(Boolean);
    if (combed !== expected) yield `${name}: comb says ${combed}`;
  }
}

/** Everything, what takes least first. */
export function* failures(build: Build): Generator<string> {
  yield* pointFailures(build);
  yield* groupFailures(build);
  yield* trialFailures(build);
}
