import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor, type RunResult } from "../../src/firmware/executor.ts";
import { Xoshiro128 } from "../../src/firmware/random.ts";
import { LIMITS, runOf } from "./executor-rig.ts";
import { compileKernel } from "./kernels/compile.ts";

const BUILT = resolve(import.meta.dirname, "../../build/bench");
const PACKAGES = "apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32";

const executor = new Executor({ clock: systemClock });

beforeAll(() => executor.start());
afterAll(() => executor.stop());

/** Compiles a program of `programs/`; null where that cannot be done here. */
function compiled(name: string, ...flags: readonly string[]): Uint8Array | null {
  mkdirSync(BUILT, { recursive: true });
  const file = join(BUILT, `${name}-${randomUUID()}.wasm`);
  const source = join(import.meta.dirname, "programs", `${name}.c`);
  try {
    const { status } = spawnSync("clang", ["-O2", ...flags, "-o", file, source]);
    return status === 0 ? new Uint8Array(readFileSync(file)) : null;
  } finally {
    rmSync(file, { force: true });
  }
}

const wasi = compiled("words", "--target=wasm32-wasi", "-Wl,--max-memory=16777216");
const rust = compiled(
  "reverse",
  ...[
    "--target=wasm32-unknown-unknown",
    "-nostdlib",
    "-mbulk-memory",
    "-Wl,--no-entry",
    "-Wl,--max-memory=4194304",
  ],
  ...["-Wl,--export=__heap_base", "-Wl,--export=__data_end"],
);
const isComplete = wasi !== null && rust !== null;
const MISSING = new Uint8Array();

describe("compilers of C", () => {
  it.skipIf(isComplete || process.env["CI"] !== "true")(`are here (${PACKAGES})`, () => {
    expect([wasi, rust]).not.toContain(null);
  });
});

describe.skipIf(wasi === null)(`a program in C under wasi-stdio/1 (${PACKAGES})`, () => {
  const firmware = wasi ?? MISSING;
  const bytes = (text: string) => new TextEncoder().encode(text);
  const said = (result: RunResult) =>
    result.verdict === "ok" ? new TextDecoder().decode(result.output) : `${result.verdict} ${result.reason}`;
  const run = (text: string, request = {}) => runOf(executor, bytes(text))(firmware, request);

  it("is recognised", async () => {
    expect(await executor.inspect(firmware)).toMatchObject({
      verdict: "ok",
      profile: "wasi-stdio/1",
      memoryMiB: 16,
    });
  });

  it("reads its input, writes its output, and finds no time, no arguments and the same random bytes", async () => {
    const text = "the quick brown fox\njumps  over\n";
    const random = new Uint8Array(4);
    new Xoshiro128(createHash("sha256").update(text).digest()).fill(random);
    const hash = bytes(text).reduce((sum, byte) => Math.imul(sum ^ byte, 16_777_619), 2_166_136_261);
    const fields = [
      "32 bytes",
      "6 words",
      (hash >>> 0).toString(16).padStart(8, "0"),
      "0 arguments",
      "time 0",
    ];
    const first = await run(text);
    expect(said(first)).toBe(`${[...fields, Buffer.from(random).toString("hex"), "10.667"].join(", ")}\n`);
    expect(await run(text)).toMatchObject({ verdict: "ok", fuel: first.fuel });
  });

  it("takes megabytes, and is billed by what it does with them", async () => {
    const small = await run("word ".repeat(10_000));
    const large = await run("word ".repeat(200_000));
    expect(said(large)).toMatch(/^1000000 bytes, 200000 words,/);
    expect(large.fuel / small.fuel).toBeGreaterThan(10);
  });

  it("ends by its exit code, with the same bill every time", async () => {
    const failing = await run("fail");
    expect(said(failing)).toBe("trap exit 3");
    expect(await run("fail")).toMatchObject({ fuel: failing.fuel });
    const exiting = await run("exit");
    expect(said(exiting)).toBe("bye\n");
    expect(await run("exit", { fuelLimit: exiting.fuel })).toMatchObject({
      verdict: "ok",
      fuel: exiting.fuel,
    });
    expect(await run("exit", { fuelLimit: exiting.fuel - 1 })).toMatchObject({ verdict: "out-of-fuel" });
  });

  it("finds no files", async () => {
    expect(said(await run("file"))).toBe("1\n");
  });

  it("may not write more than it may", async () => {
    expect(said(await run("some words", { maxOutput: 10 }))).toBe("bad-output too_long");
  });

  it("has no verify", async () => {
    const check = { firmware, input: MISSING, output: MISSING, ...LIMITS };
    expect(await executor.verify(check)).toMatchObject({ verdict: "rejected", reason: "no_verify" });
  });
});

describe.skipIf(rust === null)(`a task as Rust makes it (${PACKAGES})`, () => {
  const firmware = rust ?? MISSING;

  it("runs and checks, with its heap where the linker put it", async () => {
    const input = new Uint8Array(300_000).map((_, i) => i * 7);
    const output = input.toReversed();
    expect(await runOf(executor, input)(firmware)).toMatchObject({ verdict: "ok", output });
    expect(await runOf(executor, output)(firmware)).toMatchObject({ verdict: "ok", output: input });
    const check = { firmware, input, output, ...LIMITS };
    expect(await executor.verify(check)).toMatchObject({ verdict: "ok", valid: true });
    expect(await executor.verify({ ...check, output: input })).toMatchObject({ verdict: "ok", valid: false });
  });
});

describe("a task in AssemblyScript", () => {
  it("runs, and gives what its rules say", async () => {
    const firmware = await compileKernel("fib");
    const input = new Uint8Array(Uint32Array.of(20).buffer);
    const result = await runOf(executor, input)(firmware);
    if (result.verdict !== "ok") throw new Error(result.reason);
    expect(new DataView(result.output.buffer).getUint32(0, true)).toBe(6_765);
  });
});
