/** Which USB device is behind a serial device: its vendor and product, as the kernel tells them. */
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Where the kernel lists its terminals. */
const TTY_FOLDER = "/sys/class/tty";

/** `vendor:product`, four lower-case hexadecimal digits each. */
const ID = /^[0-9a-f]{4}:[0-9a-f]{4}$/;

/** A terminal hangs off an interface of its device; a converter's has a port of its own between them. */
const LEVELS = 3;

/** Whether a text names a USB device as {@link usbIdOf} does: `2e8a:000a`. */
export function isUsbId(text: string): boolean {
  return ID.test(text);
}

/**
 * Vendor and product of the USB device that a terminal belongs to, `2e8a:000a`; null when it belongs to none.
 *
 * @param device - the terminal itself, not a link to it: `/dev/ttyACM0`
 * @param ttyFolder - /sys/class/tty, but for tests
 */
export function usbIdOf(device: string, ttyFolder: string = TTY_FOLDER): string | null {
  try {
    let at = realpathSync(join(ttyFolder, basename(device), "device"));
    for (let level = 0; level < LEVELS; level++) {
      const vendor = read(join(at, "idVendor"));
      const product = read(join(at, "idProduct"));
      if (vendor !== null && product !== null) return `${vendor}:${product}`;
      at = dirname(at);
    }
  } catch {
    // No such terminal, or one without a device: a pty.
  }
  return null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "ascii").trim().toLowerCase();
  } catch {
    return null;
  }
}
