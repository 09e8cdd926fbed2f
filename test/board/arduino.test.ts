/** The Arduino library: compiled with the cross compiler against a stub of Arduino's core, and its description checked. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { hashBlob } from "../../src/blob/blob.ts";
import { judgeModule } from "../../src/firmware/policy.ts";
import { isOnPath } from "../../src/operator/demo/board-firmware.ts";
import { openTask } from "../bench/firmware/task-instance.ts";

const LIBRARY = "devices/board";
const EXAMPLE = join(LIBRARY, "examples/Hire/Hire.ino");
const compilers = ["arm-none-eabi-gcc", "arm-none-eabi-g++"];
const isAbsent =
  process.env["CI"] !== "true" && compilers.some((program) => !isOnPath(process.env["PATH"] ?? "", program));
const why = isAbsent
  ? " (skipped: apt install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib)"
  : "";

/** What Arduino gives every file of a library. */
const COMMON = ["-mcpu=cortex-m3", "-mthumb", "-Wall", "-Wextra", "-Werror", "-DARDUINO=10819"];
const INCLUDES = ["-I", join(LIBRARY, "src"), "-I", "test/board/arduino-stub"];

/** Categories of the Arduino library specification, revision 2.2. */
const CATEGORIES = [
  "Display",
  "Communication",
  "Signal Input/Output",
  "Sensors",
  "Device Control",
  "Timing",
  "Data Storage",
  "Data Processing",
  "Other",
];

function filesOf(ending: string): string[] {
  const folder = join(LIBRARY, "src");
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.map((name) => join(folder, name));
}

function propertiesOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
  );
}

describe.skipIf(isAbsent)(`for Arduino${why}`, () => {
  it("every C file of the library compiles, the other wallet's to nothing, and they make a whole", async () => {
    const sources = filesOf(".c");
    expect(sources).toContain(join(LIBRARY, "src/hw_wallet_own.c"));
    const folder = mkdtempSync(join(tmpdir(), "hirewire-arduino-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const whole = join(folder, "library.o");
    const language = ["-std=gnu11", ...INCLUDES, "-nostdlib", "-r", "-o", whole];
    await promisify(execFile)("arm-none-eabi-gcc", [...COMMON, ...language, ...sources]);
    const { stdout } = await promisify(execFile)("arm-none-eabi-nm", ["-u", whole]);
    expect(stdout).toContain("memcpy");
    expect(stdout).not.toMatch(/\b(hw_|secp256k1_|malloc|printf)/);
  });

  it("the class and its example compile", async () => {
    const language = ["-std=gnu++11", "-fno-exceptions", "-fno-rtti", ...INCLUDES];
    const compile = (...last: string[]) =>
      promisify(execFile)("arm-none-eabi-g++", [...COMMON, "-fsyntax-only", ...language, ...last]);
    expect(filesOf(".cpp")).toEqual([join(LIBRARY, "src/Hirewire.cpp")]);
    // as the Arduino builder does: a sketch is C++ behind its core's header
    const sketch = ["-x", "c++", "-include", "Arduino.h", EXAMPLE];
    await Promise.all([compile(...filesOf(".cpp")), compile(...sketch)]);
  });
});

describe("the library's description", () => {
  const properties = propertiesOf(readFileSync(join(LIBRARY, "library.properties"), "utf8"));

  it("has what Arduino's specification wants of it", () => {
    const required = ["name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"];
    for (const field of [...required, "architectures"]) expect(properties.get(field), field).toMatch(/\S/);
    expect(properties.get("name")).toMatch(/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}$/);
    expect(properties.get("sentence")).not.toMatch(/^Arduino|^A library/);
    expect(CATEGORIES).toContain(properties.get("category"));
    expect(URL.canParse(properties.get("url") ?? "")).toBe(true);
    for (const header of properties.get("includes")?.split(",") ?? []) {
      expect(existsSync(join(LIBRARY, "src", header)), header).toBe(true);
    }
  });

  it("says the same to Arduino, PlatformIO and npm", () => {
    const library = JSON.parse(readFileSync(join(LIBRARY, "library.json"), "utf8"));
    const { version, license } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(library).toMatchObject({ name: properties.get("name"), version, license });
    expect(properties.get("version")).toBe(version);
    const header = readFileSync(join(LIBRARY, "src", library.headers), "utf8");
    const words = readFileSync(join(LIBRARY, "keywords.txt"), "utf8").trim().split("\n");
    for (const word of words) {
      const [name, kind, ...rest] = word.split("\t");
      expect([rest, ["KEYWORD1", "KEYWORD2"].includes(kind ?? "")]).toEqual([[], true]);
      expect(header).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  it("comes with an example whose task is one that providers run", () => {
    const sketch = readFileSync(EXAMPLE, "utf8");
    const listed = (name: string, base: number) => {
      const inside = new RegExp(`${name}\\[\\] = \\{([^}]*)\\}`).exec(sketch)?.[1] ?? "";
      const numbers = inside.split(",").map((text) => text.trim());
      return Uint8Array.from(
        numbers.filter((text) => text !== "").map((text) => Number.parseInt(text, base)),
      );
    };
    const firmware = listed("FIRMWARE", 16);
    expect(sketch).toContain(`hirewire firmware trust ${hashBlob(firmware)}\n`);
    expect(judgeModule(firmware)).toMatchObject({ profile: "task/1", memoryMiB: 1 });
    const task = openTask(firmware, listed("INPUT_BYTES", 10));
    task.run();
    const sum = Number(/SUM = (\d+);/.exec(sketch)?.[1]);
    expect([...task.output()]).toEqual([sum, 0, 0, 0]);
  });
});
