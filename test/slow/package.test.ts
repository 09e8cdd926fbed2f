import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { FakeGateway } from "../devices/robot/fake-gateway.ts";
import { PATH_PLAN, planJob, WholeMarket } from "../stories/whole-market.ts";
import { codeBlocks, FreshProject, type Running } from "./fresh-project.ts";

let project: FreshProject;

beforeAll(async () => {
  project = await FreshProject.make();
  project.write("path-plan.wasm", PATH_PLAN);
  project.write("job.bin", planJob(1).input);
}, 240_000);

afterAll(() => project.remove());

const { exports: EXPORTS } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: object };
const ENTRIES = Object.keys(EXPORTS).map((entry) => entry.replace(/^\./, "hirewire"));

/** Prints the address of each module that is resolved from here on, a line each. */
const TELL_MODULES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({ resolve(specifier, context, next) {
    const found = next(specifier, context);
    console.log(found.url);
    return found;
  } });
`)}`;

/** A program of the project that has to end well; what it said. */
async function outputOf(program: Running): Promise<readonly string[]> {
  expect(await program.ended, program.lines.join("\n")).toBe(0);
  return program.lines;
}

describe("the packed package", () => {
  it("holds what it runs on, and no test, no source and no map of one", () => {
    const paths = project.packed.files.map(({ path }) => path);
    const known =
      /^(package\.json|README\.md|LICENSE|devices\/[a-z-]+\.md|docker\/(hirewire\.service|60-hirewire\.rules)|dist\/(src|devices)\/.+(\.js|\.d\.ts|\.json)|build\/(firmware|kernels)\/[^/]+\.(wasm|sha256)|build\/page\/(index\.html|assets\/[\w.-]+\.(js|css|svg)))$/;
    expect(paths.filter((path) => !known.test(path))).toEqual([]);
    expect(paths.filter((path) => /(^|\/)test\/|\.test\./.test(path))).toEqual([]);
    for (const one of [
      "build/firmware/path-plan.wasm",
      "build/kernels/base.wasm",
      "build/kernels/relaxed.wasm",
      "build/page/index.html",
    ]) {
      expect(paths).toContain(one);
    }
    expect(project.packed.size).toBeLessThan(1_500_000);
  });

  it.each(["nodenext", "bundler"] as const)(
    "has types of all it exports that hold by themselves under %s",
    async (resolution) => {
      const uses = ENTRIES.map((entry, at) => `import * as m${at} from "${entry}";\nconsole.log(m${at});\n`);
      project.write("exports.ts", uses.join(""));
      expect(await project.check(["exports.ts"], resolution)).toBe("");
    },
  );

  it("names the types that its calls take and give", async () => {
    const names =
      "Amount, Answer, ConnectionFile, LaneReader, Order, Progress, RobotEvent, RobotOptions, ServeOptions";
    project.write(
      "names.ts",
      `import { connect, Fault, isFault, Robot, type ${names.replaceAll(", ", ", type ")} } from "hirewire";
       const kinds: RobotEvent["kind"][] = ["connected", "progress"];
       export const order = (robot: Robot, what: Order): Promise<Answer> => robot.hire(what);
       export const open = (options: RobotOptions): Promise<Robot> => connect(options);
       export type All = [Amount, ConnectionFile, LaneReader, Progress, ServeOptions];
       console.log(kinds, Fault, isFault);`,
    );
    expect(await project.check(["names.ts"], "nodenext")).toBe("");
  });

  it("loads neither SQLite nor a serial port where a robot imports it", async () => {
    project.write(
      "import.ts",
      'import { connect } from "hirewire";\nconsole.log("loaded", typeof connect);\n',
    );
    const lines = await outputOf(project.start("import.ts", [], ["--import", TELL_MODULES]));
    expect(lines).toContain("loaded function");
    expect(lines.some((line) => line.endsWith("/dist/devices/robot/robot.js"))).toBe(true);
    expect(lines.filter((line) => /sqlite|serialport|aedes|assemblyscript/.test(line))).toEqual([]);
  });

  it("brings the command", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect((await outputOf(project.start("hirewire", ["version"]))).join()).toContain(version);
  });
});

describe("the robots that README shows", () => {
  const [requester = "", provider = ""] = codeBlocks(readFileSync("README.md", "utf8"), "ts");
  const place = (name: string, example: string, rpc: string) => {
    const url = "http://127.0.0.1:8545";
    expect(example.split(url)).toHaveLength(2);
    project.write(name, example.replace(url, rpc));
  };

  it("are two programs that the compiler takes", async () => {
    for (const [name, example] of Object.entries({ requester, provider }))
      project.write(`${name}.ts`, example);
    expect(await project.check(["requester.ts", "provider.ts"], "nodenext")).toBe("");
  });

  it("hire and serve each other on a gateway and a chain, for money", async () => {
    // the requester comes by WebSocket, as its connection file says: the example is the same
    const market = await WholeMarket.open(({ broker }) => broker.listen.push("ws://127.0.0.1:0"), ["arm"]);
    onTestFinished(() => market.close());
    const { world } = market;
    const address = world.devices.find(({ name }) => name === "arm")?.address;
    for (const [from, to] of [
      ["buyer", "robot.json"],
      ["arm", "arm.json"],
    ] as const) {
      const device = world.devices.find(({ name }) => name === from);
      copyFileSync(device?.connectionFile ?? "", join(project.folder, to));
    }
    const [, url = ""] = market.gateway.urls;
    expect(url).toMatch(/^ws:/);
    const file = JSON.parse(readFileSync(join(project.folder, "robot.json"), "utf8"));
    project.write("robot.json", JSON.stringify({ ...file, broker: url }));
    await outputOf(project.start("hirewire", ["firmware", "trust", "path-plan.wasm"]));
    place("requester.ts", requester, world.rpc);
    place("provider.ts", provider, world.rpc);
    const arm = project.start("provider.ts");
    onTestFinished(() => void arm.process.kill("SIGKILL"));
    // what it is to be paid on counts once it is twelve blocks deep
    const isFunded = () =>
      market.of("laneObserved").some(({ payee, deposit }) => payee === address && deposit > 0n);
    await expect.poll(isFunded, { timeout: 20_000 }).toBe(true);
    await mine(world.rpc, 12);
    const bought = await outputOf(project.start("requester.ts"));
    expect(
      bought.find((line) => /^paid ok [1-9]\d* Uint8Array\(\d+\) /.test(line)),
      [...bought, "provider:", ...arm.lines].join("\n"),
    ).toBeDefined();
    for (const step of ["uploading", "offered", "fetching", "running", "delivering", "downloading"]) {
      expect(
        bought.some((line) => line.startsWith(`${step} `)),
        `${step} in ${bought.join("\n")}`,
      ).toBe(true);
    }
    expect(market.of("paid")).toHaveLength(1);
    await arm.heard((line) => line.includes("kind: 'payment'"));
    arm.process.kill("SIGTERM");
    expect(await arm.ended, arm.lines.join("\n")).toBe(0);
    for (const wallet of ["wallet.json", "arm-wallet.json"])
      expect(existsSync(join(project.folder, wallet))).toBe(true);
  });
});

/** Makes forty offers at once, out of a wallet on disk. */
const SPENDER = `
import { connect } from "hirewire";
import { readConnectionFile } from "hirewire/connection-file";
import { parseAmount } from "hirewire/money";
import { readFile } from "node:fs/promises";
const file = await readConnectionFile("spender.json");
const creditLimit = parseAmount("1", 6);
const robot = await connect({ file, lanes: "trustGateway", walletPath: "spender-wallet.json", creditLimit });
const firmware = await readFile("path-plan.wasm");
for (let at = 0; at < 40; at++) {
  const order = { firmware, input: new Uint8Array([at]), fuelLimit: 1_000, maxPrice: parseAmount("0.0001", 6) };
  robot.hire(order).catch((error) => console.log(error));
}
`;

describe("a robot that is killed", () => {
  it("has on disk all that it ever signed and sent, and never signs less again", async () => {
    const gateway = await FakeGateway.start();
    onTestFinished(() => gateway.drop());
    project.write("spender.ts", SPENDER);
    project.write("spender.json", JSON.stringify(gateway.enroll("spender")));
    const totals = () =>
      gateway.heard("offer").flatMap(({ voucher }) => (voucher ? [voucher.cumulative] : []));
    const highest = () => totals().reduce((most, one) => (one > most ? one : most), 0n);
    for (const offers of [1, 2, 9, 30]) {
      const [before, most] = [totals().length, highest()];
      const spender = project.start("spender.ts");
      const enough = new Promise<void>((done) => {
        gateway.on("offer", () => {
          if (totals().length < before + offers) return;
          spender.process.kill("SIGKILL");
          done();
        });
      });
      await Promise.race([enough, spender.ended]);
      expect(await spender.ended, spender.lines.join("\n")).toBe("SIGKILL");
      const wallet = JSON.parse(readFileSync(join(project.folder, "spender-wallet.json"), "utf8"));
      expect(BigInt(wallet.signed)).toBeGreaterThanOrEqual(highest());
      expect(totals()[before]).toBeGreaterThan(most);
    }
    expect(totals().length).toBeGreaterThanOrEqual(42);
    expect(totals()).toEqual(totals().toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(totals()).size).toBe(totals().length);
  });
});

async function mine(rpc: string, blocks: number): Promise<void> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "anvil_mine", params: [blocks] });
  await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body });
}
