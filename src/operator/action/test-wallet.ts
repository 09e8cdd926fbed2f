/**
 * The wallet with which an operator tries devices out: a requester of the gateway's own, called `operator`, whose key is
 * kept here as a board's is.
 *
 * It is made when it is first needed, is capped, and never logs in. Its money comes from outside, by `hirewire fund
 * operator`: what a test may cost is what somebody has put there, and nothing of the gateway's own vault.
 */
import { existsSync } from "node:fs";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { isOperator, OPERATOR } from "../../market/roster.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { newPairing, savePairing } from "../device/pairing.ts";
import { onDisk, refuseTaken } from "../device/place.ts";
import { type RosterEntry, readRoster, rosterFile } from "../roster-folder.ts";
import { walletFile } from "../wallet-folder.ts";

/** What it is called, in the roster and by `hirewire fund`. */
export const TEST_WALLET = "operator";

/** All that is ever signed for it, until `hirewire device cap operator` says otherwise. */
const CAP = "1.00";

/** The second part of its topics, on which nobody listens. */
const SERIAL_NUMBER = "test-tasks";

/** Its entry; null before the first test. */
export function testWallet(dataFolder: string): RosterEntry | null {
  return readRoster(dataFolder).entries.find(isOperator) ?? null;
}

/**
 * Makes it where it is not there yet.
 *
 * @returns its account, and whether it is new
 * @throws {@link Fault} `usage` when a device has its name, or its key is gone; `disk_failed`
 */
export function openTestWallet(dataFolder: string, market: Market): { device: Hex; isNew: boolean } {
  const known = testWallet(dataFolder);
  if (known && !existsSync(walletFile(dataFolder, known.device))) {
    const words = `the wallet of ${known.name} is gone: ${walletFile(dataFolder, known.device)}`;
    throw new Fault(
      "usage",
      `${words}; put it back from a backup, or remove ${rosterFile(dataFolder, known.name)}`,
    );
  }
  if (known) return { device: known.device, isNew: false };
  return onDisk(() => {
    const place = { name: TEST_WALLET, manufacturer: OPERATOR, serialNumber: SERIAL_NUMBER };
    const pairing = newPairing(market, { ...place, owner: null, cap: CAP });
    refuseTaken(pairing.entry, readRoster(dataFolder).entries, rosterFile(dataFolder, TEST_WALLET));
    savePairing(dataFolder, pairing);
    return { device: pairing.entry.device, isNew: true };
  });
}
