import { once } from "node:events";
import { rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { type Voucher, voucherSchema } from "../../../src/protocol/voucher.ts";
import type { TowerStatus } from "../../../src/settlement/watchtower.ts";
import { openTowerWorld, type Running, type TowerWorld } from "./tower-world.ts";

const json = (voucher: Voucher) => JSON.stringify(z.encode(voucherSchema, voucher));

describe("hirewire watchtower", () => {
  let place: TowerWorld;
  let runs = 0;
  let data = "";
  beforeAll(async () => {
    place = await openTowerWorld();
    await place.world.endow([place.robot, place.arm, place.gateway], 10_000n);
  });
  beforeEach(async () => {
    const clean = await place.world.snapshot();
    data = `tower-${++runs}`;
    return async () => {
      await place.world.revert(clean);
    };
  });
  afterAll(() => place.stop());

  const settled = async (payer: "robot" | "arm") =>
    (await place.world.lane(place[payer], place.gateway)).settled;
  /** Two open lanes to the gateway, of 1,000 units each. */
  const fund = async () => {
    for (const payer of [place.robot, place.arm]) await place.world.fund(payer, place.gateway, 1_000n);
  };

  it("with nothing in danger looks once, sends nothing and ends well", async () => {
    await fund();
    const voucher = await place.voucher(place.robot, place.gateway, 300n);
    const file = place.put("vouchers.jsonl", json(voucher));
    expect(await place.once(data, "--vouchers", file)).toEqual({ code: 0, lines: [] });
    expect(await settled("robot")).toBe(0n);
  });

  it("takes vouchers from a file of lines, from a wallet, and from a journal, all at once", async () => {
    await fund();
    const { robot, arm, gateway, voucher, received, started, journal, put } = place;
    const [low, high] = [await voucher(robot, gateway, 100n), await voucher(robot, gateway, 300n)];
    const lines = put("lines.jsonl", `${json(high)}\n\n${json(low)}\nnot json\n{"half": `);
    const ofArm = await voucher(arm, gateway, 250n);
    const wallet = put(
      "wallet.json",
      JSON.stringify({ version: 1, received: [z.encode(voucherSchema, ofArm)] }, null, 2),
    );
    const book = journal(`book-${data}`, [started], [received(robot, await voucher(robot, gateway, 400n))]);
    await place.requestClose(robot, gateway);
    await place.requestClose(arm, gateway);
    const { code, lines: told } = await place.once(
      data,
      "--vouchers",
      lines,
      "--vouchers",
      wallet,
      "--journal",
      book,
    );
    expect(code).toBe(0);
    expect([await settled("robot"), await settled("arm")]).toEqual([400n, 250n]);
    expect(told.filter(({ kind }) => kind === "claimSent")).toMatchObject([{ rows: 2 }]);
  });

  it("follows a journal from where it was, and starts anew with another one in its place", async () => {
    await fund();
    const { robot, gateway, voucher, received, started, journal } = place;
    const folder = journal(`book-${data}`, [started], [received(robot, await voucher(robot, gateway, 100n))]);
    const tower = place.start(data, "--journal", folder, "--listen", "127.0.0.1:0");
    const status = await statusOf(tower);
    await expect.poll(async () => (await status()).vouchers.kept).toBe(1);
    journal(`book-${data}`, [received(robot, await voucher(robot, gateway, 200n))]);
    await expect.poll(async () => (await status()).vouchers.kept, { timeout: 5_000 }).toBe(2);
    expect((await status()).vouchers.older).toBe(0);
    rmSync(folder, { recursive: true });
    const first = [received(robot, await voucher(robot, gateway, 150n))];
    journal(`book-${data}`, [started], first, [received(robot, await voucher(robot, gateway, 250n))]);
    await expect
      .poll(async () => (await status()).vouchers, { timeout: 5_000 })
      .toMatchObject({ kept: 3, older: 1 });
    await place.requestClose(robot, gateway);
    await tower.line(({ kind }) => kind === "laneSaved");
    expect(await settled("robot")).toBe(250n);
    expect(await tower.stop()).toBe(0);
  });

  it("takes vouchers that are published on a broker, alone or in a payment, retained ones too", async () => {
    await fund();
    const { robot, arm, gateway, voucher } = place;
    const broker = await startBroker();
    const client = await connectAsync(broker.url("publisher"));
    const payment = {
      version: 1,
      task: null,
      role: null,
      amount: (await voucher(arm, gateway, 5n)).cumulative,
    } as const;
    const message = encodeMessage("payment", { ...payment, voucher: await voucher(arm, gateway, 70n) });
    const topic = (name: string) => `hirewire/v1/acme/${name}/voucher`;
    await client.publishAsync(topic("arm"), message, { qos: 1, retain: true });
    const tower = place.start(
      data,
      "--mqtt",
      `${broker.url("tower")}/hirewire/v1/+/+/voucher`,
      "--listen",
      "127.0.0.1:0",
    );
    const status = await statusOf(tower);
    await expect.poll(async () => (await status()).vouchers.kept, { timeout: 5_000 }).toBe(1);
    for (const noise of ["", "{", "[]", "x".repeat(10_000)])
      await client.publishAsync(topic("noise"), noise, { qos: 1 });
    await client.publishAsync(topic("robot"), json(await voucher(robot, gateway, 90n)), { qos: 1 });
    await expect.poll(async () => (await status()).vouchers.kept, { timeout: 5_000 }).toBe(2);
    await place.requestClose(robot, gateway);
    await place.requestClose(arm, gateway);
    await expect
      .poll(async () => [await settled("robot"), await settled("arm")], { timeout: 10_000 })
      .toEqual([90n, 70n]);
    await client.endAsync();
    await broker.stop();
    await tower.line(({ code }) => code === "link_lost");
    expect(await tower.stop()).toBe(0);
  });

  it("tells devices of lanes over HTTP, and keeps what they bring", async () => {
    await fund();
    const { robot, gateway, voucher, world } = place;
    const tower = place.start(data, "--listen", "127.0.0.1:0");
    const base = await baseOf(tower);
    const lane = async () => {
      const query = new URLSearchParams({ payer: robot.address, payee: gateway.address, token: world.token });
      const answer = await fetch(`${base}/lane?${query}`);
      return { status: answer.status, body: await answer.json() };
    };
    expect(await lane()).toEqual({
      status: 200,
      body: {
        ...{ epoch: 0, deposit: "1000", settled: "0", closeAt: 0, window: 0 },
        ...{ block: expect.any(Number) as number, checkedAt: expect.any(Number) as number },
      },
    });
    const post = async (body: string) => {
      const answer = await fetch(`${base}/voucher`, { method: "POST", body });
      return [answer.status, await answer.json()] as const;
    };
    const good = await voucher(robot, gateway, 300n);
    expect(await post(json(good))).toEqual([200, { verdict: "kept" }]);
    expect(await post(json(good))).toEqual([200, { verdict: "older" }]);
    expect(await post(json({ ...good, chainId: 1 }))).toEqual([422, { verdict: "elsewhere" }]);
    expect(await post(json({ ...good, signature: `0x${"ff".repeat(65)}` }))).toEqual([
      422,
      { verdict: "forged" },
    ]);
    expect((await post("{"))[0]).toBe(400);
    expect((await post(`[${json(good)},${json(good)}]`))[0]).toBe(400);
    expect((await post(`${" ".repeat(5_000)}${json(good)}`))[0]).toBe(413);
    const kept = await (await fetch(`${base}/vouchers?account=${gateway.address}`)).text();
    expect(kept).toBe(`${json(good)}\n`);
    expect(await (await fetch(`${base}/vouchers?account=${world.token}`)).text()).toBe("");
    for (const [path, status] of [
      ["/lane", 400],
      ["/lane?payer=x", 400],
      ["/vouchers", 400],
      ["/", 404],
      ["/voucher", 405],
    ] as const) {
      expect((await fetch(base + path)).status).toBe(status);
    }
    expect((await fetch(`${base}/status`, { method: "DELETE" })).status).toBe(405);
    await place.requestClose(robot, gateway);
    expect((await lane()).body).toMatchObject({ closeAt: (await world.lane(robot, gateway)).closeAt });
    await tower.line(({ kind }) => kind === "laneSaved");
    expect((await lane()).body).toMatchObject({ settled: "300", deposit: "1000" });
    expect(await tower.stop()).toBe(0);
    await expect(fetch(base)).rejects.toThrow();
  });

  it("ends with 1 when money stays in danger, and tells of it", async () => {
    await fund();
    const { robot, gateway, voucher, put, setGas, world } = place;
    const file = put("danger.jsonl", json(await voucher(robot, gateway, 300n)));
    await place.requestClose(robot, gateway);
    await world.pass(2_000);
    await setGas(0n);
    await world.rpc("evm_setAutomine", [false]);
    const tower = place.start(data, "--vouchers", file);
    expect(await tower.line(({ kind }) => kind === "alarm")).toMatchObject({ unclaimed: "300", quarters: 2 });
    await tower.stop();
    await world.rpc("evm_setAutomine", [true]);
    await setGas(10n ** 18n);
  });

  it("refuses to run beside another one, with its folder or with its key", async () => {
    const { call, common } = place;
    const tower = place.start(data, "--listen", "127.0.0.1:0");
    await baseOf(tower);
    const again = call([...common(`${data}-b`), "--once", "--listen", "127.0.0.1:0"]);
    await expect(again).rejects.toThrow(expect.objectContaining({ code: "key_in_use" }) as Error);
    await tower.stop();
  });

  it.each([
    [["--vault"], "usage", /--vault/],
    [[], "usage", /--rpc URL/],
    [["ALL", "more"], "usage", /expected hirewire watchtower/],
    [["ALL"], "usage", /name where vouchers come from/],
    [["ALL", "--listen", "nowhere"], "usage", /HOST:PORT/],
    [["ALL", "--mqtt", "http://x/y"], "usage", /mqtt:\/\/user/],
    [["ALL", "--mqtt", "mqtt://host"], "usage", /topic/],
    [["ALL", "--listen", "127.0.0.1:0", "--every", "0"], "usage", /1 to 600/],
    [["ALL", "--listen", "127.0.0.1:0", "--max-fee", "lots"], "usage", /gwei/],
    [["ALL", "--listen", "127.0.0.1:0", "--confirmations", "some"], "usage", /1 to 10000/],
    [["ALL", "--listen", "127.0.0.1:0", "--payee", "0xdead"], "usage", /40 hexadecimal/],
    [
      ["ALL", "--listen", "127.0.0.1:0", "--vault", "0x0000000000000000000000000000000000000000"],
      "usage",
      /zero/,
    ],
    [["ALL", "--listen", "127.0.0.1:0", "--chain-id", "1"], "chain_mismatch", /chain 1/],
    [["ALL", "--journal", "/nowhere"], "config_missing", /no journal/],
    [["ALL", "--jurnal", "x"], "usage", /did you mean --journal/],
  ])("refuses %j", async (args, code, message) => {
    const all = args.flatMap((arg) => (arg === "ALL" ? place.common(data) : [arg]));
    const fault = { code, message: expect.stringMatching(message) as string };
    await expect(place.call(all)).rejects.toThrow(expect.objectContaining(fault) as Error);
  });

  it("says which vault it cannot find, and which port is taken", async () => {
    const { call, common, robot } = place;
    const wrong = [...common(data), "--listen", "127.0.0.1:0", "--vault", robot.address];
    await expect(call(wrong)).rejects.toThrow(expect.objectContaining({ code: "chain_mismatch" }) as Error);
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const busy = call([...common(data), "--once", "--listen", `127.0.0.1:${port}`]);
    await expect(busy).rejects.toThrow(expect.objectContaining({ code: "port_busy" }) as Error);
    taken.close();
    const alone = [...common(data), "--once", "--listen", "127.0.0.1:0", "--rpc", "http://127.0.0.1:9"];
    await expect(call(alone)).rejects.toThrow(
      expect.objectContaining({ code: "chain_unreachable" }) as Error,
    );
  });

  it("explains itself", async () => {
    const { code, written } = await place.call(["--help"]);
    expect(code).toBe(0);
    expect(written).toContain("hirewire watchtower --rpc");
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("speaks to people as well", async () => {
    await fund();
    const { robot, gateway, voucher, put, call, common } = place;
    const file = put("people.jsonl", json(await voucher(robot, gateway, 300n)));
    await place.requestClose(robot, gateway);
    const { code, written, warned } = await call([...common(data), "--once", "--vouchers", file]);
    expect(code).toBe(0);
    expect(warned).toBe("");
    expect(written).toMatch(
      /Z {2}closing {4}0x[0-9a-f]{40} -> 0x[0-9a-f]{40}: 300 units unclaimed, until 20/,
    );
    expect(written).toMatch(/Z {2}claim {6}0x[0-9a-f]{64}: 1 lanes, nonce 0\n/);
    expect(written).toMatch(/Z {2}mined {6}0x[0-9a-f]{64}: block \d+, gas \d+, \d+ wei\n/);
    expect(written).toMatch(/Z {2}saved {6}.*: 300 units settled\n/);
  });
});

async function baseOf(tower: Running): Promise<string> {
  const { port } = await tower.line(({ kind }) => kind === "listening");
  return `http://127.0.0.1:${String(port)}`;
}

async function statusOf(tower: Running) {
  const base = await baseOf(tower);
  return async () => {
    const answer = await fetch(`${base}/status`);
    return (await answer.json()) as Pick<TowerStatus, "vouchers" | "lanes">;
  };
}

/** A broker of somebody else's, with a password. */
async function startBroker() {
  const broker = await Aedes.createBroker({
    authenticate: (_, user, password, done) =>
      done(null, user !== undefined && password?.toString() === "p@ss word"),
  });
  const server = createServer(broker.handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: (user: string) => `mqtt://${user}:${encodeURIComponent("p@ss word")}@127.0.0.1:${port}`,
    stop: async () => {
      await new Promise<void>((done) => broker.close(done));
      await new Promise((done) => server.close(done));
    },
  };
}
