/** A board's wallet as it is made: what the gateway keeps, what the roster says, and what the board is given. */
import { existsSync } from "node:fs";
import { toHex } from "../../base/bytes.ts";
import { addressOfKey, randomKey } from "../../kernels/signature.ts";
import type { PairingFile } from "../../protocol/pairing.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { type RosterEntry, writeRosterEntry } from "../roster-folder.ts";
import { dropWallet, type Wallet, walletFile, writeWallet } from "../wallet-folder.ts";

export type Pairing = {
  readonly wallet: Wallet;
  readonly entry: RosterEntry;
  /** For the board alone. */
  readonly file: PairingFile;
};

/** Who is paired. `cap` is a decimal such as `"5.00"`. */
export type Paired = Pick<RosterEntry, "name" | "manufacturer" | "serialNumber" | "owner"> &
  Pick<Wallet, "cap">;

/** A wallet with a new random key, and a new secret. Nothing is written. */
export function newPairing(market: Market, { cap, ...place }: Paired): Pairing {
  const key = randomKey();
  const entry: RosterEntry = { version: 1, device: addressOfKey(key), ...place, perDay: null };
  return pairingOf(market, entry, { key: toHex(key), cap });
}

/**
 * A new secret for this wallet: for a board that is new, has forgotten the old one, or takes another's place. Nothing is
 * written.
 *
 * @param entry - with the topics of the board that it is for
 * @param wallet - the device's key, and its cap from now on
 */
export function pairingOf(
  market: Market,
  entry: RosterEntry,
  { key, cap }: Pick<Wallet, "key" | "cap">,
): Pairing {
  const { device, name, manufacturer, serialNumber } = entry;
  const { gateway, chainId, vault, token } = market;
  const secret = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const place = { version: 1 as const, manufacturer, serialNumber, name };
  return {
    wallet: { version: 1, device, name, key, secret, cap },
    entry,
    file: { ...place, secret, device, gateway, chainId, vault, token },
  };
}

/**
 * Writes the wallet first: an enrolled device whose key is nowhere would be of no use. Running gateways see it at once.
 *
 * @param besides - writes what else has to be there before anybody is enrolled
 * @throws {@link Fault} `disk_failed`, and what writing the roster throws; then nobody is enrolled
 */
export function savePairing(
  dataFolder: string,
  { wallet, entry }: Pairing,
  besides: () => void = () => undefined,
): void {
  const isNew = !existsSync(walletFile(dataFolder, wallet.device));
  writeWallet(dataFolder, wallet);
  try {
    besides();
    writeRosterEntry(dataFolder, entry);
  } catch (fault) {
    if (isNew) dropWallet(dataFolder, wallet.device);
    throw fault;
  }
}
