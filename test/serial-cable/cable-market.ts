/** A whole market whose gateway has a bad serial cable in its port. */
import { readConfig } from "../../src/config.ts";
import { WholeMarket } from "../stories/whole-market.ts";
import { type CableOptions, SerialCable } from "./serial-cable.ts";

/** What the only provider takes for the whole fuel limit, atomic units. */
const PRICE = 900n;

export type CableMarket = { readonly market: WholeMarket; readonly cable: SerialCable };

/** The cable is not in the gateway yet, and nobody speaks at its other end. */
export async function openCableMarket(
  options: CableOptions & { readonly baud: number },
): Promise<CableMarket> {
  const { baud } = options;
  const cable = await SerialCable.open(options);
  const market: WholeMarket = await WholeMarket.found(
    (config) => {
      const lines = readConfig(market.world.config).serial;
      config.serial.push(...lines.map((line) => ({ ...line, path: cable.gatewayPath, baud })));
    },
    ["first"],
  );
  market.adopt(() => cable.dispose());
  market.gateway = await market.startGateway(0);
  market.world.connect(market.gateway.port);
  await market.provider("first", PRICE);
  return { market, cable };
}
