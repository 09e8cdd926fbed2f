import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { readConfig } from "../../../src/config.ts";
import { Gateway } from "../../../src/gateway.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { askGateway } from "../../../src/operator/control/client.ts";
import { haltCommand, resumeCommand } from "../../../src/operator/control/halt.ts";
import { readHalt } from "../../../src/operator/control/halt-file.ts";
import { laneCommand } from "../../../src/operator/lane/command.ts";
import { settleCommand } from "../../../src/operator/money/settle.ts";
import { withdrawCommand } from "../../../src/operator/money/withdraw.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Bank, openBank } from "../money/bank.ts";
import { journalVouchers, NOBODY } from "../money/books.ts";

let bank: Bank;
beforeAll(async () => {
  bank = await openBank();
  const { world, gateway, robot, stand } = bank;
  await world.endow([gateway, robot], 20_000_000n);
  await world.fund(robot, gateway, 5_000_000n, 1);
  await journalVouchers(bank, [{ device: robot, paidIn: 2_000_000n, paidOut: 0n }]);
  stand.configure("127.0.0.1:0", undefined, 'settlement = { lane_deposit = "0.00" }');
});
afterAll(() => bank.stop());

function start(): Promise<Gateway> {
  const key = fromHex(bank.gateway.privateKey);
  return Gateway.start({
    config: readConfig(bank.stand.config),
    signer: keySigner(key),
    transactionSigner: privateKeyToAccount(toHex(key)),
    clock: systemClock,
    draw: Math.random,
    salt: () => toHex(randomKey()),
    readSecret: () => "",
    onBroken: (fault) => {
      throw fault;
    },
  });
}

it("a running gateway does all that is asked of its key, and keeps the switch", async () => {
  const { stand, world } = bank;
  const gateway = await start();
  const opened = await stand.run(laneCommand, "open", "arm-2", "3", "--window", "1h");
  expect(opened.written).toContain("the running gateway sends it");
  expect(await world.lane(bank.gateway, bank.arm)).toMatchObject({ deposit: 3_000_000n, window: 0 });
  await stand.run(laneCommand, "top-up", "arm-2", "1");
  await stand.run(withdrawCommand, "5", "--to", NOBODY);
  expect(await world.tokensOf(NOBODY)).toBe(5_000_000n);
  const settled = JSON.parse((await stand.run(settleCommand, "--now", "--json")).written);
  expect(settled).toMatchObject({ settled: [{ rows: 1 }] });
  expect((await world.lane(bank.robot, bank.gateway)).settled).toBe(2_000_000n);
  await stand.run(laneCommand, "close", "arm-2");
  expect((await world.lane(bank.gateway, bank.arm)).closeAt).toBeGreaterThan(0);
  await stand.run(haltCommand, "--reason", "inventory");
  expect(await askGateway(stand.data, { do: "status" })).toMatchObject({ halted: "inventory" });
  await gateway.stop();
  expect(await askGateway(stand.data, { do: "status" })).toBeNull();
  expect(readHalt(stand.data)).toBe("inventory");
  await stand.run(resumeCommand);
  const again = await start();
  expect(await askGateway(stand.data, { do: "status" })).toMatchObject({ halted: null });
  await again.stop();
});
