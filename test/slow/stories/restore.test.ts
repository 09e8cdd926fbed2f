/** A gateway's folder is lost while it trades: an older copy, or nothing but its peers, is enough to go on. */
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Robot } from "../../../devices/robot/robot.ts";
import type { Gateway } from "../../../src/gateway.ts";
import { recoveryOf } from "../../../src/payment/books.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { Program } from "../../stories/program.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import {
  ask,
  Backstage,
  expectChainAgrees,
  expectConserved,
  LANE_DEPOSIT,
  quick,
  quickFile,
  received,
} from "./backstage.ts";
import { Gate } from "./gate.ts";

let market: WholeMarket | null = null;

afterEach(async () => {
  await market?.close();
  market = null;
});

function hire(robot: Robot, number: number) {
  return robot.hire({ ...planJob(number), maxPrice: PRICE });
}

/** Runs a command line to its end. */
async function hirewire(...args: readonly string[]): Promise<void> {
  const program = new Program(args);
  expect(await program.ended(), program.stderr).toBe(0);
}

/** What the gateway knows that it has signed to a robot. */
function signedTo(gateway: Gateway, robot: Robot): bigint {
  return gateway.state.payment.outgoing.get(robot.address)?.signed ?? 0n;
}

describe("a gateway without its folder", { timeout: 120_000 }, () => {
  it("goes on from a backup: pays nothing twice, signs below nothing that others show, and settles", async () => {
    market = await WholeMarket.found(quick);
    const whole = market;
    const stage = new Backstage(market);
    const { world } = market;
    const { folder } = world;
    quickFile(world.config);
    const run = new Program(["run", "--config", world.config, "--listen", "127.0.0.1:0", "--json"]);
    market.adopt(async () => {
      run.process.kill("SIGKILL");
      await run.ended();
    });
    const port = Number((await run.heard(({ kind }) => kind === "ready"))["port"]);
    world.connect(port);
    const devices = stage.folder();
    const walletOf = (name: string) => ({ walletPath: join(devices, `${name}.wallet.json`) });
    const gate = new Gate();
    const executor = await market.executor();
    const first = await market.provider("first", 500n, executor, 4, walletOf("first"));
    const buyer = await market.robot("buyer", false, walletOf("buyer"));
    for (const number of [1, 2]) expect((await hire(buyer, number)).provider).toBe(first.address);
    const second = await market.provider("second", 400n, gate.runs(executor), 4, walletOf("second"));

    // copied while a provider is at work; paid for after that, like two more
    gate.close();
    const open = hire(buyer, 3);
    await run.heard(({ facts }) => JSON.stringify(facts ?? "").includes('"accepted"'));
    await expect.poll(() => ask(folder, "status"), { timeout: 20_000 }).toMatchObject({ openTasks: 1 });
    const copy = join(stage.folder(), "copy");
    await hirewire("backup", copy, "--config", world.config);
    gate.open();
    expect((await open).provider).toBe(second.address);
    for (const number of [4, 5]) expect((await hire(buyer, number)).provider).toBe(second.address);
    await expect.poll(() => received(second)).toBe(3n * 392n);
    run.process.kill("SIGKILL");
    await run.ended();
    rmSync(folder, { recursive: true });

    const restored = join(stage.folder(), "restored");
    await hirewire("restore", copy, "--data", restored);
    const config = join(restored, "gateway.toml");
    market.gateway = await market.startGateway(port, { config, facts: market.facts });
    const { gateway } = market;
    const { state } = gateway;
    expect(state.halted).toMatch(/restored from a backup/);
    await expect.poll(() => signedTo(gateway, second), { timeout: 20_000 }).toBe(received(second));
    expect(signedTo(gateway, first)).toBe(received(first));
    await expect.poll(() => buyer.isUp, { timeout: 20_000 }).toBe(true);
    await expect(hire(buyer, 6)).rejects.toMatchObject({ facts: { code: "gateway_stopped" } });
    expect(market.of("voucherShown").map(({ amount }) => amount)).toEqual([3n * 392n]);
    // what was paid since the copy is on nobody's account: the gateway has lost who paid for it
    expect(recoveryOf(state.payment.books)).toBe(3n * 392n);
    expect(market.of("ended").map(({ state: end, price }) => [end, price])).toEqual([["cancelled", 0n]]);
    expect(market.of("paid")).toEqual([]);
    expectConserved(state);
    // all that the buyer has ever signed has been heard of, with the offer that was refused, and is its credit
    expect(state.payment.incoming.get(buyer.address)?.signed).toBe(buyer.wallet.signed);
    expect(creditOf(state.payment, buyer.address)).toBe(buyer.wallet.free);

    expect(await ask(restored, "resume")).toMatchObject({ halted: null });
    expect(existsSync(join(restored, "restored"))).toBe(false);
    const before = received(second);
    for (const number of [7, 8]) expect((await hire(buyer, number)).provider).toBe(second.address);
    await expect.poll(() => received(second)).toBe(before + 2n * 392n);
    await gateway.settle();
    await expectChainAgrees(state, gateway.market, stage.chain);
    expect(await stage.vaultOf(first.address)).toBe(received(first));
    expect(await stage.vaultOf(second.address)).toBe(received(second));
    expect((await stage.lane(buyer.address, world.gateway)).settled).toBe(buyer.wallet.signed);
    expect(whole.of("paid")).toHaveLength(2);
    expect(market.broken).toEqual([]);
  });

  it("goes on from a backup when the chain has seen claims since: what was spent stays spent", async () => {
    market = await WholeMarket.open(quick);
    const stage = new Backstage(market);
    const { world } = market;
    const first = await market.provider("first", 500n);
    const buyer = await market.robot("buyer", false);
    expect((await hire(buyer, 1)).state).toBe("paid");
    const copy = join(stage.folder(), "copy");
    await hirewire("backup", copy, "--config", world.config);
    for (const number of [2, 3]) expect((await hire(buyer, number)).state).toBe("paid");
    await hirewire("settle", "--now", "--config", world.config);
    const claimed = { in: buyer.wallet.signed, out: received(first) };
    expect(claimed).toEqual({ in: 2_000n, out: 3n * 490n });
    expect((await hire(buyer, 4)).state).toBe("paid");
    await expect.poll(() => received(first)).toBe(4n * 490n);

    const { port } = market.gateway;
    await market.gateway.stop();
    rmSync(world.folder, { recursive: true });
    const restored = join(stage.folder(), "restored");
    await hirewire("restore", copy, "--data", restored);
    const config = join(restored, "gateway.toml");
    market.gateway = await market.startGateway(port, { config, facts: market.facts });
    const { gateway } = market;
    const { state } = gateway;
    expect(state.payment.incoming.get(buyer.address)).toMatchObject({
      settled: claimed.in,
      signed: claimed.in,
    });
    expect(signedTo(gateway, first)).toBeGreaterThanOrEqual(claimed.out);
    await expect.poll(() => signedTo(gateway, first), { timeout: 20_000 }).toBe(received(first));
    await expect.poll(() => buyer.isUp, { timeout: 20_000 }).toBe(true);
    // the copy's credit, and not what the chain has seen since
    expect(creditOf(state.payment, buyer.address)).toBe(500n);
    await ask(restored, "resume");
    expect((await hire(buyer, 5)).state).toBe("paid");
    await expect.poll(() => received(first)).toBe(5n * 490n);
    await gateway.settle();
    await expectChainAgrees(state, gateway.market, stage.chain);
    expect(await stage.vaultOf(first.address)).toBe(received(first));
    expect((await stage.lane(buyer.address, world.gateway)).settled).toBe(buyer.wallet.signed);
    expect(market.broken).toEqual([]);
    // the operator was told that the chain knows more than the copy
    expect(market.faults).toMatchObject([{ code: "books_disagree" }]);
  });

  it("goes on from its robots' wallet files alone", async () => {
    market = await WholeMarket.open(quick);
    const stage = new Backstage(market);
    const { world } = market;
    const devices = stage.folder();
    const names = ["first", "second", "buyer"];
    const fileOf = (name: string) => join(devices, `${name}.wallet.json`);
    const executor = await market.executor();
    const first = await market.provider("first", 500n, executor, 4, { walletPath: fileOf("first") });
    const buyer = await market.robot("buyer", false, { walletPath: fileOf("buyer") });
    expect((await hire(buyer, 1)).provider).toBe(first.address);
    await market.gateway.settle();
    const second = await market.provider("second", 400n, executor, 4, { walletPath: fileOf("second") });
    for (const number of [2, 3]) expect((await hire(buyer, number)).provider).toBe(second.address);
    await expect.poll(() => received(second)).toBe(2n * 392n);

    const { port } = market.gateway;
    await market.gateway.stop();
    const kept = stage.folder();
    const data = join(stage.folder(), "data");
    for (const name of ["gateway.toml", "gateway.key"])
      copyFileSync(join(world.folder, name), join(kept, name));
    rmSync(world.folder, { recursive: true });
    const found = names.flatMap((name) => ["--vouchers", fileOf(name)]);
    const where = ["--config", join(kept, "gateway.toml"), "--key", join(kept, "gateway.key")];
    await hirewire("recover", "--data", data, ...where, ...found);
    copyFileSync(join(kept, "gateway.toml"), join(data, "gateway.toml"));
    // nobody has a roster: the operator enrols its devices again, by the names that they go by
    expect(existsSync(join(data, "devices"))).toBe(false);
    enrolAgain(data, world);
    market.gateway = await market.startGateway(port, {
      config: join(data, "gateway.toml"),
      facts: market.facts,
    });
    const { gateway } = market;
    const { state } = gateway;
    expect(state.halted).toMatch(/rebuilt/);
    expect(signedTo(gateway, first)).toBe(received(first));
    expect(signedTo(gateway, second)).toBe(received(second));
    for (const robot of [first, second, buyer]) {
      await expect.poll(() => robot.isUp, { timeout: 20_000 }).toBe(true);
    }
    await expect(hire(buyer, 4)).rejects.toMatchObject({ facts: { code: "gateway_stopped" } });
    await ask(data, "resume");
    expect((await hire(buyer, 5)).state).toBe("paid");
    await expect.poll(() => received(second)).toBe(3n * 392n);
    await gateway.settle();
    await expectChainAgrees(state, gateway.market, stage.chain);
    expect(await stage.vaultOf(first.address)).toBe(received(first));
    expect(await stage.vaultOf(second.address)).toBe(received(second));
    const { settled, deposit } = await stage.lane(buyer.address, world.gateway);
    expect({ settled, deposit }).toEqual({ settled: buyer.wallet.signed, deposit: LANE_DEPOSIT });
    expect(creditOf(state.payment, buyer.address)).toBe(buyer.wallet.free);
    expect(market.broken).toEqual([]);
  });
});

/** A roster as it was. */
function enrolAgain(data: string, { devices }: WholeMarket["world"]): void {
  mkdirSync(join(data, "devices"));
  for (const { name, address: device } of devices) {
    const entry = { version: 1, device, name, owner: null, manufacturer: "hirewire", serialNumber: name };
    writeFileSync(join(data, "devices", `${name}.json`), `${JSON.stringify(entry)}\n`);
  }
}
