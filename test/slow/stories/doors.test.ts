/** One market whose devices come in by every door: TLS, WebSocket, both at once, without a clock, and uninvited. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Robot } from "../../../devices/robot/robot.ts";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import type { ConnectionFile } from "../../../src/protocol/connection-file.ts";
import { mined } from "../../../src/settlement/chain.ts";
import { approve, depositLane, mint } from "../../../src/settlement/vault-calls.ts";
import { taskModule } from "../../firmware/module.ts";
import { hasOpenssl, makeCertificate } from "../../link/broker/certificate.ts";
import { PRICE, WholeMarket } from "../../stories/whole-market.ts";

const why = hasOpenssl ? "" : " (skipped: openssl not installed)";
const DEPOSIT = amount(5_000_000n);
const PROVIDERS = ["first", "second"] as const;

describe.skipIf(!hasOpenssl)(`a gateway with every door open${why}`, () => {
  let market: WholeMarket;
  let number = 0;
  const firmware = taskModule({ memory: [1, 4] });
  const tls = makeCertificate();

  beforeAll(async () => {
    market = await WholeMarket.open((config) => {
      const folder = config.data;
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      writeFileSync(cert, tls.cert);
      writeFileSync(key, tls.key);
      config.broker.listen = ["mqtt", "mqtts", "ws", "wss"].map((scheme) => `${scheme}://127.0.0.1:0`);
      Object.assign(config.broker, { certificate: cert, certificate_key: key, admission: "open" });
      config.settlement.lane_deposit = "5.00";
      config.market.check_rate = 0;
    }, PROVIDERS);
    market.trusted.add(hashBlob(firmware));
    for (const [at, name] of PROVIDERS.entries()) {
      await market.provider(name, 500n, undefined, 4, { file: through(name, at === 0 ? "mqtts" : "wss") });
    }
  });

  afterAll(() => market?.close());

  const urlOf = (scheme: string) => market.gateway.urls.find((url) => url.startsWith(`${scheme}://`)) ?? "";

  /** The device's connection file, but for the door. */
  function through(name: string, scheme: string): ConnectionFile {
    const device = market.world.devices.find((one) => one.name === name);
    const file = JSON.parse(readFileSync(device?.connectionFile ?? "", "utf8"));
    return {
      ...file,
      broker: urlOf(scheme),
      ...(scheme.endsWith("s") && scheme !== "ws" && { ca: tls.cert }),
    };
  }

  async function hires(buyer: Robot): Promise<void> {
    const input = new TextEncoder().encode(`task ${number++}`);
    const answer = await buyer.hire({
      firmware,
      input,
      fuelLimit: 10_000,
      maxPrice: PRICE,
      checkBudget: amount(0n),
    });
    expect(answer).toMatchObject({ state: "paid", output: input });
  }

  it.each(["mqtt", "mqtts", "ws", "wss"])(
    "buys over %s what others sell over TLS and WebSocket",
    async (scheme) => {
      const buyer = await market.robot("buyer", false, { file: through("buyer", scheme) });
      await hires(buyer);
      await buyer.close();
    },
  );

  it("serves two slots of one device at the same time", async () => {
    const slots = await Promise.all(
      ["a", "b"].map((slot) => market.robot("buyer", false, { file: through("buyer", "mqtts"), slot })),
    );
    const [first] = slots as [Robot, Robot];
    await hires(first);
    expect(slots.map(({ isUp }) => isUp)).toEqual([true, true]);
    await Promise.all(slots.map((robot) => robot.close()));
  });

  it("has a robot whose clock is an hour wrong log in all the same", async () => {
    const late = { ...systemClock, now: () => systemClock.now() - 3_600_000 } as typeof systemClock;
    const buyer = await market.robot("buyer", false, { file: through("buyer", "mqtt"), clock: late });
    await hires(buyer);
    await buyer.close();
  });

  it("lets in nobody who has put nothing on a lane, and whoever has as a guest that can buy", async () => {
    const key = randomKey();
    const device = addressOfKey(key);
    const guest = { manufacturer: "guest", serialNumber: device, name: device, key: toHex(key) };
    const file = { ...through("buyer", "mqtt"), ...guest };
    await expect(market.robot("buyer", false, { file })).rejects.toMatchObject({ code: "refused" });
    expect(market.refused).toContain("unknown_device");
    await fundLane(device);
    await hires(await market.robot("buyer", false, { file }));
    // a guest gets as good as it gives
    await vi.waitFor(
      () => expect(market.gateway.state.payment.outgoing.get(device)?.deposit).toBe(DEPOSIT),
      20_000,
    );
    expect(market.of("deviceEnrolled").at(-1)).toMatchObject({ device, manufacturer: "guest" });
  });

  /** What the gateway puts on a lane, put on one to it by somebody with play money. */
  async function fundLane(payer: Hex): Promise<void> {
    const { chain, token, gateway } = market.world;
    const [bank] = market.local.accounts;
    const account = privateKeyToAccount(bank?.privateKey ?? "0x");
    const { vault } = chain;
    const lane = { payer, payee: gateway, token };
    const calls = [
      mint(token, account.address, DEPOSIT),
      approve(vault, token, DEPOSIT),
      depositLane(vault, lane, DEPOSIT),
    ];
    for (const call of calls) {
      const { raw, hash } = await chain.prepare(account, call);
      await chain.broadcast(raw);
      await mined(chain, hash, systemClock, { withinMs: 30_000, everyMs: 10 });
    }
  }
});
