/** `hirewire backup` as a process of its own: what it reads and checks costs the gateway's thread nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { FAULTS, Fault, type FaultCode } from "../../base/fault.ts";
import { programPath } from "../demo/crew.ts";

/** Makes a backup in a new folder; rejects with a {@link Fault}, `timed_out` when `signal` has ended it. */
export type MakeBackup = (to: string, signal: AbortSignal) => Promise<void>;

/** Characters of what the process has said that are kept. */
const SAID = 2_000;

/** Makes backups of the gateway that this `gateway.toml` is of, each at the lowest priority. */
export function backupByProcess(configFile: string): MakeBackup {
  return async (to, signal) => {
    const args = [programPath("src/hirewire.ts"), "backup", to, "--config", configFile];
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const stop = () => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    try {
      lower(child);
      const { code, said } = await endOf(child);
      if (code !== 0) throw asFault(said, to, signal);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}

/** Nothing else is to wait for it. */
function lower({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // it has ended, or this system does not let us: then it goes at our own pace
  }
}

async function endOf(child: ChildProcess): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(0, SAID);
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", (cause) => {
      said = cause.message;
      resolve(null);
    });
    child.once("close", resolve);
  });
  return { code, said };
}

/** As the command line says it: `hirewire [disk_full]: …`. */
function asFault(said: string, to: string, signal: AbortSignal): Fault {
  const facts = { folder: to };
  if (signal.aborted) return new Fault("timed_out", `the backup into ${to} was broken off`, { facts });
  const [, code = "", words = ""] = /hirewire \[(\w+)\]: ([^\n]*)/.exec(said) ?? [];
  const why = words || said.trim() || "its process was killed";
  return new Fault(isFaultCode(code) ? code : "disk_failed", `no backup was made in ${to}: ${why}`, {
    facts,
  });
}

function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(FAULTS, code);
}
