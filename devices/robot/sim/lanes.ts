/** Who tells a simulated device what its lanes hold: the options that its programs share. */
import { Fault } from "../../../src/base/fault.ts";
import { chainLanes } from "../chain-lanes.ts";
import type { ConnectionFile } from "../connection-file.ts";
import type { LaneReader } from "../lane-reader.ts";
import { watchtowerLanes } from "../watchtower-lanes.ts";

/** Defaults of `--rpc URL[,URL]`, `--confirmations N|finalized` (12), `--watchtower URL` and `--lanes trust`. */
export const LANE_OPTIONS = { rpc: "", confirmations: "12", watchtower: "", lanes: "" } as const;

type LaneOptions = { readonly [K in keyof typeof LANE_OPTIONS]: string };

/**
 * The reader that the options name.
 *
 * @throws {@link Fault} `usage` when they name none, or more than one
 */
export function lanesFrom(options: LaneOptions, file: ConnectionFile): LaneReader | "trustGateway" {
  const { rpc, confirmations, watchtower, lanes } = options;
  const named = [rpc, watchtower, lanes].filter((one) => one !== "");
  if (named.length !== 1 || !["", "trust"].includes(lanes)) {
    throw new Fault("usage", "one of --rpc URL, --watchtower URL or --lanes trust is needed");
  }
  if (lanes === "trust") return "trustGateway";
  if (watchtower !== "") return watchtowerLanes(watchtower);
  return chainLanes({
    urls: rpc.split(","),
    chainId: file.chainId,
    vault: file.vault,
    confirmations: confirmations === "finalized" ? confirmations : Number(confirmations),
  });
}
