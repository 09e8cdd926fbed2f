/** How fast the meter rewrites modules, warm in this process and cold in a new one. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileKernel } from "../../firmware/kernels/compile.ts";
import { contender, interleave, type Pace } from "../kernels/rounds.ts";
import type { Figure } from "../main.ts";
import { absolute, median, relative } from "./figures.ts";
import { metered } from "./fuel.ts";
import { quickjsModule } from "./quickjs.ts";
import { meterByHost, PEER } from "./wasm-metering.ts";

const ROOT = join(import.meta.dirname, "../../..");
const COLD = join(import.meta.dirname, "cold.ts");
/** Megabytes a second of a large module. */
const LEAST = 2;
/** Milliseconds for a module of two kilobytes. */
const MOST_SMALL = 2;
const COMPILER = "WebAssembly.Module, the engine's first compiler";

const modules = (): Readonly<Record<string, Uint8Array>> => ({
  "QuickJS, 503 kB": quickjsModule(),
  "path-plan": new Uint8Array(readFileSync(join(ROOT, "build/firmware/path-plan.wasm"))),
});

/** Warm; beside it, what compiling the module as it is takes. */
async function largeModules(pace: Pace): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, bytes] of Object.entries(modules())) {
    const times = await interleave(
      [
        contender("ours", 1, () => void metered(bytes)),
        contender(COMPILER, 1, () => void new WebAssembly.Module(bytes)),
      ],
      pace,
    );
    const speed = (who: string) => (bytes.length * 1e3) / times.median(who);
    const row = { unit: "MB/s", value: speed("ours"), peer: COMPILER, peerValue: speed(COMPILER) };
    figures.push(absolute({ metric: `instrument ${name}, warm`, ...row }, { least: LEAST }));
  }
  return figures;
}

async function smallModule(pace: Pace): Promise<Figure[]> {
  const bytes = await compileKernel("astar");
  const times = await interleave(
    [contender("ours", 1, () => void metered(bytes)), contender(PEER, 1, () => void meterByHost(bytes))],
    pace,
  );
  const milliseconds = { unit: "ms", value: times.median("ours") / 1e6, peerValue: times.median(PEER) / 1e6 };
  const row = { ...milliseconds, peer: PEER, ratio: times.ratio("ours", PEER) };
  return [absolute({ metric: `instrument A* of ${bytes.length} bytes, warm`, ...row }, { most: MOST_SMALL })];
}

/** The first time in a process, decoding included. */
function cold(count: number): Figure[] {
  const ask = (...args: string[]) =>
    median(
      Array.from({ length: count }, () =>
        Number(execFileSync(process.execPath, [COLD, ...args], { encoding: "utf8" })),
      ),
    );
  const bytes = quickjsModule().length;
  const row = {
    unit: "MB/s",
    value: bytes / 1e3 / ask("quickjs", "ours"),
    ...{ peer: COMPILER, peerValue: bytes / 1e3 / ask("quickjs", "compiler") },
  };
  const small = { unit: "ms", value: ask("astar", "ours"), peer: PEER, peerValue: ask("astar", PEER) };
  return [
    absolute({ metric: "instrument QuickJS, first thing in a process", ...row }, { least: LEAST }),
    relative(
      { metric: "instrument A*, first thing in a process", ...small, ratio: small.peerValue / small.value },
      null,
    ),
  ];
}

export async function instrumentingFigures(pace: Pace, coldStarts: number): Promise<Figure[]> {
  return [...(await largeModules(pace)), ...(await smallModule(pace)), ...cold(coldStarts)];
}
