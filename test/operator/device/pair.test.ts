/** `hirewire device pair`, `device cap`, and what a kept wallet is to the other commands. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { fromHex } from "../../../src/base/bytes.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { keptOwnerOrder } from "../../../src/operator/device/order-store.ts";
import { newPairing, savePairing } from "../../../src/operator/device/pairing.ts";
import { readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import { walletFile } from "../../../src/operator/wallet-folder.ts";
import { BOARD } from "../../link/broker/pairing-board.ts";
import { obey, openPairStand, pairBoard } from "./pair-stand.ts";
import { openStand } from "./stand.ts";

const code = (text: string, message = /./) =>
  expect.objectContaining({ code: text, message: expect.stringMatching(message) });
const usage = (message: RegExp) => code("usage", message);

const OWNER = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const wallets = (data: string) =>
  existsSync(join(data, "wallets")) ? readdirSync(join(data, "wallets")) : [];
const named = (data: string, name: string) => readRoster(data).entries.find((entry) => entry.name === name);

describe("device pair", () => {
  it("gives the board that waits a wallet, and lets it in with its secret at once", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1");
    const [{ code: exit, written, warned }, file] = await Promise.all([
      stand.device("pair", "board-7", "--cap", "2.50"),
      obey(board),
    ]);
    expect(exit).toBe(0);
    const path = walletFile(stand.data, file.device);
    const wallet = stand.ports.keys.wallet(path);
    expect(wallet).toEqual({
      ...{ version: 1, device: file.device, name: "board-7", cap: "2.50" },
      ...{ key: expect.any(String), secret: file.secret },
    });
    expect(addressOfKey(fromHex(wallet.key))).toBe(file.device);
    expect(file).toMatchObject({ ...stand.market, ...board.name, name: "board-7" });
    expect(named(stand.data, "board-7")).toEqual({
      ...{ version: 1, device: file.device, name: "board-7", owner: null, perDay: null, ...board.name },
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(stand.data, "wallets")).mode & 0o777).toBe(0o700);
    expect(written).toMatch(
      /^paired board-7 \(acme\/b-1, cortex-m3\) on \/dev\/ttyACM0, as 0x[0-9a-f]{40}\n/,
    );
    expect(written).toContain(path);
    expect(written).toContain("at most 2.50");
    expect(written + warned).not.toContain(file.secret.slice(2));
    expect(written + warned).not.toContain(wallet.key.slice(2));
    expect(stand.enrolment.keptWallet(file.device)).toMatchObject({ cap: 2_500_000n });
    expect(await stand.login(file)).toBeNull();
  });

  it("tells --json all of it but the secrets, with the cap of one lane deposit unless told", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1");
    const [{ written }, file] = await Promise.all([
      stand.device("pair", "board-7", "--owner", OWNER, "--json"),
      obey(board),
    ]);
    expect(JSON.parse(written)).toEqual({
      ...{ device: file.device, name: "board-7", manufacturer: "acme", serialNumber: "b-1" },
      ...{ model: "cortex-m3", line: "/dev/ttyACM0", cap: "10.00", owner: OWNER },
      ...{ wallet: walletFile(stand.data, file.device), out: null },
    });
  });

  it("without a name lists who waits; device list shows them too", async () => {
    const stand = await openPairStand();
    expect((await stand.device("pair")).written).toBe("no board waits to be paired\n");
    expect((await stand.device("pair", "--json")).written).toBe("");
    await stand.board("b-1");
    await stand.board("b-2", "/dev/ttyACM1");
    const line = (n: number) =>
      `acme/b-${n}, cortex-m3, waits on /dev/ttyACM${n - 1}: hirewire device pair NAME --serial b-${n}\n`;
    expect((await stand.device("pair")).written).toBe(line(1) + line(2));
    expect((await stand.device("list")).written).toContain(line(1) + line(2));
    const [first] = (await stand.device("pair", "--json")).written.split("\n");
    expect(JSON.parse(first ?? "")).toEqual({
      ...{ manufacturer: "acme", serialNumber: "b-1", model: "cortex-m3", line: "/dev/ttyACM0" },
    });
    await expect(stand.device("pair", "--cap", "1")).rejects.toThrow(usage(/--cap .* name the device/));
  });

  it("wants to know which board, and says which there are", async () => {
    const stand = await openPairStand();
    await expect(stand.device("pair", "board-7")).rejects.toThrow(usage(/no board waits.*plug one in/));
    await stand.board("b-1");
    await stand.board("b-2", "/dev/ttyACM1");
    await expect(stand.device("pair", "board-7")).rejects.toThrow(
      usage(/2 boards wait, say which with --serial: acme\/b-1 on \/dev\/ttyACM0; acme\/b-2 on/),
    );
    await expect(stand.device("pair", "board-7", "--serial", "b-3")).rejects.toThrow(
      usage(/no board b-3 waits, but: acme\/b-1/),
    );
    await expect(stand.device("pair", "board-7", "--serial", "b-2", "--manufacturer", "x")).rejects.toThrow(
      usage(/no board x\/b-2 waits/),
    );
    const twin = await stand.board("b-2", "/dev/ttyACM2");
    await expect(stand.device("pair", "board-7", "--serial", "b-2")).rejects.toThrow(
      usage(/more than one board says that it is b-2.*unplug the others/),
    );
    await twin.leave();
    expect(wallets(stand.data)).toEqual([]);
  });

  it("refuses a name or topics that are taken, other words and other money, before the board hears", async () => {
    const stand = await openPairStand();
    await stand.board("b-1");
    for (const [args, message] of [
      [["ROBOT-1"], /the name is taken by robot-1/],
      [["gateway"], /mistaken/],
      [["a/b"], /letters, digits/],
      [["one", "two"], /expected one name/],
      [["board-7", "--owner", "0x1"], /--owner takes an address/],
      [["board-7", "--sreial", "1"], /did you mean --serial/],
      [["board-7", "--again"], /board-7 is not enrolled/],
      [["robot-1", "--again"], /robot-1 has its own key/],
      [["robot-1", "--again", "--out", "x"], /leave --owner and --out away/],
    ] as const) {
      await expect(stand.device("pair", ...args)).rejects.toThrow(usage(message));
    }
    for (const cap of ["-1", "1e3", "", "1.2345678"]) {
      await expect(stand.device("pair", "board-7", `--cap=${cap}`)).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^amount_/) }),
      );
    }
    const guest = await stand.board("b-9", "/dev/ttyACM5", "guest");
    await expect(stand.device("pair", "board-7", "--serial", "b-9")).rejects.toThrow(
      usage(/manufacturer guest/),
    );
    await guest.leave();
    expect([wallets(stand.data), stand.broker.waiting().length]).toEqual([[], 1]);
    expect((await stand.device("pair", "--help")).written).toMatch(/^hirewire device pair /);
  });

  it("does not hint at a wallet where the topics are a robot's that has its own key", async () => {
    const stand = await openPairStand();
    await stand.board("robot-1", "/dev/ttyACM0", "hirewire");
    await expect(stand.device("pair", "board-7")).rejects.toThrow(
      usage(/^hirewire\/robot-1 belongs to robot-1 \(0x/),
    );
  });

  it("sends no secret over a network unless told to, and warns when it has", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1", "tcp://10.0.0.7:2000");
    await expect(stand.device("pair", "board-7")).rejects.toThrow(usage(/tcp:\/\/10.*--over-network/));
    const [{ warned }] = await Promise.all([stand.device("pair", "board-7", "--over-network"), obey(board)]);
    expect(warned).toMatch(/its secret has crossed the network to tcp:\/\/10\.0\.0\.7:2000/);
  });

  it("keeps the order that names the owner, signed by the wallet's key", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1");
    const [{ warned }, file] = await Promise.all([
      stand.device("pair", "board-7", "--owner", OWNER),
      obey(board),
    ]);
    expect(warned).toContain("hirewire device owner board-7 --relay-key");
    expect(named(stand.data, "board-7")).toMatchObject({ owner: OWNER });
    const venue = { chainId: stand.market.chainId, vault: stand.market.vault };
    expect(keptOwnerOrder(stand.data, "board-7", venue)).toMatchObject({
      message: { account: file.device, owner: OWNER, token: stand.market.token },
    });
  });

  it("says what to do when no gateway runs", async () => {
    const stand = await openPairStand();
    await stand.stopControl();
    for (const args of [["pair"], ["pair", "board-7"]]) {
      await expect(stand.device(...args)).rejects.toThrow(code("link_lost", /hirewire run.*--out FILE/));
    }
    expect((await stand.device("list")).written).toContain("robot-1");
  });
});

it("acknowledges the board's proof once the gateway has read what it wrote", async () => {
  const reading = Promise.withResolvers<void>();
  const stand = await openPairStand({}, () => reading.promise);
  const board = await stand.board("b-1");
  const paired = stand.device("pair", "board-7");
  const file = await board.given();
  board.prove(file);
  const order: string[] = [];
  const acknowledged = board.hear().then(() => order.push("acknowledged"));
  await stand.changed(() => stand.enrolment.keptWallet(file.device) !== null);
  expect(order).toEqual([]);
  order.push("read");
  reading.resolve();
  await Promise.all([acknowledged, paired]);
  expect(order).toEqual(["read", "acknowledged"]);
});

describe("a pairing that goes wrong", () => {
  it("enrols nobody when the board goes away, proves something else or keeps silent", async () => {
    const stand = await openPairStand({ pairTimeoutMs: 50 });
    const stories = [
      ["link_lost", async (board: Awaited<ReturnType<typeof stand.board>>) => board.leave()],
      [
        "refused",
        async (board: Awaited<ReturnType<typeof stand.board>>) => board.say({ proof: `0x${"0".repeat(64)}` }),
      ],
      ["timed_out", async () => {}],
    ] as const;
    for (const [expected, story] of stories) {
      const board = await stand.board("b-1");
      const failed = expect(stand.device("pair", "board-7")).rejects.toThrow(code(expected));
      const file = await board.given();
      await story(board);
      await failed;
      expect(wallets(stand.data)).toEqual([]);
      expect(named(stand.data, "board-7")).toBeUndefined();
      // what the board has saved is good for nothing
      expect(await stand.login(file)).toBe("unknown_device");
    }
    const board = await stand.board("b-1");
    await Promise.all([stand.device("pair", "board-7"), obey(board)]);
    expect(wallets(stand.data)).toHaveLength(1);
  });

  it("enrols nobody when the wallet cannot be written, and the board hears no PUBACK", async () => {
    const stand = await openPairStand();
    rmSync(join(stand.data, "wallets"), { recursive: true });
    writeFileSync(join(stand.data, "wallets"), "in the way");
    const board = await stand.board("b-1");
    const failed = expect(stand.device("pair", "board-7")).rejects.toThrow(code("disk_failed"));
    board.prove(await board.given());
    expect(await board.hear()).toBeNull();
    await failed;
    expect(named(stand.data, "board-7")).toBeUndefined();
  });

  it("takes back the wallet when the roster cannot be written", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1");
    const failed = expect(stand.device("pair", "board-7")).rejects.toThrow(code("disk_failed"));
    const file = await board.given();
    mkdirSync(join(stand.data, "devices", "board-7.json.new"));
    board.prove(file);
    expect(await board.hear()).toBeNull();
    await failed;
    expect(wallets(stand.data)).toEqual([]);
  });

  it("gives a name or a board to one of two who ask for it at once", async () => {
    const stand = await openPairStand();
    const [one, two] = [await stand.board("b-1"), await stand.board("b-2", "/dev/ttyACM1")];
    const asked = Promise.allSettled([
      stand.device("pair", "board-7", "--serial", "b-1"),
      stand.device("pair", "board-8", "--serial", "b-1"),
      stand.device("pair", "BOARD-7", "--serial", "b-2"),
    ]);
    for (const board of [one, two]) {
      void board.given().then(
        (file) => board.prove(file),
        () => {},
      );
    }
    const outcomes = (await asked).filter(({ status }) => status === "fulfilled");
    expect(wallets(stand.data)).toHaveLength(outcomes.length);
    const entries = readRoster(stand.data).entries.filter(({ manufacturer }) => manufacturer === "acme");
    expect(entries).toHaveLength(outcomes.length);
    expect(readRoster(stand.data).faults).toEqual([]);
    // one of the first two has the board; the third has the name, unless board-7 is the one
    const names = entries.map(({ name }) => name.toLowerCase());
    expect(names).toEqual(names.includes("board-8") ? ["board-7", "board-8"] : ["board-7"]);
  });

  it("tells who asks for a name that is being given away, before the other board hears anything", async () => {
    const stand = await openPairStand();
    const [one] = [await stand.board("b-1"), await stand.board("b-2", "/dev/ttyACM1")];
    const first = stand.device("pair", "board-7", "--serial", "b-1");
    const file = await one.given();
    const second = expect(stand.device("pair", "board-7", "--serial", "b-2")).rejects.toThrow(
      usage(/the name is taken/),
    );
    await stand.changed(() => stand.asked() === 2);
    one.prove(file);
    await Promise.all([first, second]);
    expect(stand.broker.waiting()).toMatchObject([{ serialNumber: "b-2" }]);
  });

  it("leaves the place to a device that was enrolled in the middle", async () => {
    const stand = await openPairStand();
    const board = await stand.board("b-1");
    const failed = expect(stand.device("pair", "board-7")).rejects.toThrow(usage(/the name is taken/));
    const file = await board.given();
    const device = `0x${"77".repeat(20)}` as const;
    writeRosterEntry(stand.data, {
      ...{ version: 1, device, name: "board-7", owner: null, manufacturer: "x", serialNumber: "y" },
    });
    board.prove(file);
    await failed;
    expect(named(stand.data, "board-7")).toMatchObject({ device });
    expect(wallets(stand.data)).toEqual([]);
  });

  it.each([
    ["before the wallet is in place", "wallets", 0],
    ["between the wallet and the roster entry", "devices", 1],
  ])("killed %s leaves nobody enrolled without a wallet, and can be done again", (_, where, kept) => {
    const stand = openStand();
    onTestFinished(() => stand.remove());
    const src = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
    const address = (digit: string) => `0x${digit.repeat(40)}` as const;
    const market = { chainId: 1, gateway: address("1"), vault: address("2"), token: address("3") };
    const who = { name: "board-7", manufacturer: "m", serialNumber: "s", owner: null, cap: "1" };
    const script = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      const rename = fs.renameSync;
      fs.renameSync = (from, to) => {
        if (to.includes("/${where}/")) process.kill(process.pid, "SIGKILL");
        rename(from, to);
      };
      syncBuiltinESMExports();
      const { newPairing, savePairing } = await import(${src("operator/device/pairing.ts")});
      savePairing(${JSON.stringify(stand.data)}, newPairing(${JSON.stringify(market)}, ${JSON.stringify(who)}));`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
    expect(signal).toBe("SIGKILL");
    expect(readRoster(stand.data)).toEqual({ entries: [], faults: [] });
    expect(wallets(stand.data).filter((name) => name.endsWith(".json"))).toHaveLength(kept);
    savePairing(stand.data, newPairing(market, who));
    expect(readRoster(stand.data).entries).toHaveLength(1);
  });
});

describe("device pair --again", () => {
  it("gives an erased board its wallet back; the old secret is good for nothing", async () => {
    const stand = await openPairStand();
    const old = await pairBoard(stand, "--cap", "3", "--owner", OWNER);
    const before = stand.ports.keys.wallet(walletFile(stand.data, old.device));
    await stand.device("budget", "board-7", "0.50");
    const board = await stand.board("b-1", "/dev/ttyACM3");
    await expect(stand.device("pair", "other")).rejects.toThrow(
      usage(/acme\/b-1 was paired as board-7 before.*hirewire device pair board-7 --again/),
    );
    const [{ written }, file] = await Promise.all([stand.device("pair", "board-7", "--again"), obey(board)]);
    expect(written).toContain("at most 3 ");
    expect(file).toEqual({ ...old, secret: expect.not.stringMatching(old.secret) });
    const after = stand.ports.keys.wallet(walletFile(stand.data, old.device));
    expect(after).toEqual({ ...before, secret: file.secret });
    expect(named(stand.data, "board-7")).toMatchObject({ device: old.device, owner: OWNER, perDay: "0.50" });
    expect(await stand.login(old)).toBe("bad_token");
    expect(await stand.login(file)).toBeNull();
  });

  it("lets another board take the place of a broken one, with its topics, if that is said", async () => {
    const stand = await openPairStand();
    const old = await pairBoard(stand);
    const board = await stand.board("b-2");
    await expect(stand.device("pair", "board-7", "--again")).rejects.toThrow(
      usage(/acme\/b-2 on \/dev\/ttyACM0 waits, and the wallet is acme\/b-1's.*--serial b-2/),
    );
    const [, file] = await Promise.all([
      stand.device("pair", "board-7", "--again", "--serial", "b-2", "--cap", "4"),
      obey(board),
    ]);
    expect(file).toMatchObject({ device: old.device, serialNumber: "b-2" });
    expect(named(stand.data, "board-7")).toMatchObject({ device: old.device, serialNumber: "b-2" });
    expect(stand.enrolment.keptWallet(old.device)).toMatchObject({ cap: 4_000_000n });
    expect(await stand.login(file)).toBeNull();
  });

  it("does not bring a key back that was replaced in the middle", async () => {
    const stand = await openPairStand();
    const old = await pairBoard(stand);
    const board = await stand.board("b-1");
    const failed = expect(stand.device("pair", "board-7", "--again")).rejects.toThrow(usage(/another key/));
    const file = await board.given();
    const { manufacturer, serialNumber } = BOARD;
    const who = { name: "board-7", manufacturer, serialNumber, owner: null, cap: "1" };
    const fresh = newPairing(stand.market, who);
    savePairing(stand.data, fresh);
    board.prove(file);
    await failed;
    expect(named(stand.data, "board-7")).toMatchObject({ device: fresh.entry.device });
    expect(stand.ports.keys.wallet(walletFile(stand.data, old.device))).toMatchObject({ secret: old.secret });
  });

  it("keeps wallet and key whatever fails in the middle", async () => {
    const stand = await openPairStand();
    const old = await pairBoard(stand);
    const board = await stand.board("b-1");
    const failed = expect(stand.device("pair", "board-7", "--again")).rejects.toThrow(code("disk_failed"));
    const file = await board.given();
    mkdirSync(join(stand.data, "devices", "board-7.json.new"));
    board.prove(file);
    await failed;
    expect(stand.ports.keys.wallet(walletFile(stand.data, old.device))).toMatchObject({ device: old.device });
  });
});
