/** What a new device is called, and whether the place is free: for all commands that enrol one. */
import { existsSync, mkdirSync } from "node:fs";
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import { diskCode } from "../../base/disk-error.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { GUEST, OPERATOR } from "../../market/roster.ts";
import { topicLevel } from "../../protocol/scalar.ts";
import { openGatewayKey } from "../gateway-key.ts";
import type { CommandIo } from "../io.ts";
import { newTerms, type OrderFile, OWNER_SECONDS, signFile } from "../money/order.ts";
import { claimOf, type RosterEntry } from "../roster-folder.ts";
import type { Keys, Settings } from "../settings.ts";
import { keepOwnerOrder } from "./order-store.ts";

/**
 * The one name among a command's words.
 *
 * @param usage - how the command is called, for the fault
 * @throws {@link Fault} `usage` for none or several, and for what is no name
 */
export function deviceName(positionals: readonly string[], usage: string): string {
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) throw new Fault("usage", `expected one name: ${usage}`);
  if (name.toLowerCase() === "gateway" || /^0x[0-9a-f]{40}$/i.test(name)) {
    throw new Fault("usage", `"${name}" would be mistaken for something else: give the device another name`);
  }
  return level(name, "NAME");
}

/**
 * A level of a device's topics.
 *
 * @throws {@link Fault} `usage` for other text
 */
export function level(text: string, what: string): string {
  if (topicLevel.safeParse(text).success) return text;
  throw new Fault("usage", `${what} takes 1 to 64 letters, digits, and . _ : -, not "${text}"`);
}

/**
 * The first level of a device's own topics.
 *
 * @throws {@link Fault} `usage` for what is no level, and for those of guests and of the gateway's own requester
 */
export function manufacturerName(text: string): string {
  if (text === GUEST) {
    throw new Fault("usage", `--manufacturer ${GUEST} is for devices that nobody has enrolled: take another`);
  }
  if (text !== OPERATOR) return level(text, "--manufacturer");
  throw new Fault("usage", `--manufacturer ${OPERATOR} is for the gateway's own requester: take another`);
}

/**
 * Makes sure that name, address and topics of a new entry are nobody's.
 *
 * @param file - where the entry is to be written: one that is passed over may be there
 * @throws {@link Fault} `usage` when one is taken
 */
export function refuseTaken(entry: RosterEntry, others: readonly RosterEntry[], file: string): void {
  const claim = claimOf(entry, others);
  if (!claim) {
    if (!existsSync(file)) return;
    throw new Fault("usage", `the name is taken by ${file}: correct that file or remove it`);
  }
  const { what } = claim;
  const by = `${claim.by.name} (${claim.by.device})`;
  if (what === "name") {
    throw new Fault("usage", `the name is taken by ${by}: choose another, see hirewire device list`);
  }
  if (what === "address") {
    throw new Fault("usage", `the address is enrolled as ${by}: every device needs a key of its own`);
  }
  const topics = `${entry.manufacturer}/${entry.serialNumber}`;
  throw new Fault("usage", `${topics} belongs to ${by}: give another --serial or --manufacturer`);
}

/** @throws {@link Fault} `usage` when something is where a file with a key or a secret is to be written */
export function refuseExisting(out: string | undefined): void {
  if (out === undefined || !existsSync(out)) return;
  throw new Fault("usage", `${out} is there already and may hold a key: name another file with --out`);
}

/**
 * The gateway's account; its key is made where there is none yet.
 *
 * @throws {@link Fault} `key_file`, `disk_failed`
 */
export function gatewayAddress(settings: Settings, keys: Keys, io: CommandIo): Hex {
  onDisk(() => mkdirSync(settings.data, { recursive: true, mode: 0o700 }));
  const { key, file, isNew } = openGatewayKey(settings, keys);
  const gateway = addressOfKey(key);
  if (isNew) io.warn(`made the gateway's key: ${gateway}, in ${file}\n`);
  return gateway;
}

/**
 * Does what reads and writes files.
 *
 * @throws {@link Fault} what it throws; `disk_failed` for what is no fault
 */
export function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (isFault(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault(diskCode(cause), `nothing was enrolled: ${why}`, { cause });
  }
}

/** The order by which a new device names its owner: its key is at hand now, and later may not be. Null without an owner. */
export async function ownerOrder(
  entry: Pick<RosterEntry, "device" | "owner">,
  key: Uint8Array,
  { id: chainId, vault, token }: Pick<Settings["chain"], "id" | "vault" | "token">,
  now: Instant,
): Promise<OrderFile | null> {
  const { device, owner } = entry;
  if (owner === null) return null;
  const message = { account: device, owner, token };
  return await signFile(key, { chainId, vault }, "SetOwner", message, newTerms(now, OWNER_SECONDS));
}

/** @throws {@link Fault} `disk_failed`; keeps nothing where there is no order */
export function keepOrder(dataFolder: string, name: string, order: OrderFile | null): void {
  if (order) keepOwnerOrder(dataFolder, name, order);
}
