/** The same bytes, outputs, fuel and verdicts on every engine and processor, also where a run ends badly. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import * as bombs from "../../firmware/bombs.ts";
import { buildKernels, words } from "../../firmware/kernels/kernels.ts";
import type { Determined } from "../../firmware/verdicts.ts";
import { asJavaScript, ENGINES, type Engine } from "./old-nodes.ts";

const require = createRequire(import.meta.url);
/** Emulated, some things take a hundred times as long. */
const LIMIT_MS = 240_000;
/** Small enough for an emulator. */
const INPUTS: Readonly<Record<string, Uint8Array>> = {
  astar: words(40, 40, 12_345, 25),
  matmul: words(32, 7),
  "matmul-simd": words(48, 7),
  sha256: Uint8Array.from([...words(50), ...new Uint8Array(32).fill(7)]),
  nbody: words(200),
  layer: words(32),
  fib: words(17),
  vm: words(60),
  sort: words(800, 101),
};
const INPUT = Uint8Array.of(1, 2, 3, 4);

let folder = "";
let entry = "";
const results = new Map<string, ReadonlyMap<string, Determined>>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-determinism-"));
  const put = (name: string, firmware: Uint8Array, input: Uint8Array | null) => {
    writeFileSync(join(folder, `${name}.wasm`), firmware);
    if (input) writeFileSync(join(folder, `${name}.input`), input);
  };
  for (const { name, firmware } of await buildKernels(() => {})) put(name, firmware, INPUTS[name] ?? INPUT);
  put("nan", bombs.nanFingerprint(), bombs.nanInput());
  put("recursion", bombs.endlessRecursion(), INPUT);
  put("mutual-recursion", bombs.mutualRecursion(), INPUT);
  put("indirect-recursion", bombs.indirectRecursion(), INPUT);
  put("endless", bombs.endlessLoop(), INPUT);
  put("spinning-start", bombs.spinningStart(), INPUT);
  put("calls", bombs.callTree(40), INPUT);
  put("growing", bombs.growing(40), INPUT);
  put("greedy", bombs.greedy(16), INPUT);
  put("fills", bombs.fills(3), INPUT);
  put("smuggler", bombs.smuggler(), INPUT);
  for (const [index, last] of Object.values(bombs.TRAPS).entries()) {
    put(`trap-${index}`, bombs.trapAfterWork(last), INPUT);
  }
  const quickjs = require.resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
  put("quickjs", new Uint8Array(readFileSync(quickjs)), null);
  entry = asJavaScript("test/firmware/verdicts.ts", join(folder, "js"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What an engine makes of every module, asked once. */
function ask({ name, command }: Engine): ReadonlyMap<string, Determined> {
  const known = results.get(name);
  if (known) return known;
  const [program = "", ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, [...args, entry, folder], {
    ...{ encoding: "utf8", maxBuffer: 2 ** 26, timeout: LIMIT_MS },
  });
  if (status !== 0) throw new Error(`${name}: ${stderr.slice(-2_000)}`);
  const lines = stdout.trim().split("\n");
  const answers = new Map(
    lines.map((line): [string, Determined] => {
      const one: Determined = JSON.parse(line);
      return [one.name, one];
    }),
  );
  results.set(name, answers);
  return answers;
}

const [own, ...others] = ENGINES;
if (!own) throw new Error("there is no engine");

/** Where an engine is not installed, the test is skipped, but fails in continuous integration. */
function need(engine: Engine, context: TestContext): void {
  if (engine.missing === null) return;
  if (process.env["CI"] === "true") throw new Error(engine.missing);
  context.skip(engine.missing);
}

/** What does not depend on how NaNs come. */
function withoutRaw({ name, metered, runs }: Determined): Determined {
  const keep = <T>(of: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(of).filter(([build]) => !build.includes("as they come")));
  return { name, metered, runs: keep(runs) };
}

describe("on this engine", () => {
  it("every strategy gives the same output and verdict, and the same fuel to what ends well", () => {
    const answers = ask(own);
    expect(answers.size).toBeGreaterThan(25);
    for (const { name, runs } of answers.values()) {
      const { block, ...rest } = runs;
      if (!block) continue;
      for (const [strategy, run] of Object.entries(rest)) {
        if (strategy.includes("as they come")) continue;
        const expected = block.verdict === "ok" ? block : { verdict: block.verdict, output: "" };
        expect(run, `${name}, ${strategy}`).toMatchObject(expected);
      }
    }
  });

  it("every kind of end is among them", () => {
    const verdicts = new Set([...ask(own).values()].map(({ runs }) => runs["block"]?.verdict));
    for (const verdict of ["ok", "trap", "stack", "out-of-fuel"]) expect(verdicts).toContain(verdict);
    expect(verdicts).not.toContain("the engine's own stack is used up");
  });
});

describe.for(others.map((engine): [string, Engine] => [engine.name, engine]))("on %s", ([, engine]) => {
  it("instrumented bytes, outputs, fuel and verdicts are those of this engine", {
    timeout: LIMIT_MS,
  }, (context) => {
    need(engine, context);
    const here = ask(own);
    const there = ask(engine);
    expect([...there.keys()]).toEqual([...here.keys()]);
    for (const [name, one] of here) {
      const other = there.get(name);
      expect(other && withoutRaw(other), name).toEqual(withoutRaw(one));
    }
  });
});

describe("without canonical NaNs", () => {
  it("arm64 and x86-64 differ: what is compared would show it", { timeout: LIMIT_MS }, (context) => {
    const arm64 = others.find(({ name }) => name.includes("arm64"));
    if (!arm64) throw new Error("there is no arm64 engine");
    need(arm64, context);
    if (process.arch !== "x64") context.skip("this is no x86-64");
    const raw = (engine: Engine) => ask(engine).get("nan")?.runs["threaded, NaNs as they come"]?.output;
    expect(raw(own)).toBeTruthy();
    expect(raw(arm64)).toBeTruthy();
    expect(raw(own)).not.toBe(raw(arm64));
  });
});
