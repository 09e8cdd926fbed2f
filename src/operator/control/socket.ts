/** Where a gateway's control socket is: `control.sock` in its data folder. */
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../base/fault.ts";

export const CONTROL_SOCKET = "control.sock";

/** A unix socket's address holds 108 bytes on Linux and 104 elsewhere; the rest is for the zero at its end. */
const MAX_ADDRESS = 100;

/** What names the socket to the kernel while `close` has not been called. */
export type SocketAddress = { readonly path: string; readonly close: () => void };

/**
 * The address of the control socket in `folder`, whose path may be longer than an address can be: it is then reached
 * through a descriptor of the folder.
 *
 * @throws {@link Fault} `config_syntax` when the path is too long and this machine has no `/proc`; `disk_failed` when
 * there is no such folder
 */
export function socketAddress(folder: string): SocketAddress {
  const path = join(folder, CONTROL_SOCKET);
  if (Buffer.byteLength(path) <= MAX_ADDRESS) return { path, close: () => undefined };
  if (!existsSync("/proc/self/fd")) {
    throw new Fault(
      "config_syntax",
      `${path} is too long for a socket: choose a data folder with a shorter path`,
    );
  }
  const descriptor = folderDescriptor(folder);
  return { path: `/proc/self/fd/${descriptor}/${CONTROL_SOCKET}`, close: () => closeSync(descriptor) };
}

function folderDescriptor(folder: string): number {
  try {
    return openSync(folder, "r");
  } catch (cause) {
    throw new Fault("disk_failed", `cannot open the data folder ${folder}`, { cause });
  }
}
