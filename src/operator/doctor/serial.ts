/** The doctor's checks of the serial lines: the devices themselves, and what a running gateway says of its lines. */
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { findDevices, isPattern } from "../../link/serial/lines.ts";
import { usbIdOf } from "../../link/serial/usb.ts";
import { askGateway } from "../control/client.ts";
import type { Settings } from "../settings.ts";
import { type Check, good, note, words, wrong } from "./check.ts";
import { existing } from "./folder.ts";
import { lineCheck, lineRows } from "./line-row.ts";
import type { Machine } from "./machine.ts";

/** The group of serial devices on Debian. */
const DIALOUT = "dialout";

/** Looks at each `[[serial]]`; opens nothing. Where the gateway runs, its lines are there as well, one check each. */
export async function serialChecks({ serial, data }: Settings, machine: Machine): Promise<Check[]> {
  if (serial.length === 0) return [];
  const devices = [...groupCheck(data, machine), ...serial.flatMap((entry) => entryChecks(entry, machine))];
  // A gateway that does not answer is another check's to find.
  const told = await askGateway(data, { do: "lines" }).catch(() => null);
  const rows = lineRows.safeParse(told);
  return [...devices, ...(rows.success ? rows.data.lines.map(lineCheck) : [])];
}

/** Whether the user whose the data folder is, and who therefore runs the gateway, may open serial devices. */
function groupCheck(data: string, machine: Machine): Check[] {
  const user = machine.owner(existing(data));
  if (user === null || user.name === "root") return [];
  if (user.groups.includes(DIALOUT)) return [good(DIALOUT, `${user.name} is in it`)];
  const found = `${user.name} is not in the group that serial devices belong to`;
  const fix = `sudo usermod -aG ${DIALOUT} ${user.name}, unless its service says SupplementaryGroups=${DIALOUT}`;
  return [note(DIALOUT, found, fix)];
}

function entryChecks({ path, usb }: Settings["serial"][number], machine: Machine): Check[] {
  if (!isPattern(path)) return [deviceCheck(path, usb, machine)];
  let found: string[];
  try {
    found = findDevices(path);
  } catch (error) {
    return [wrong(`serial ${path}`, words(error), `see: ls -l ${dirname(path)}`)];
  }
  // Another device that fits the pattern is not meant, and nobody's fault.
  const meant = found.filter((one) => usb.length === 0 || usb.includes(usbOf(one) ?? ""));
  if (meant.length === 0) return [note(`serial ${path}`, "nothing that fits is plugged in")];
  return meant.map((device) => deviceCheck(device, usb, machine));
}

/** Whether this user may read and write the serial device; the line itself is not opened. */
function deviceCheck(path: string, usb: readonly string[], machine: Machine): Check {
  const name = `serial ${path}`;
  if (path.startsWith("tcp://")) return note(name, "a serial server: tried when the gateway starts");
  const why = machine.forbidden(path);
  if (why === "ENOENT") return wrong(name, "not there", "plug the board in, or see: ls /dev/serial/by-id");
  if (why === "EACCES" || why === "EPERM") {
    return wrong(name, "no permission", "sudo usermod -aG dialout $USER, and log in again");
  }
  if (why !== null) return wrong(name, why, "see: dmesg | tail");
  const id = usbOf(path);
  if (usb.length > 0 && (id === null || !usb.includes(id))) {
    return wrong(
      name,
      id === null ? "no USB device" : `USB device ${id}`,
      `expected usb = ${usb.join(", ")}`,
    );
  }
  return good(name, `readable and writable${id === null ? "" : `, USB ${id}`}`);
}

function usbOf(path: string): string | null {
  try {
    return usbIdOf(realpathSync(path));
  } catch {
    return null;
  }
}
