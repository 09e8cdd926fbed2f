/** A watchtower beside a gateway, both processes of their own: it tells robots of their lanes, and stands in. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { watchtowerLanes } from "../../../devices/robot/watchtower-lanes.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { Program } from "../../stories/program.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { Backstage, DAY, expectChainAgrees, LANE_DEPOSIT, quick, quickFile, received } from "./backstage.ts";

let market: WholeMarket | null = null;

afterEach(async () => {
  await market?.close();
  market = null;
});

/** A process of the command line that is killed with its market. */
function run(whole: WholeMarket, ...args: readonly string[]): Program {
  const program = new Program([...args, "--json"]);
  whole.adopt(async () => {
    program.process.kill("SIGKILL");
    await program.ended();
  });
  return program;
}

/** A watchtower on the gateway's journal, with coin for gas and nothing else. */
async function startTower(whole: WholeMarket, stage: Backstage) {
  const folder = stage.folder();
  const key = randomKey();
  const gas = addressOfKey(key);
  const keyFile = join(folder, "gas.key");
  writeFileSync(keyFile, toHex(key), { mode: 0o600 });
  await stage.rpc("anvil_setBalance", gas, "0xde0b6b3a7640000");
  const { rpc, chain, folder: journal } = whole.world;
  const place = ["--rpc", rpc, "--vault", chain.vault, "--gas-key", keyFile, "--confirmations", "1"];
  const what = ["--journal", journal, "--data", folder, "--listen", "127.0.0.1:0", "--every", "1"];
  const program = run(whole, "watchtower", ...place, ...what);
  const { port } = await program.heard(({ kind }) => kind === "listening");
  return { program, gas, url: `http://127.0.0.1:${port}` };
}

it("a watchtower shows robots their lanes, and saves all that was signed to a gateway that is gone", {
  timeout: 120_000,
}, async () => {
  market = await WholeMarket.found(quick);
  const stage = new Backstage(market);
  const { world } = market;
  quickFile(world.config);
  const gateway = run(market, "run", "--config", world.config, "--listen", "127.0.0.1:0");
  const port = Number((await gateway.heard(({ kind }) => kind === "ready"))["port"]);
  world.connect(port);
  const tower = await startTower(market, stage);
  const lanes = watchtowerLanes(tower.url);
  const executor = await market.executor();
  const first = await market.provider("first", 500n, executor, 4, { lanes });
  const buyer = await market.robot("buyer", false, { lanes });
  const hire = (number: number, maxPrice = PRICE) => buyer.hire({ ...planJob(number), maxPrice });
  for (const number of [1, 2, 3]) expect((await hire(number)).provider).toBe(first.address);
  await expect.poll(() => received(first)).toBe(3n * 490n);

  gateway.process.kill("SIGKILL");
  await gateway.ended();
  const { signed } = buyer.wallet;
  expect((await stage.lane(buyer.address, world.gateway)).settled).toBe(0n);
  await stage.requestClose(buyer);
  const saved = await tower.program.heard(({ kind }) => kind === "laneSaved");
  expect(saved).toMatchObject({ payer: buyer.address, payee: world.gateway, settled: String(signed) });
  expect(tower.program.said.filter(({ kind }) => kind === "alarm" || kind === "fault")).toEqual([]);
  expect((await stage.lane(buyer.address, world.gateway)).settled).toBe(signed);
  expect(await stage.vaultOf(tower.gas)).toBe(0n);
  await stage.pass(DAY + 1);
  await stage.finalizeClose(buyer.address, world.gateway);
  expect(await stage.vaultOf(buyer.address)).toBe(LANE_DEPOSIT - signed);

  // the gateway comes back to a chain that has gone on without it
  market.gateway = await market.startGateway(port);
  await market.gateway.settle();
  const { state } = market.gateway;
  await expectChainAgrees(state, market.gateway.market, stage.chain);
  expect(await stage.vaultOf(first.address)).toBe(received(first));
  expect(state.payment.incoming.get(buyer.address)).toMatchObject({ epoch: 1, signed: 0n, newest: null });
  await expect.poll(() => buyer.terms?.lane.epoch, { timeout: 20_000 }).toBe(1);
  // what is left of its credit is good for one more task, although its lane is empty
  await expect(hire(4)).rejects.toMatchObject({ facts: { code: "voucher_over_deposit" } });
  expect(await hire(5, amount(500n))).toMatchObject({ state: "paid", spent: 500n, credit: 0n });
  await expect.poll(() => received(first)).toBe(4n * 490n);
  await market.gateway.settle();
  await expectChainAgrees(state, market.gateway.market, stage.chain);
  expect(await stage.vaultOf(first.address)).toBe(received(first));
  expect(market.broken).toEqual([]);
  expect(market.faults).toEqual([]);
});
