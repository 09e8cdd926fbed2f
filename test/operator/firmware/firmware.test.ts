import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { parseManifest } from "../../../src/firmware/manifest-file.ts";
import { COSTS_HASH, METER_VERSION } from "../../../src/firmware/meter/costs.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { hintOf } from "../../../src/operator/firmware/hints.ts";
import { TEMPLATE } from "../../../src/operator/firmware/template.ts";
import { exitCodeOf, VERDICT_HELP } from "../../../src/operator/firmware/verdicts.ts";
import { priceOf } from "../../../src/protocol/fuel.ts";
import { isManifestOf } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { ENDLESS, OP, returning, taskModule } from "../../firmware/module.ts";
import { type Desk, openDesk } from "./desk.ts";

const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

let desk: Desk;
/** The template, written and built by the commands themselves. */
let shout: string;
let built: string;

const executor = new Executor({ clock: systemClock });

beforeAll(async () => {
  await executor.start();
  desk = openDesk(executor);
  const source = desk.path("shout.ts");
  await desk.run(["build", "--template", source]);
  shout = desk.path("shout.wasm");
  built = (await desk.run(["build", source, "--json"])).written;
});
afterAll(async () => {
  desk.remove();
  await executor.stop();
});

const run = (...args: string[]) => desk.run(["run", ...args]);
const runJson = async (...args: string[]) => {
  const { code, written } = await run(...args, "--json");
  return { code, report: JSON.parse(written) };
};

describe("firmware build", () => {
  it("makes of the template a module that the market takes", async () => {
    const module = desk.read("shout.wasm");
    expect(JSON.parse(built)).toMatchObject({
      file: shout,
      compiler: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      verdict: "ok",
      profile: "task/1",
      memoryMiB: 1,
      pages: 16,
      hasVerify: false,
      bytes: module.length,
      sha256: sha256(module),
    });
    expect(TEMPLATE.trimEnd().split("\n").length).toBeLessThanOrEqual(16);
    const { code, bytes } = await run(shout, "--text", "Hello, robot 7");
    expect([code, bytes.toString()]).toEqual([0, "HELLO, ROBOT 7"]);
  });

  it("gives a program the pages that its data takes, and says when the class has too few", async () => {
    const data = `const table = memory.data(100_000);\n${TEMPLATE.replace("load<u8>(at)", "load<u8>(at) | load<u8>(table)")}`;
    const source = desk.put("table.ts", data);
    expect((await desk.run(["build", source])).code).toBe(0);
    const { code, bytes } = await run(desk.path("table.wasm"), "--text", "two pages");
    expect([code, bytes.toString()]).toEqual([0, "TWO PAGES"]);
    const more = desk.put("more.ts", data.replace("100_000", "2_000_000"));
    await expect(desk.run(["build", more])).rejects.toEqual(fault("firmware_rejected", /--memory 16/));
  });

  it("shows the compiler's words where a program does not compile, and writes nothing", async () => {
    const source = desk.put(
      "wrong.ts",
      `${TEMPLATE}\nexport function twice(n: i32): i32 { return n * m; }\n`,
    );
    const built = desk.run(["build", source]);
    await expect(built).rejects.toEqual(fault("firmware_rejected", /wrong\.ts does not compile/));
    expect(existsSync(desk.path("wrong.wasm"))).toBe(false);
  });

  it("rejects what needs the host, and says what to leave out", async () => {
    const source = desk.put(
      "clock.ts",
      TEMPLATE.replace("const letter", "const now = Date.now();\n const letter"),
    );
    const { code, written } = await desk.run(["build", source]);
    expect(code).toBe(14);
    expect(written).toMatch(/✘ .*clock\.wasm: rejected, imports\n +reason .*\n +hint .*no console, Date/);
    expect(existsSync(desk.path("clock.wasm"))).toBe(false);
  });

  it("touches no file that is there, and names one that is not", async () => {
    const source = desk.path("shout.ts");
    await expect(desk.run(["build", "--template", source])).rejects.toEqual(fault("usage", /there already/));
    const none = desk.path("none.ts");
    await expect(desk.run(["build", none])).rejects.toEqual(fault("usage", /no file .*build --template/));
    await expect(desk.run(["build", shout])).rejects.toEqual(fault("usage", /ends in \.ts/));
    await expect(desk.run(["build", source, "--memory", "2"])).rejects.toEqual(
      fault("usage", /1, 16, 64 MiB/),
    );
    expect(readFileSync(source, "utf8")).toBe(TEMPLATE);
  });

  it("does not write the module over its source, by whatever name", async () => {
    const source = desk.path("shout.ts");
    symlinkSync(source, desk.path("link.wasm"));
    for (const out of [source, desk.path("./x/../shout.ts"), desk.path("link.wasm")]) {
      const built = desk.run(["build", source, "--out", out]);
      await expect(built).rejects.toEqual(fault("usage", /--out .* would overwrite .*shout\.ts/));
    }
    expect(readFileSync(source, "utf8")).toBe(TEMPLATE);
  });
});

describe("firmware check", () => {
  it("says what a module is and what the meter makes of it", async () => {
    const file = desk.put("echo.wasm", taskModule({ memory: [1, 17], verify: [OP.i32Const, 1] }));
    const { code, written } = await desk.run(["check", file, "--json"]);
    const { metered, ...found } = JSON.parse(written);
    const module = desk.read("echo.wasm");
    expect(code).toBe(0);
    expect(found).toEqual({
      file,
      verdict: "ok",
      sha256: sha256(module),
      bytes: module.length,
      profile: "task/1",
      memoryMiB: 16,
      pages: 17,
      functions: 4,
      hasVerify: true,
      meter: { version: METER_VERSION, costs: COSTS_HASH },
    });
    expect(metered.bytes).toBeGreaterThan(module.length);
    expect(metered.sha256).toMatch(/^0x[0-9a-f]{64}$/);
    const text = (await desk.run(["check", file])).written;
    for (const word of ["task/1, memory class 16 MiB", sha256(module), metered.sha256, COSTS_HASH])
      expect(text).toContain(word);
  });

  it("names the rule that a module breaks, with a hint", async () => {
    const file = desk.put("unbounded.wasm", taskModule({ memory: [1] }));
    const { code, written } = await desk.run(["check", file]);
    expect(code).toBe(14);
    expect(written).toMatch(/✘ .*rejected, memory_unbounded\n +reason .*\n +hint .*--maximumMemory/);
    const json = JSON.parse((await desk.run(["check", file, "--json"])).written);
    expect(json).toMatchObject({
      verdict: "rejected",
      rejection: "memory_unbounded",
      hint: expect.any(String),
    });
    const text = desk.put("text.wasm", "not a module");
    expect((await desk.run(["check", text])).written).toContain("not_wasm");
  });

  it("has a hint for a body that no engine takes", async () => {
    const file = desk.put("invalid.wasm", taskModule({ run: [OP.i32Const, 0] }));
    const { code, written } = await desk.run(["check", file, "--json"]);
    expect([code, JSON.parse(written)]).toEqual([
      14,
      expect.objectContaining({ rejection: "invalid", hint: expect.any(String) }),
    ]);
  });

  it("starts an executor of its own where none runs", async () => {
    const alone = openDesk();
    const { code } = await alone.run(["check", alone.put("echo.wasm", taskModule())]).finally(alone.remove);
    expect(code).toBe(0);
  });

  it("takes one file that is there", async () => {
    await expect(desk.run(["check"])).rejects.toEqual(fault("usage", /expected one file/));
    await expect(desk.run(["check", desk.path("none.wasm")])).rejects.toEqual(fault("usage", /no file/));
    await expect(desk.run(["check", desk.path(".")])).rejects.toEqual(
      fault("disk_failed", /cannot read .*: it is a folder$/),
    );
  });

  it("reads no further than a blob can be long", async () => {
    const long = fault("usage", /\/dev\/zero is longer than 67108864 bytes \(64 MiB\)/);
    await expect(desk.run(["check", "/dev/zero"])).rejects.toEqual(long);
    await expect(desk.run(["run", shout, "--input", "/dev/zero"])).rejects.toEqual(long);
  });
});

describe("firmware run", () => {
  it("gives verdict, fuel, output hash and price, the same every time", async () => {
    const first = await runJson(shout, "--text", "abc", "--rate", "1000000000000");
    const { report } = first;
    expect(first.code).toBe(0);
    expect(report).toEqual({
      verdict: "ok",
      reason: null,
      hint: null,
      fuel: expect.any(Number),
      fuelLimit: 1e12,
      wallMs: expect.any(Number),
      output: { bytes: 3, sha256: sha256("ABC") },
      price: priceOf(amount(10n ** 12n), report.fuel).toString(),
    });
    expect(report.fuel).toBeGreaterThan(0);
    const again = (await runJson(shout, "--text", "xyz")).report;
    expect([again.fuel, again.price]).toEqual([report.fuel, null]);
    const crisp = await runJson(shout, "--text", "abc", "--fuel", `${report.fuel}`);
    const short = await runJson(shout, "--text", "abc", "--fuel", `${report.fuel - 1}`, "--rate", "1");
    expect([crisp.code, short.code]).toEqual([0, 10]);
    expect(short.report).toMatchObject({
      verdict: "out-of-fuel",
      fuel: report.fuel - 1,
      output: null,
      price: "1",
    });
    expect(short.report.hint).toContain("--fuel");
  });

  it("reads standard input or a file, and writes standard output or a file", async () => {
    const input = desk.put("input.bin", Uint8Array.of(0x61, 0xff, 0x00, 0x62));
    const output = desk.path("output.bin");
    const toFile = await run(shout, "--input", input, "--output", output);
    expect(desk.read("output.bin")).toEqual(Uint8Array.of(0x41, 0xff, 0x00, 0x42));
    expect([toFile.bytes.length, toFile.warned]).toEqual([0, ""]);
    expect(toFile.written).toMatch(
      /verdict {3}ok\n +fuel +[\d,]+ of 1,000,000,000,000\n +time +\d+ ms\n +output +4 bytes/,
    );
    const piped = await desk.run(["run", shout, "--input", "-"], { stdin: "from a pipe" });
    expect([piped.bytes.toString(), piped.written]).toEqual(["FROM A PIPE", ""]);
    expect(piped.warned).toContain("11 bytes");
  });

  it("writes over neither the module nor the input, and says why it cannot write", async () => {
    const input = desk.put("kept.bin", "kept");
    const module = desk.read("shout.wasm");
    for (const output of [shout, input]) {
      const ran = run(shout, "--input", input, "--output", output);
      await expect(ran).rejects.toEqual(fault("usage", /--output .* would overwrite/));
    }
    expect([desk.read("shout.wasm"), readFileSync(input, "utf8")]).toEqual([module, "kept"]);
    await expect(run(shout, "--text", "x", "--output", desk.path("."))).rejects.toEqual(
      fault("disk_failed", /cannot write .*: it is a folder$/),
    );
    await expect(run(shout, "--text", "x", "--output", desk.path("none/x"))).rejects.toEqual(
      fault("disk_failed", /cannot write .*: no such file or directory$/),
    );
  });

  it("shows text on a terminal, and nothing that could steer it", async () => {
    const text = await desk.run(["run", shout, "--text", "line"], { isTerminal: true });
    expect([text.bytes.length, text.written.endsWith("LINE\n")]).toEqual([0, true]);
    const steering = await desk.run(["run", shout, "--text", "\u001b[2J"], { isTerminal: true });
    expect(steering.written).not.toContain("\u001b");
    expect(steering.written).toContain("--output FILE keeps it");
    const raw = await desk.run(["run", shout, "--text", "\u001b[2J", "--raw"], { isTerminal: true });
    expect(raw.bytes.toString()).toBe("\u001b[2J");
  });

  it("has an exit code for every verdict", async () => {
    const trap = desk.put("trap.wasm", taskModule({ run: [OP.unreachable] }));
    const endless = desk.put("endless.wasm", taskModule({ run: ENDLESS }));
    const deep = desk.put("deep.wasm", taskModule({ run: [OP.get, 0, OP.get, 1, OP.call, 1] }));
    const wild = desk.put("wild.wasm", taskModule({ run: returning(2 ** 30, 8) }));
    const cases = [
      [11, "trap", [trap]],
      [10, "out-of-fuel", [endless, "--fuel", "1_000_000"]],
      [12, "stack", [deep]],
      [13, "bad-output", [wild]],
      [13, "bad-output", [shout, "--max-output", "0"]],
      [14, "rejected", [desk.put("text2.wasm", "no module")]],
      [16, "deadline", [endless, "--fuel", "1e15", "--deadline", "1"]],
    ] as const;
    for (const [code, verdict, args] of cases) {
      const result = await runJson(...args, "--text", "x", "--rate", "5");
      expect([result.code, result.report.verdict]).toEqual([code, verdict]);
      const isBilled = code < 14;
      expect([result.report.price !== null, result.report.fuel > 0]).toEqual([isBilled, isBilled]);
      expect(result.report.reason).not.toBe("");
    }
    const listed = [...VERDICT_HELP.matchAll(/^ +(\d+) ([a-z-]+)/gm)].map((row) => [Number(row[1]), row[2]]);
    expect(listed.length).toBe(8);
    for (const [code, verdict] of listed) expect(exitCodeOf(verdict as "ok")).toBe(code);
  });

  it("runs nothing of a larger memory class than is paid for", async () => {
    const file = desk.put("large.wasm", taskModule({ memory: [1, 257] }));
    const { code, report } = await runJson(file, "--text", "x", "--memory", "16");
    expect([code, report.fuel]).toEqual([14, 0]);
    expect(report).toMatchObject({ reason: expect.stringMatching(/257 pages.*64 MiB/), hint: /--memory 64/ });
  });

  it("names what is wrong with the arguments", async () => {
    const wrong: [RegExp, string[]][] = [
      [/give the input once/, [shout]],
      [/give the input once/, [shout, "--text", "x", "--input", "-"]],
      [/expected one file/, ["--text", "x"]],
      [/--fuel takes a whole number from 1 to 1000000000000000/, [shout, "--text", "x", "--fuel", "0"]],
      [/--fuel takes/, [shout, "--text", "x", "--fuel", "1e16"]],
      [/--deadline takes/, [shout, "--text", "x", "--deadline", "soon"]],
      [/--rate takes/, [shout, "--text", "x", "--rate", "0.5"]],
      [/no file/, [shout, "--input", desk.path("none.bin")]],
      [/did you mean --fuel/, [shout, "--text", "x", "--fule", "1"]],
    ];
    for (const [message, args] of wrong) await expect(run(...args)).rejects.toEqual(fault("usage", message));
  });
});

describe("firmware publish", () => {
  const label = ["--version", "1.0.0", "--licence", "MIT"];

  it("signs what the module is, for those who trust its author", async () => {
    const key = randomKey();
    const keyFile = desk.put("author.key", `${toHex(key)}\n`);
    const { code, written } = await desk.run(["publish", shout, "--key", keyFile, ...label]);
    const path = desk.path("shout.manifest.json");
    expect(written).toContain(`✔ ${path}: shout 1.0.0`);
    const manifest = parseManifest(readFileSync(path, "utf8"), path);
    const hash = sha256(desk.read("shout.wasm"));
    expect(code).toBe(0);
    expect(written).not.toContain(toHex(key).slice(2));
    expect(isManifestOf(manifest, hash)).toBe(true);
    expect(manifest).toMatchObject({
      firmware: hash,
      name: "shout",
      version: "1.0.0",
      licence: "MIT",
      profile: "task/1",
      memoryMiB: 1,
      author: keySigner(key).address,
    });
    const trust = desk.path("trust.json");
    await desk.run(["trust", path, "--as", "author", "--trust", trust]);
    expect((await desk.run(["list", "--trust", trust])).written).toContain(`author  ${manifest.author}`);
  });

  it("signs nothing that is rejected, and opens the key for nothing else", async () => {
    const file = desk.put("bad.wasm", taskModule({ memory: [1] }));
    const { code, written } = await desk.run(["publish", file, "--key", desk.path("none.key"), ...label]);
    expect([code, written]).toEqual([14, expect.stringContaining("memory_unbounded")]);
    expect(existsSync(desk.path("bad.manifest.json"))).toBe(false);
  });

  it("writes over neither the module nor the key", async () => {
    const keyFile = desk.put("other.key", `${toHex(randomKey())}\n`);
    for (const out of [shout, keyFile]) {
      const before = readFileSync(out);
      const published = desk.run(["publish", shout, "--key", keyFile, ...label, "--out", out]);
      await expect(published).rejects.toEqual(fault("usage", /--out .* would overwrite/));
      expect(readFileSync(out)).toEqual(before);
    }
  });

  it("says in its help how a key is made", async () => {
    expect((await desk.run(["publish", "--help"])).written).toContain("openssl rand -hex 32 > author.key");
  });

  it("names what is missing", async () => {
    const key = ["--key", desk.path("author.key")];
    const wrong: [RegExp, string[]][] = [
      [/--key KEYFILE is missing/, label],
      [/--version is missing/, [...key, "--licence", "MIT"]],
      [/--licence is missing/, [...key, "--version", "1"]],
      [/--name takes 1 to 64 printable/, [...key, ...label, "--name", "ü"]],
      [/--version takes 1 to 32 printable/, [...key, "--version", "9".repeat(33), "--licence", "MIT"]],
    ];
    for (const [message, args] of wrong) {
      await expect(desk.run(["publish", shout, ...args])).rejects.toEqual(fault("usage", message));
    }
  });
});

describe("firmware --help", () => {
  it("explains every view, in 80 columns", async () => {
    const { written } = await desk.run(["--help"]);
    for (const view of ["build", "check", "run", "publish", "trust", "untrust", "list"]) {
      expect(written).toContain(`hirewire firmware ${view} `);
      const own = (await desk.run([view, "--help"])).written;
      expect(written).toContain(own);
    }
    expect(written.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("has no hint for a rejection that it does not know", () => {
    expect(hintOf("toString")).toBeNull();
  });
});
