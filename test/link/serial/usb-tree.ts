/** A kernel's list of terminals, made of files, for ptys that shall be USB devices. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { onTestFinished } from "vitest";

/** An empty list; `add` makes a device of it the one behind a terminal. */
export function usbTree() {
  const root = mkdtempSync(join(tmpdir(), "hirewire-sys-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const ttyFolder = join(root, "class", "tty");
  mkdirSync(ttyFolder, { recursive: true });
  let count = 0;
  /**
   * @param kind - a modem's terminal hangs off an interface of the device; a converter's has a port between
   */
  const add = (terminal: string, id: string, kind: "modem" | "converter" = "modem") => {
    const name = basename(realpathSync(terminal));
    // Below a hub, which has ids of its own.
    const hub = join(root, "devices", "usb1", "1-1");
    const device = join(hub, `1-1.${++count}`);
    const face = join(device, `1-1.${count}:1.0`);
    const parent = kind === "modem" ? face : join(face, `tty${name}`);
    mkdirSync(parent, { recursive: true });
    const [vendor = "", product = ""] = id.split(":");
    for (const [at, ids] of [
      [hub, ["1d6b", "0002"]],
      [device, [vendor.toUpperCase(), product]],
    ] as const) {
      writeFileSync(join(at, "idVendor"), `${ids[0]}\n`);
      writeFileSync(join(at, "idProduct"), `${ids[1]}\n`);
    }
    rmSync(join(ttyFolder, name), { recursive: true, force: true });
    mkdirSync(join(ttyFolder, name));
    symlinkSync(parent, join(ttyFolder, name, "device"));
  };
  return { ttyFolder, add };
}
