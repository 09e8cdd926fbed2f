/** One real pty by socat: whoever opens its path speaks through a tty to us, who hold the other side as two pipes. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import type { Tap } from "./direction.ts";

type Socat = ChildProcessByStdio<Writable, Readable, Readable>;

/** What a relay needs of one end of a cable. */
export type RelayEnd = Tap & {
  write(bytes: Buffer): void;
  close(): Promise<void>;
};

/** Makes the path; `onBytes` hears what is written there. */
export async function openPty(path: string, onBytes: (bytes: Buffer) => void): Promise<RelayEnd> {
  const socat: Socat = spawn("socat", ["-d", "-d", "-b", "65536", "-", `pty,raw,echo=0,link=${path}`], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  // a pulled cable breaks the pipes under whatever was being written or read
  for (const pipe of [socat.stdin, socat.stdout, socat.stderr]) pipe.on("error", () => undefined);
  await once(socat, "spawn");
  let log = "";
  for await (const text of socat.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    log += text;
    if (log.includes("starting data transfer")) break;
  }
  if (socat.exitCode !== null) throw new Error(`socat ended: ${log}`);
  socat.stderr.resume();
  socat.stdout.on("data", onBytes);
  return {
    pause: () => socat.stdout.pause(),
    resume: () => socat.stdout.resume(),
    write: (bytes) => {
      if (socat.stdin.writable) socat.stdin.write(bytes);
    },
    close: async () => {
      const ended = socat.exitCode !== null || socat.signalCode !== null ? null : once(socat, "exit");
      socat.stdout.removeAllListeners("data");
      socat.kill("SIGKILL");
      await ended;
      await rm(path, { force: true });
    },
  };
}
