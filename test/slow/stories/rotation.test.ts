/** A new key and a newer vault beside the old ones: devices move over, and the old house is emptied to the last unit. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { Robot } from "../../../devices/robot/robot.ts";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import type { Gateway } from "../../../src/gateway.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { balanceOf } from "../../../src/payment/books.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Chain } from "../../../src/settlement/chain.ts";
import { deployVault } from "../../../src/settlement/deploy.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { deposit, withdrawWithSig } from "../../../src/settlement/vault-calls.ts";
import { Program } from "../../stories/program.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import {
  ask,
  BANK_KEY,
  Backstage,
  DAY,
  expectChainAgrees,
  HOUR,
  LANE_DEPOSIT,
  LATER,
  quick,
  received,
} from "./backstage.ts";
import { Gate } from "./gate.ts";

const NOBODY: Hex = "0x00000000000000000000000000000000000000aa";
const SECOND_VAULT_HAS = 50_000_000n;
const SECOND_LANE = 1_000_000n;

let market: WholeMarket | null = null;

afterEach(async () => {
  await market?.close();
  market = null;
});

type NewHouse = {
  gateway: Gateway;
  chain: Chain;
  folder: string;
  fileOf: (name: string) => Promise<ConnectionFile>;
};

/** A gateway with another key on a vault that was just deployed, with money for its lanes and on the buyer's. */
async function openNewHouse(whole: WholeMarket, stage: Backstage): Promise<NewHouse> {
  const { world } = whole;
  const { vault, chainId } = await deployVault(world.rpc, BANK_KEY);
  const chain = await openEvmChain({ urls: [world.rpc], chainId, vault, confirmations: 1 });
  const folder = stage.folder();
  const key = randomKey();
  const address = addressOfKey(key);
  writeFileSync(join(folder, "gateway.key"), `${toHex(key)}\n`, { mode: 0o600 });
  cpSync(join(world.folder, "devices"), join(folder, "devices"), { recursive: true });
  const settings = readFileSync(world.config, "utf8").replace(world.chain.vault, vault);
  writeFileSync(join(folder, "gateway.toml"), settings);
  await stage.rpc("anvil_setBalance", address, "0xde0b6b3a7640000");
  await stage.mint(SECOND_VAULT_HAS, chain);
  await stage.send(deposit(vault, address, world.token, amount(SECOND_VAULT_HAS)), chain);
  await stage.depositLane(stage.addressOf("buyer"), address, SECOND_LANE, chain);
  const facts: Fact[] = [];
  const gateway = await whole.startGateway(0, { config: join(folder, "gateway.toml"), facts });
  whole.adopt(() => gateway.stop());
  const fileOf = async (name: string) => {
    const old = await stage.connectionFile(name);
    return { ...old, broker: `mqtt://127.0.0.1:${gateway.port}`, gateway: address, vault };
  };
  return { gateway, chain, folder, fileOf };
}

/** Takes all that an account has in a vault out of it, by an order that the robot signs and the bank carries. */
async function takeAll(stage: Backstage, robot: Robot, token: Hex): Promise<bigint> {
  const sum = await stage.vaultOf(robot.address);
  const signed = await robot.withdrawOrder({ amount: sum, to: robot.address, deadline: LATER });
  const { signature, deadline, nonce, fee, ...what } = signed;
  await stage.send(withdrawWithSig(stage.chain.vault, what, { deadline, nonce, fee, signature }));
  return await stage.chain.tokenBalance(robot.address, token);
}

it("a gateway is left for one with another key and a newer vault, and nobody loses a unit", {
  timeout: 120_000,
}, async () => {
  market = await WholeMarket.open(quick);
  const whole = market;
  const { world } = market;
  const stage = new Backstage(market);
  const gate = new Gate();
  const order = { maxPrice: PRICE, checkBudget: PRICE };
  const hire = (robot: Robot, number: number) => robot.hire({ ...order, ...planJob(number) });

  const executor = await market.executor();
  const first = await market.provider("first", 500n, executor);
  const buyer = await market.robot("buyer", false);
  for (const number of [1, 2]) expect((await hire(buyer, number)).provider).toBe(first.address);
  const second = await market.provider("second", 400n, gate.runs(executor));
  expect((await hire(buyer, 3)).provider).toBe(second.address);

  // one task is under way, with credit and unclaimed vouchers behind it, when the old house is to be left
  gate.close();
  const last = hire(buyer, 4);
  await expect.poll(() => whole.of("accepted").length, { timeout: 20_000 }).toBe(4);
  const house = await openNewHouse(market, stage);
  const early = await ask(world.folder, "drain");
  expect(early).toMatchObject({ openTasks: 1, closing: 0 });
  await expect(hire(buyer, 5)).rejects.toMatchObject({ facts: { code: "gateway_stopped" } });

  // the new one serves those who have moved, beside it
  const lanes = market.lanes(house.chain.vault);
  const movedFirst = await market.provider("first", 500n, executor, 4, {
    ...{ file: await house.fileOf("first"), lanes },
  });
  const movedBuyer = await market.robot("buyer", false, { file: await house.fileOf("buyer"), lanes });
  expect((await hire(movedBuyer, 6)).provider).toBe(first.address);

  gate.open();
  expect((await last).provider).toBe(second.address);
  const drained = await ask(world.folder, "drain");
  expect(drained).toMatchObject({ openTasks: 0, closing: 3, openLanes: 3, unclaimedLanes: 0 });
  expect(drained).toMatchObject({ credit: "0.000000", held: "0.000000", owed: "0.000000" });
  const movedSecond = await market.provider("second", 400n, executor, 4, {
    ...{ file: await house.fileOf("second"), lanes },
  });
  expect((await hire(movedBuyer, 7)).provider).toBe(second.address);
  await stage.pass(HOUR + 1);
  await expect.poll(() => ask(world.folder, "status"), { timeout: 20_000 }).toMatchObject({ openLanes: 0 });
  expect(await ask(world.folder, "drain")).toMatchObject({
    ...{ openTasks: 0, openLanes: 0, unclaimedLanes: 0, closing: 0, credit: "0.000000" },
  });

  // the operator takes its money, the devices theirs
  const { state, market: old } = market.gateway;
  await expectChainAgrees(state, old, stage.chain);
  const fees = balanceOf(state.payment.books, "fee");
  const spent = market.of("paid").reduce((sum, { price }) => sum + price, 0n);
  expect(spent).toBe(500n + 500n + 400n + 400n);
  const args = ["withdraw", "all", "--to", NOBODY, "--config", world.config, "--json"];
  const withdrawal = new Program(args);
  expect(await withdrawal.ended(), withdrawal.stderr).toBe(0);
  expect(await stage.chain.tokenBalance(NOBODY, world.token)).toBe(world.gatewayDeposit + fees);
  await stage.requestClose(buyer);
  await stage.pass(DAY + 1);
  await stage.finalizeClose(buyer.address, old.gateway);
  expect(await takeAll(stage, buyer, world.token)).toBe(LANE_DEPOSIT - spent);
  expect(await takeAll(stage, first, world.token)).toBe(received(first));
  expect(await takeAll(stage, second, world.token)).toBe(received(second));
  expect(received(first) + received(second)).toBe(spent - fees);
  expect(await stage.chain.tokenBalance(stage.chain.vault, world.token)).toBe(ZERO);

  // and the new house stands for itself
  expect((await hire(movedBuyer, 8)).state).toBe("paid");
  await house.gateway.settle();
  await expectChainAgrees(house.gateway.state, house.gateway.market, house.chain);
  expect(await stage.vaultOf(first.address, house.chain)).toBe(received(movedFirst));
  expect(await stage.vaultOf(second.address, house.chain)).toBe(received(movedSecond));
  expect(await house.chain.tokenBalance(house.chain.vault, world.token)).toBe(SECOND_VAULT_HAS + SECOND_LANE);
  expect(market.broken).toEqual([]);
  expect(market.faults).toEqual([]);
});

it("a gateway that is left gives back more credit than its lane to a device has room for", {
  timeout: 60_000,
}, async () => {
  market = await WholeMarket.open((config) => {
    quick(config);
    config.settlement.lane_deposit = "0.0006";
  });
  const stage = new Backstage(market);
  const { world } = market;
  await market.provider("first", 500n);
  const buyer = await market.robot("buyer", false);
  const order = { ...planJob(1), maxPrice: PRICE, checkBudget: PRICE };
  expect(await buyer.hire(order)).toMatchObject({ state: "paid", credit: 1_500n });
  expect(await ask(world.folder, "drain")).toMatchObject({ credit: "0.000000", openTasks: 0, closing: 3 });
  await expect.poll(() => received(buyer)).toBe(1_500n);
  expect(await stage.vaultOf(buyer.address)).toBe(1_500n);
  await expectChainAgrees(market.gateway.state, market.gateway.market, stage.chain);
});
