/** The doctor's checks of the machine: Node, word size, programs and ports. */
import { createServer } from "node:net";
import { systemClock } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import { Executor } from "../../firmware/executor.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { calibrateOnce, describeKernels } from "../../kernels/calibration.ts";
import { listenUrl } from "../../link/listen-address.ts";
import type { Settings } from "../settings.ts";
import { type Check, good, note, words, wrong } from "./check.ts";
import { errorCode, type Machine } from "./machine.ts";

/** The first version whose SQLite and type stripping are what this program was tested with. */
const NODE = { major: 24, minor: 15 } as const;

/** Node 24.15 is the oldest that will do. */
export function nodeCheck({ nodeVersion }: Machine): Check {
  const [major = 0, minor = 0] = nodeVersion.split(".").map(Number);
  const isNew = major > NODE.major || (major === NODE.major && minor >= NODE.minor);
  if (isNew) return good("node", nodeVersion);
  return wrong("node", `${nodeVersion} is too old`, `install Node ${NODE.major}.${NODE.minor} or newer`);
}

/** Node's names of architectures whose words have 32 bits. */
const NARROW: ReadonlySet<string> = new Set(["arm", "ia32", "mips", "mipsel", "ppc", "s390"]);

/** Official Node 24 has no 32-bit ARM build, so a Pi needs the 64-bit system. */
export function widthCheck({ arch }: Machine): Check {
  if (!NARROW.has(arch)) return good("64-bit", arch);
  return wrong("64-bit", `${arch} is a 32-bit system`, "install the 64-bit edition of the operating system");
}

/**
 * Whether the clock is synchronised: without that the gateway takes no offers.
 *
 * @param isAssumed - by the gateway's settings nobody is asked
 */
export async function timeCheck(machine: Machine, isAssumed: boolean): Promise<Check> {
  const name = "time";
  if (isAssumed) return note(name, "not asked: clock.synchronized is assume");
  const known = await machine.synchronized();
  if (known === true) return good(name, "the clock is synchronised");
  if (known === false) {
    const fix = "sudo timedatectl set-ntp true";
    return wrong(name, "the clock is not synchronised: the gateway takes no offers", fix);
  }
  const found = "nobody here says whether the clock is synchronised: only the chain's time is compared";
  return note(name, found, "outside of a container: sudo apt install systemd-timesyncd");
}

/** Which kernels check signatures here, and how fast; a machine on which none run can do nothing. */
export async function kernelCheck(): Promise<Check> {
  try {
    return good("kernels", describeKernels(await calibrateOnce(systemClock)));
  } catch (error) {
    return wrong("kernels", words(error), "npm run build:kernels");
  }
}

/** Whether task firmware can be run, and what stands between it and this machine. */
export async function executorCheck(): Promise<Check> {
  const executor = new Executor({ clock: systemClock });
  try {
    await executor.start();
    if (executor.isolation === "network namespace") {
      return good("executor", "without files, keys and network (a network namespace)");
    }
    return note(
      "executor",
      "without files and keys, but Node alone keeps it from the network",
      "install util-linux; in a container, a seccomp profile that allows unshare",
    );
  } catch (error) {
    return wrong("executor", words(error), "allow this user to start processes");
  } finally {
    await executor.stop();
  }
}

/** Programs that a gateway can do without. */
export function programChecks(machine: Machine): Check[] {
  const uses = { anvil: "only play money needs it", socat: "only tests and simulated boards need it" };
  return Object.entries(uses).map(([program, use]) => {
    const found = machine.find(program);
    return found === null ? note(program, `not here; ${use}`) : good(program, found);
  });
}

/** Listens on the broker's ports for a moment; one that this data folder's own gateway holds is good. */
export function brokerChecks(settings: Settings): Promise<Check[]> {
  return Promise.all(settings.broker.listen.map((listen) => brokerCheck(settings, listen)));
}

async function brokerCheck(settings: Settings, listen: string): Promise<Check> {
  const name = "broker port";
  try {
    const { host, port } = listenUrl(listen);
    const why = await listenError(host, port);
    if (why === null) return good(name, `${listen} is free`);
    if (why !== "EADDRINUSE") return wrong(name, `cannot listen on ${listen}: ${why}`, fixOf(why));
    if (isRunning(settings.data)) return good(name, `${listen} is held by this gateway, which is running`);
    return wrong(name, `${listen} is held by another program`, "stop it, or change broker.listen");
  } catch (error) {
    return wrong(name, words(error), "set broker.listen to host:port");
  }
}

function fixOf(why: string): string {
  if (why === "EACCES") return "choose a port above 1023 in broker.listen";
  return "set broker.listen to an address of this machine, such as 127.0.0.1:1883";
}

function listenError(host: string, port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(errorCode(error)));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** Whether a gateway has the journal of this folder open. Makes no journal where there is none. */
function isRunning(data: string): boolean {
  try {
    openJournal(data, { readOnly: true }).close();
    openJournal(data).close();
    return false;
  } catch (error) {
    return isFault(error, "journal_locked");
  }
}
