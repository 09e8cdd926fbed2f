/** A serial device of this machine, opened by the `serialport` package: `/dev/...`, or a link to one. */
import { once } from "node:events";
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import type { SerialPort } from "serialport";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { FLUSH_MS, type Opener, portOnStream } from "./open-port.ts";
import { type LinkStatistics, SentBytes } from "./statistics.ts";
import { usbIdOf } from "./usb.ts";

/** How often an open device is looked at. */
const LOOK_MS = 250;

export interface DeviceOptions {
  path: string;
  /** Bits per second. */
  baud: number;
  clock: Clock;
  statistics: Pick<LinkStatistics, "bytesSent" | "dropped">;
  /** Only these USB devices, `vendor:product`; any device when there is none in it. */
  usb?: readonly string[];
  /** Where the kernel lists its terminals. */
  ttyFolder?: string;
}

/** Opens the device exclusively; it is lost when it is unplugged, and when the path leads elsewhere. */
export function deviceOpener(options: DeviceOptions): Opener {
  const { path, baud, clock } = options;
  return async (onLost) => {
    const target = await realpath(path);
    checkUsb(target, options);
    const { SerialPort } = await import("serialport");
    // hupcl would drop DTR at every close, which resets most boards.
    const device = new SerialPort({ path, baudRate: baud, hupcl: false, autoOpen: false });
    const cause = await new Promise<Error | null>((resolve) => device.open(resolve));
    if (cause !== null) throw await openFault(path, cause);
    device.on("error", onLost);
    device.on("close", onLost);
    const sent = new SentBytes(options.statistics);
    const stopLooking = watchDevice(device, path, target, { clock, onLost });
    const close = async () => {
      stopLooking();
      await closeDevice(device, clock);
      sent.end();
    };
    if ((await realpath(path).catch(() => null)) !== target) {
      await close();
      throw new Error(`${path} was replaced`);
    }
    const port = portOnStream(device, { sent, dropped: options.statistics.dropped }, () => device.isOpen);
    const setBaud = (baudRate: number) =>
      new Promise<void>((resolve, reject) => {
        device.update({ baudRate }, (error) => (error ? reject(error) : resolve()));
      });
    return { ...port, setBaud, close };
  };
}

function checkUsb(target: string, { path, usb = [], ttyFolder }: DeviceOptions): void {
  if (usb.length === 0) return;
  const found = usbIdOf(target, ttyFolder);
  if (found !== null && usb.includes(found)) return;
  const what = found === null ? "no USB device" : `USB device ${found}`;
  throw new Fault("config_syntax", `${path} is ${what}, but [[serial]] has it as usb = ${usb.join(", ")}`, {
    facts: { path },
  });
}

/**
 * Looks now and then whether the device is still there, and still where the path leads. The package reads on for ever from
 * a device that was unplugged just as it was being read: the end of a file is no error to it.
 */
function watchDevice(
  device: SerialPort,
  path: string,
  target: string,
  { clock, onLost }: { clock: Clock; onLost: (cause: unknown) => void },
): () => void {
  let isStopped = false;
  let cancel = () => {};
  const look = async () => {
    const leadsTo = await realpath(path).catch(() => null);
    if (leadsTo !== target)
      throw new Error(leadsTo === null ? `${path} went` : `${path} leads to ${leadsTo}`);
    // Where a container keeps the name of what was unplugged: every question about it is an error.
    await device.port?.getBaudRate();
  };
  const lookAgain = () => {
    look().catch((cause: unknown) => {
      if (!isStopped) onLost(cause);
    });
    cancel = clock.after(LOOK_MS, lookAgain);
  };
  cancel = clock.after(LOOK_MS, lookAgain);
  return () => {
    isStopped = true;
    cancel();
  };
}

/** Destroying a SerialPort leaves the device open and locked; only `close` lets go of it, also after a destroy. */
async function closeDevice(device: SerialPort, clock: Clock): Promise<void> {
  if (device.isOpen && device.writableLength > 0) {
    const flushed = new AbortController();
    device.end(() => flushed.abort());
    await clock.sleep(FLUSH_MS, flushed.signal).catch(() => {});
  }
  if (device.isOpen) await new Promise((resolve) => device.close(resolve));
  else if (device.closing) await once(device, "close").catch(() => {});
}

/** The package reports every failure to open as text, so the file system is asked what is wrong. */
async function openFault(path: string, cause: Error): Promise<unknown> {
  const facts = { path };
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return cause;
  if (!found.isCharacterDevice() || /inappropriate ioctl/i.test(cause.message)) {
    return new Fault("usage", `${path} is not a serial device`, { cause, facts });
  }
  const isPermitted = await access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const isHeld = /lock port|busy/i.test(cause.message);
  if (isPermitted && !isHeld) {
    return new Fault("link_lost", `${path} does not open: ${cause.message}`, { cause, facts });
  }
  const reason = isPermitted
    ? "is held by another program: see fuser -v"
    : "may not be opened by this user: join its group, see ls -lL";
  return new Fault("port_busy", `${path} ${reason} ${path}`, { cause, facts: { ...facts, isPermitted } });
}
