/** What the rooms may know of each other, and the rules of style that no other tool checks. */
import { describe, expect, it } from "vitest";
import { read, type Source, sourceOf, split } from "./sources.ts";

/** From the bottom up: a room imports only rooms that stand before it. */
const ROOMS = [
  "base",
  "kernels",
  "protocol",
  "blob",
  "firmware",
  "journal",
  "link",
  "market",
  "verdict",
  "payment",
  "exchange",
  "settlement",
  "operator",
];

const DEVICE_ROOMS = ["base", "kernels", "protocol", "blob", "firmware"];
const DEVICE_EXTRAS = ["src/payment/lane.ts", "src/link/serial/"];

/** Runs in a browser as well. */
const WITHOUT_NODE = ["src/base/", "src/protocol/", "src/kernels/"];

/** What a terminal and the page call things. */
const WORDS = "src/operator/overview/words.ts";

/** Runs in a browser alone. */
const PAGE = "src/operator/page";

const MAX_LINES = 400;
/** Of one function of AssemblyScript; those of TypeScript are counted by the linter. */
const MAX_FUNCTION_LINES = 60;

const SRC = read("src");
const DEVICES = read("devices");
const TEST = read("test");
const ASSEMBLY = read("assembly");
/** AssemblyScript, without the programs that write and compile it. */
const KERNELS = ASSEMBLY.filter(({ path }) => !/^assembly\/(generate\/|build\.ts$)/.test(path));
const PRODUCT = [...SRC, ...DEVICES];
const BY_PATH = new Map(PRODUCT.map((source) => [source.path, source]));

function roomOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** Why a file may not import another, or null. */
function wrongImport(from: string, to: string): string | null {
  if (!to.startsWith("src/") && !to.startsWith("devices/")) return null;
  const target = roomOf(to);
  if (from.startsWith("devices/")) {
    const allowed = to.startsWith("devices/") || (target !== null && DEVICE_ROOMS.includes(target));
    return allowed || DEVICE_EXTRAS.some((extra) => to.startsWith(extra)) ? null : `${from} -> ${to}`;
  }
  const own = roomOf(from);
  if (to.startsWith("devices/")) return `${from} -> ${to}`;
  if (own === null || own === target) return null;
  const below = target !== null && ROOMS.indexOf(target) !== -1 && ROOMS.indexOf(target) < ROOMS.indexOf(own);
  return below ? null : `${from} -> ${to}`;
}

/** `path:line: text` of every line of the bare code that has the pattern. */
function linesWith(sources: readonly Source[], pattern: RegExp, text: "bare" | "code" = "bare"): string[] {
  return sources.flatMap((source) =>
    source[text]
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${source.path}:${index + 1}: ${source.lines[index]?.trim()}`] : [],
      ),
  );
}

function except(sources: readonly Source[], ...allowed: readonly string[]): Source[] {
  return sources.filter(({ path }) => !allowed.some((one) => path === one || path.startsWith(`${one}/`)));
}

/** The shortest chain of imports from a file to a module that `bad` names, or null. */
function chainTo(start: Source, bad: (to: string) => boolean): string[] | null {
  const seen = new Set([start.path]);
  const queue: string[][] = [[start.path]];
  for (const chain of queue) {
    for (const { to, typeOnly } of BY_PATH.get(chain.at(-1) ?? "")?.imports ?? []) {
      if (typeOnly || seen.has(to)) continue;
      seen.add(to);
      if (bad(to)) return [...chain, to];
      queue.push([...chain, to]);
    }
  }
  return null;
}

/** One cycle of the graph as the files on it, or null. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | null => {
    const back = trail.indexOf(path);
    if (back !== -1) return [...trail.slice(back), path];
    if (done.has(path)) return null;
    for (const to of graph.get(path) ?? []) {
      const found = visit(to, [...trail, path]);
      if (found) return found;
    }
    done.add(path);
    return null;
  };
  for (const path of graph.keys()) {
    const found = visit(path, []);
    if (found) return found;
  }
  return null;
}

/** Names of exported functions that no doc comment stands before. */
function undocumented(source: Source): string[] {
  const { lines } = source;
  return lines.flatMap((line, index) => {
    const name = /^(?:@\w+ )*export (?:async )?function\*? (\w+)/.exec(line)?.[1];
    const before = lines.slice(0, index).findLast((one) => !/^@\w+$/.test(one.trim()));
    return name && !before?.trimEnd().endsWith("*/") ? [`${source.path}: ${name}`] : [];
  });
}

/** Functions of a formatted file that are longer than they may be. */
function longFunctions({ path, lines }: Source): string[] {
  return lines.flatMap((line, index) => {
    const name = /^(?:@\w+ )*(?:export )?function (\w+)/.exec(line)?.[1];
    if (!name || line.endsWith("}")) return [];
    const length = lines.slice(index).indexOf("}") + 1;
    return length > MAX_FUNCTION_LINES ? [`${path}: ${name}: ${length}`] : [];
  });
}

describe("the reader of sources", () => {
  it("finds every form of import, and none in a comment or a string", () => {
    const text = [
      'import type { A } from "./a.ts";',
      'import {\n  b,\n  type C,\n} from "../journal/b.ts";',
      'import * as d from "node:fs";',
      'import "zod";',
      'export { e } from "./e.ts";',
      'const f = await import("mqtt");',
      '// import { no } from "./no.ts";',
      '/** {@link import("./never.ts").Never} */',
      "const text = `import { x } from './x.ts'`;",
    ].join("\n");
    const { imports } = sourceOf("src/market/sample.ts", text);
    expect(imports.map(({ to }) => to)).toEqual([
      "src/market/a.ts",
      "src/journal/b.ts",
      "node:fs",
      "zod",
      "src/market/e.ts",
      "mqtt",
    ]);
    expect(imports[0]?.typeOnly).toBe(true);
  });

  it("tells code from comments, strings, templates and patterns", () => {
    const text =
      'const a = "Date.now()"; // Date.now()\nconst b = /["`]Date.now/; c(`$' + "{Date.now()} x!`);";
    expect(split(text).bare.match(/Date\.now/g)).toHaveLength(1);
    expect(split(text).bare).toContain("{Date.now()}");
  });

  it("has found the tree: many files, many imports, and known ones", () => {
    const edges = PRODUCT.flatMap(({ imports }) => imports);
    expect(PRODUCT.length).toBeGreaterThan(80);
    expect(edges.filter(({ to }) => BY_PATH.has(to)).length).toBeGreaterThan(250);
    expect(BY_PATH.get("src/heartbeat.ts")?.imports.map(({ to }) => to)).toContain("src/exchange/decide.ts");
    expect(TEST.some(({ path }) => path === "test/architecture.test.ts")).toBe(true);
  });

  it("resolves every import of ours to a file", () => {
    const known = new Set([...PRODUCT, ...TEST].map(({ path }) => path));
    const lost = PRODUCT.flatMap(({ path, imports }) =>
      imports
        .filter(({ to }) => /^(src|devices)\/.*\.ts$/.test(to) && !known.has(to) && !to.endsWith(".d.ts"))
        .map(({ to }) => `${path} -> ${to}`),
    );
    expect(lost).toEqual([]);
  });
});

describe("the rooms", () => {
  it("are the ones of the list", () => {
    const found = new Set(SRC.map(({ path }) => roomOf(path)).filter((room) => room !== null));
    expect([...found].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  it("import only rooms before them, and nothing in src imports a device", () => {
    const wrong = PRODUCT.flatMap(({ path, imports }) => imports.map(({ to }) => wrongImport(path, to)));
    expect(wrong.filter((one) => one !== null)).toEqual([]);
    expect(wrongImport("src/market/task.ts", "src/payment/books.ts")).not.toBeNull();
    expect(wrongImport("src/gateway.ts", "src/operator/roster-folder.ts")).toBeNull();
    expect(wrongImport("src/market/task.ts", "src/gateway.ts")).not.toBeNull();
    expect(wrongImport("devices/robot/robot.ts", "src/payment/payment.ts")).not.toBeNull();
    expect(wrongImport("devices/robot/robot.ts", "src/payment/lane.ts")).toBeNull();
  });

  it("base, kernels and protocol need no Node, but for the worker pool", () => {
    const pure = SRC.filter(
      ({ path }) =>
        WITHOUT_NODE.some((room) => path.startsWith(room)) && !/^src\/kernels\/(pool|worker)\.ts$/.test(path),
    );
    expect(pure.length).toBeGreaterThan(10);
    const chains = pure.map((source) => chainTo(source, (to) => to.startsWith("node:")));
    expect(chains.filter((chain) => chain !== null)).toEqual([]);
  });

  it("the page needs no Node, and of the API only its types", () => {
    const page = SRC.filter(({ path }) => path.startsWith(`${PAGE}/`) && !path.endsWith("vite.config.ts"));
    expect(page.length).toBeGreaterThan(20);
    const isForeign = (to: string) =>
      to.startsWith("node:") || (/^src\/operator\//.test(to) && !to.startsWith(`${PAGE}/`) && to !== WORDS);
    expect(page.map((source) => chainTo(source, isForeign)).filter((chain) => chain !== null)).toEqual([]);
  });

  it("robots load neither the serial port nor SQLite", () => {
    const robots = DEVICES.filter(({ path }) => path.startsWith("devices/robot/"));
    expect(robots.length).toBeGreaterThan(3);
    const heavy = (to: string) => /^(@?serialport(\/|$)|node:sqlite$)/.test(to);
    expect(robots.map((source) => chainTo(source, heavy)).filter((chain) => chain !== null)).toEqual([]);
  });

  it("stand apart from the kernels' sources, which import nothing of theirs", () => {
    expect(KERNELS.length).toBeGreaterThan(10);
    const far = ASSEMBLY.flatMap(({ path, imports }) =>
      imports.filter(({ to }) => /^(src|devices|test)\//.test(to)).map(({ to }) => `${path} -> ${to}`),
    );
    expect(far).toEqual([]);
  });

  it("form no cycle of imports, those of types included", () => {
    const graph = new Map(PRODUCT.map(({ path, imports }) => [path, imports.map(({ to }) => to)]));
    expect(cycleIn(graph)).toBeNull();
    expect(cycleIn(new Map(Object.entries({ a: ["b"], b: ["c"], c: ["b"] })))).toEqual(["b", "c", "b"]);
  });
});

describe("the machine", () => {
  it("is asked for the time by base/clock.ts alone", () => {
    const pattern =
      /\bDate\.now\b|\bnew Date\(\)|\b(setTimeout|setInterval)\s*\(|\bperformance\.now\b|\bDate\(\)|node:timers/;
    expect(linesWith(except(PRODUCT, "src/base/clock.ts", PAGE), pattern)).toEqual([]);
    expect(linesWith(PRODUCT, pattern).length).toBeGreaterThan(0);
  });

  it("shows its environment to the door, config.ts and main.ts alone", () => {
    const inside = except(SRC, "src/hirewire.ts", "src/config.ts", "src/main.ts");
    expect(linesWith(inside, /\bprocess\.env\b/)).toEqual([]);
  });

  it("is printed to by operator/, the door, main.ts and the programs of devices alone", () => {
    const imported = new Set(PRODUCT.flatMap(({ imports }) => imports.map(({ to }) => to)));
    const isProgram = (path: string) => !imported.has(path) || path.endsWith("/program.ts");
    const programs = DEVICES.map(({ path }) => path).filter(isProgram);
    const allowed = ["src/operator", "src/hirewire.ts", "src/main.ts", ...programs];
    const silent = except(PRODUCT, ...allowed);
    expect(linesWith(silent, /\bconsole\.|(?<![\w#.])process\.(stdout|stderr)\b/)).toEqual([]);
  });

  it("opens key files in main.ts alone", () => {
    const opening = /\b(readFile|readFileSync|open|openSync|createReadStream)\([^)]*[kK]ey/;
    expect(linesWith(except(SRC, "src/main.ts"), opening)).toEqual([]);
  });
});

describe("the style", () => {
  const all = [...PRODUCT, ...TEST, ...ASSEMBLY];

  it(`keeps files at ${MAX_LINES} lines`, () => {
    const long = all.filter(({ lines }) => lines.length - 1 > MAX_LINES);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length - 1}`)).toEqual([]);
  });

  it(`keeps the kernels' functions at ${MAX_FUNCTION_LINES} lines`, () => {
    expect(KERNELS.flatMap(longFunctions)).toEqual([]);
    const long = `function long(): void {\n${"  step();\n".repeat(MAX_FUNCTION_LINES)}}`;
    expect(longFunctions(sourceOf("assembly/sample.ts", long))).toEqual(["assembly/sample.ts: long: 62"]);
  });

  it("turns no check of the compiler off", () => {
    expect(linesWith(all, /(?<![\w$.])any(?![\w$:])/)).toEqual([]);
    expect(linesWith(all, /[\w$)\]]!(?![=\w])/)).toEqual([]);
    const silenced = new RegExp(`${"@ts"}-(ignore|nocheck)|${"biome"}-ignore`);
    const comments = all.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) => (silenced.test(line) ? [`${path}:${at + 1}`] : [])),
    );
    expect(comments).toEqual([]);
  });

  it("exports named things from where they are made", () => {
    const product = linesWith(PRODUCT, /^export (default\b|\* from)/);
    expect(product).toEqual([]);
  });

  it("says what every exported function does", () => {
    // these two stand behind pair.ts, and these behind chain.ts, where each of their functions is described
    const behind = /\/(pair-(fma|scalar)|(fused|scalar)-chain)\.ts$/;
    const described = KERNELS.filter(({ path }) => !behind.test(path));
    expect([...SRC, ...described].flatMap(undocumented)).toEqual([]);
    const sample = sourceOf(
      "src/market/sample.ts",
      "/** Said. */\nexport function a() {}\n\nexport function b() {}",
    );
    expect(undocumented(sample)).toEqual(["src/market/sample.ts: b"]);
  });
});
