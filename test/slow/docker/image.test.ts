import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { makeWorld } from "../../../src/operator/demo/world.ts";
import { type LocalChain, startLocalChain } from "../../../src/settlement/local-chain.ts";
import type { Running } from "../fresh-project.ts";
import { type ContainerOptions, giveVolume, startContainer } from "./container.ts";
import { buildImageTree, type ImageTree } from "./image-tree.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hirewire-image-"));
/** What the image may hold beyond the one that it is based on. */
const MOST_BYTES = 60_000_000;

let tree: ImageTree;
let chain: LocalChain;

beforeAll(async () => {
  [tree, chain] = await Promise.all([
    buildImageTree({ folder: join(FOLDER, "tree"), platform: "linux/amd64" }),
    startLocalChain(),
  ]);
}, 240_000);

afterAll(async () => {
  await chain?.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

/** A folder as the image's user has it. */
function volume(): string {
  const data = mkdtempSync(join(FOLDER, "data-"));
  giveVolume(tree, [data]);
  return data;
}

async function run(data: string, args: readonly string[], options: Partial<ContainerOptions> = {}) {
  const running = startContainer(tree, { data, args, ...options });
  const code = await running.ended;
  return { code, said: running.lines.join("\n"), lines: running.lines };
}

/** How many of our modules came out of the compile cache; all of them must. */
function fromCache(lines: readonly string[]): number {
  const ours = lines.filter((line) => /^\[compile cache\].*\/app\/(dist|node_modules)\/\S+\.js/.test(line));
  expect(ours.filter((line) => /rejected|mismatch|fail|not initialized|writing/.test(line))).toEqual([]);
  return ours.filter((line) => line.includes("was accepted")).length;
}

/** The image's own check, as an engine does it: 0 is healthy. */
async function health(data: string) {
  return (await run(data, [], { entrypoint: tree.healthcheck })).code;
}

describe("what the image holds", () => {
  const paths = () => [...tree.files.keys()];

  it("is what a gateway runs on, below 60 MB", () => {
    const known =
      /^(app\/(LICENSE|package\.json|dist\/(src|devices)\/.+\.(js|json)|build\/(firmware|kernels)\/[^/]+\.(wasm|sha256)|build\/page\/(index\.html|assets\/[\w.-]+)|node_modules\/.+|\.cache\/.+)|usr\/local\/bin\/hirewire)$/;
    expect(paths().filter((path) => !known.test(path))).toEqual([]);
    for (const one of ["app/build/kernels/relaxed.wasm", "app/build/page/index.html", "app/LICENSE"]) {
      expect(paths()).toContain(one);
    }
    expect(tree.bytes).toBeLessThan(MOST_BYTES);
  });

  it("are modules that production needs, without maps, types and other machines' binaries", () => {
    const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    const modules = new Set(
      paths().flatMap((path) => /^app\/(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
    );
    expect(modules.size).toBeGreaterThan(50);
    const isWrong = (one: string) => {
      const { dev, optional, devOptional } = packages[one] ?? { dev: true };
      return dev === true || optional === true || devOptional === true;
    };
    expect([...modules].filter(isWrong)).toEqual([]);
    expect(paths().filter((path) => /\.(map|[cm]?ts|md)$/.test(path))).toEqual([]);
    expect(paths().filter((path) => /\.(node|so|dll|exe|dylib)$/.test(path))).toEqual([
      expect.stringMatching(/\/prebuilds\/linux-x64\/[^/]+\.glibc\.node$/),
    ]);
  });

  it("is the same for arm64, with that processor's binary", async () => {
    const folder = join(FOLDER, "arm64");
    const other = await buildImageTree({ folder, platform: "linux/arm64", isCold: true });
    const binary = [...other.files.keys()].filter((path) => path.endsWith(".node"));
    expect(binary).toEqual([expect.stringMatching(/\/prebuilds\/linux-arm64\/[^/]+\.glibc\.node$/)]);
    // ELF names the processor at 18: 183 is AArch64
    expect(readFileSync(join(other.root, binary[0] ?? "")).readUInt16LE(18)).toBe(183);
    const plain = (tree: ImageTree) =>
      [...tree.files.keys()].filter((path) => !/\.cache\/|\.node$/.test(path));
    expect(plain(other)).toEqual(plain(tree));
  });

  it("can be written by nobody, but for the compile cache of its user", () => {
    const open = readdirSync(join(tree.root, "app"), { recursive: true, encoding: "utf8" }).filter((name) => {
      const { mode, uid } = statSync(join(tree.root, "app", name));
      const isReadable = (mode & 0o444) === 0o444;
      return (
        !name.startsWith(".cache") && ((mode & 0o022) !== 0 || uid !== process.getuid?.() || !isReadable)
      );
    });
    expect(open).toEqual([]);
  });
});

describe("a container of it, read-only and without rights", () => {
  it("says what to do where nothing has been set up", async () => {
    const { code, said } = await run(volume(), tree.cmd);
    expect(code).toBe(1);
    expect(said).toMatch(/config_missing.*gateway\.toml/);
    expect(said).toContain("init");
  });

  it("is set up by init, checked by config check and doctor", async () => {
    const data = volume();
    const made = await run(data, ["init", "--rpc", chain.url, "--listen", "127.0.0.1:0"]);
    expect(made.code, made.said).toBe(0);
    expect(statSync(join(data, "data/gateway.key")).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(data, "gateway.toml"), "utf8");
    expect(text).toContain("[chain]");
    const known = await run(data, ["config", "check"], {
      env: { HIREWIRE_CHAIN_VAULT: `0x${"1".repeat(40)}`, HIREWIRE_CHAIN_TOKEN: `0x${"2".repeat(40)}` },
    });
    expect(known.code, known.said).toBe(0);
  });

  it("writes nothing but its volume, and cannot become another user", async () => {
    const data = volume();
    const tried = `
      const { writeFileSync } = require("node:fs");
      const attempt = (name) => { try { writeFileSync(name, ""); return "written"; } catch (error) { return error.code; } };
      const names = ["/app/x", "/app/.cache/x", "/usr/local/bin/x", "/etc/x", "/data/x", "/tmp/x"];
      const status = require("node:fs").readFileSync("/proc/self/status", "utf8");
      const field = (name) => new RegExp(name + ":\\\\s*(.*)").exec(status)[1];
      console.log(JSON.stringify([process.getuid(), names.map(attempt), field("CapEff"), field("CapBnd"), field("NoNewPrivs")]));
    `;
    const { said, lines } = await run(data, ["-e", tried], { entrypoint: ["node"] });
    const read = "EROFS";
    expect(JSON.parse(lines.at(-1) ?? ""), said).toEqual([
      tree.user.uid,
      [read, read, read, read, "written", "written"],
      "0000000000000000",
      "0000000000000000",
      "1",
    ]);
  });

  it("loads what was compiled when the image was made", async () => {
    const { code, lines } = await run(volume(), ["version"], { env: { NODE_DEBUG_NATIVE: "COMPILE_CACHE" } });
    expect(code).toBe(0);
    expect(fromCache(lines)).toBeGreaterThan(20);
  });
});

describe("the gateway in a container", () => {
  it("runs on a chain, is healthy, serves its own commands, and stops when it is told", async () => {
    const data = volume();
    const world = await makeWorld({
      ...{ folder: data, local: chain, clock: systemClock, serialPath: "tcp://127.0.0.1:9" },
      names: { requesters: ["buyer"], providers: ["arm"] },
    });
    mkdirSync(join(data, "blobs"), { recursive: true });
    giveVolume(tree, [
      data,
      ...readdirSync(data, { recursive: true, encoding: "utf8" }).map((name) => join(data, name)),
    ]);
    expect(await health(data)).not.toBe(0);
    const env = { NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
    const gateway: Running = startContainer(tree, { data, env });
    onTestFinished(() => void gateway.process.kill("SIGKILL"));
    const from = systemClock.now();
    await gateway.heard((line) => line.includes(`gateway ${world.gateway}`));
    expect(systemClock.now() - from).toBeLessThan(10_000);
    expect(await health(data)).toBe(0);
    const doctor = await run(data, ["doctor"]);
    expect(doctor.said).toMatch(/executor .*without files/);
    expect(doctor.said).toMatch(/chain .*31337/);
    gateway.process.kill("SIGTERM");
    expect(await gateway.ended, gateway.lines.join("\n")).toBe(0);
    expect(fromCache(gateway.lines)).toBeGreaterThan(500);
    expect(await health(data)).not.toBe(0);
    const log = await run(data, ["log", "verify"]);
    expect(log.code, log.said).toBe(0);
  });
});
