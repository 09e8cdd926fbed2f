/** Failure test 10: two gateways on one mosquitto, which is not theirs, and what may become of each. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import {
  type Mosquitto,
  type MosquittoOptions,
  noMosquitto,
  startMosquitto,
  whySkipped,
} from "../../link/broker/mosquitto.ts";
import { sayFigures } from "../stories/figures.ts";
import { CutProxy } from "./cut-proxy.ts";
import { Shop, type ShopOptions } from "./shop.ts";

/** How long a gateway is frozen, and a bridge is cut, milliseconds. */
const FROZEN_MS = 4_000;
const PARTED_MS = 6_000;

type Places = Pick<ShopOptions, "gatewayAt" | "devicesAt">;

async function broker(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await startMosquitto(options);
  onTestFinished(() => mosquitto.stop());
  return mosquitto;
}

/** Two gateways with their devices, each with money of its own on one chain. */
async function openShops(one: Places, other: Places): Promise<[Shop, Shop]> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-shops-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const local = await startLocalChain();
  onTestFinished(() => local.stop());
  const executor = new Executor({ clock: systemClock });
  onTestFinished(() => executor.stop());
  await executor.start();
  const open = async (name: string, places: Places, version: ShopOptions["version"]) => {
    const own = join(folder, name);
    mkdirSync(own);
    const shop = await Shop.open({ name, folder: own, local, executor, version, ...places });
    onTestFinished(() => shop.close());
    return shop;
  };
  return [await open("east", one, "5"), await open("west", other, "3.1.1")];
}

/** Both end their work, and nothing is lost or doubled in either's books. */
async function closeBooks(shops: readonly Shop[], what: string): Promise<void> {
  await Promise.all(shops.map((shop) => shop.rest()));
  for (const shop of shops) {
    const figures = await shop.audit();
    sayFigures({ what, ...figures });
    expect(figures.paid).toBeGreaterThan(0);
  }
}

describe.skipIf(noMosquitto)(`two gateways on mosquitto${whySkipped}`, () => {
  it.each([
    ["keeps", true],
    ["forgets", false],
  ])(
    "failure 10: one is ended, killed and frozen, and a broker that %s its sessions restarts: no task is lost or paid twice",
    {
      timeout: 240_000,
    },
    async (what, persistent) => {
      const mosquitto = await broker({ persistent });
      const places = { gatewayAt: mosquitto.url, devicesAt: mosquitto.url };
      const [east, west] = await openShops(places, places);
      await Promise.all([east.tradesOn(2), west.tradesOn(2)]);
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await east.signal(signal);
        await west.tradesOn(2);
        await east.restart();
        await Promise.all([east.tradesOn(2), west.tradesOn(1)]);
      }
      await east.signal("SIGSTOP");
      await Promise.all([west.tradesOn(1), systemClock.sleep(FROZEN_MS)]);
      await east.signal("SIGCONT");
      await Promise.all([east.tradesOn(2), west.tradesOn(1)]);
      await mosquitto.restart();
      await Promise.all([east.tradesOn(2), west.tradesOn(2)]);
      await closeBooks([east, west], `a broker that ${what}`);
    },
  );

  it("failure 10: a bridge between their brokers is parted and heals: no task is lost or paid twice", {
    timeout: 240_000,
  }, async () => {
    const core = await broker();
    const proxy = await CutProxy.open(core.port);
    onTestFinished(() => proxy.close());
    const edge = await broker({
      config: [
        "connection edge",
        `address 127.0.0.1:${proxy.port}`,
        "topic hirewire/v1/# both 1",
        "cleansession false",
        "keepalive_interval 5",
        "restart_timeout 1",
      ],
    });
    const [east, west] = await openShops(
      { gatewayAt: core.url, devicesAt: edge.url },
      { gatewayAt: core.url, devicesAt: core.url },
    );
    await Promise.all([east.tradesOn(2), west.tradesOn(2)]);
    proxy.cut();
    await Promise.all([west.tradesOn(2), systemClock.sleep(PARTED_MS)]);
    proxy.mend();
    await Promise.all([east.tradesOn(2), west.tradesOn(1)]);
    await closeBooks([east, west], "a bridge");
  });
});
