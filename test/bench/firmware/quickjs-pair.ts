/**
 * `node quickjs-pair.ts raw-first|metered-first`: QuickJS as it is and metered, taking turns in one new process.
 *
 * One JSON object: {@link Pair}.
 */
import { contender, interleave, PACE } from "../kernels/rounds.ts";
import { burn, metered, refuel } from "./fuel.ts";
import { openQuickjs, QUICKJS_ANSWER, quickjsModule } from "./quickjs.ts";

/** Nanoseconds of one run, how fast the metered one is beside the raw one, and the fuel that one run takes. */
export type Pair = {
  readonly raw: number;
  readonly metered: number;
  readonly ratio: number;
  readonly fuel: number;
};

const bytes = quickjsModule();
const open = {
  raw: () => openQuickjs(bytes),
  metered: () => openQuickjs(metered(bytes), refuel),
};
const first = process.argv[2] === "metered-first" ? await open.metered() : await open.raw();
const second = process.argv[2] === "metered-first" ? await open.raw() : await open.metered();
const [raw, full] = process.argv[2] === "metered-first" ? [second, first] : [first, second];
for (const { run } of [raw, full]) if (run() !== QUICKJS_ANSWER) throw new Error("QuickJS: another answer");
const refueled = () => {
  refuel(full.exports);
  full.run();
};
const times = await interleave([contender("raw", 1, raw.run), contender("metered", 1, refueled)], {
  ...PACE,
  ...{ rounds: 41, warm: 800 },
});
const pair: Pair = {
  raw: times.median("raw"),
  metered: times.median("metered"),
  ratio: times.ratio("metered", "raw"),
  fuel: burn(full.exports, full.run),
};
process.stdout.write(JSON.stringify(pair));
