/** Orders that wait in the data folder until somebody has gas for them: `orders/<name>.owner.json`. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import type { Venue } from "../../protocol/eip712.ts";
import { type OrderFile, orderText, parseOrder } from "../money/order.ts";
import { readText } from "../money/text-file.ts";

/** Where the order waits that names the owner of the device of this name. */
export function ownerOrderFile(dataFolder: string, name: string): string {
  return join(dataFolder, "orders", `${name}.owner.json`);
}

/** @throws {@link Fault} `disk_failed` */
export function keepOwnerOrder(dataFolder: string, name: string, order: OrderFile): void {
  const file = ownerOrderFile(dataFolder, name);
  try {
    mkdirSync(join(dataFolder, "orders"), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, orderText(order), { flush: true });
    renameSync(`${file}.new`, file);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}`, { cause });
  }
}

/**
 * The order that names a device's owner; null when none waits.
 *
 * @throws {@link Fault} `file_format` when it is another kind of order, `chain_mismatch` when it is for another vault
 */
export function keptOwnerOrder(dataFolder: string, name: string, venue: Venue) {
  const file = ownerOrderFile(dataFolder, name);
  if (!existsSync(file)) return null;
  const order = parseOrder(readText(file), file, venue);
  if (order.kind !== "SetOwner") throw new Fault("file_format", `${file} is no order to name an owner`);
  return order;
}

/** Removes the order, which has been carried out. */
export function dropOwnerOrder(dataFolder: string, name: string): void {
  rmSync(ownerOrderFile(dataFolder, name), { force: true });
}
