/** A whole market whose buyer is the board's C client, on a serial line that is a TCP port. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { readConnectionFile } from "../../devices/robot/connection-file.ts";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { writeWallet } from "../../src/operator/wallet-folder.ts";
import { pairingText } from "../../src/protocol/pairing.ts";
import { WholeMarket } from "../stories/whole-market.ts";
import { buildHost, HostBoard } from "./host-board.ts";

/** What the only provider takes for a run, atomic units: not all that is offered. */
export const TAKEN = 900n;

export type HostMarket = { readonly market: WholeMarket; readonly board: HostBoard; readonly address: Hex };

/**
 * The board has no power yet. All of it goes with the test.
 *
 * @param cap - what the gateway signs for a kept wallet in all, as `"5.00"`; null for a board with its own key
 */
export async function openHostMarket(
  cap: string | null,
  change: (config: Config) => void = () => undefined,
): Promise<HostMarket> {
  const board = await HostBoard.open(await buildHost(cap === null ? "board-own" : "board-kept"));
  const market: WholeMarket = await WholeMarket.found(
    (config) => {
      const lines = readConfig(market.world.config).serial;
      config.serial.push(...lines.map((line) => ({ ...line, path: board.path, baud: 921_600 })));
      change(config);
    },
    ["first"],
  );
  onTestFinished(() => market.close());
  market.world.connect(1);
  const buyer = market.world.devices.find(({ name }) => name === "buyer");
  if (!buyer) throw new Error("nobody buys here");
  const file = join(board.store, "file");
  if (cap === null) copyFileSync(buyer.connectionFile, file);
  else writeFileSync(file, await keep(market, buyer, cap));
  market.gateway = await market.startGateway(0);
  market.world.connect(market.gateway.port);
  await market.provider("first", TAKEN);
  return { market, board, address: buyer.address };
}

/** The gateway keeps the buyer's key from here on; what the board gets in its place. */
async function keep(
  market: WholeMarket,
  { address, connectionFile }: { readonly address: Hex; readonly connectionFile: string },
  cap: string,
): Promise<string> {
  const { key, manufacturer, serialNumber, name, gateway, chainId, vault, token } =
    await readConnectionFile(connectionFile);
  const secret = toHex(crypto.getRandomValues(new Uint8Array(32)));
  writeWallet(market.world.folder, { version: 1, device: address, name, key, secret, cap });
  const place = { version: 1 as const, manufacturer, serialNumber, name };
  return pairingText({ ...place, secret, device: address, gateway, chainId, vault, token });
}
