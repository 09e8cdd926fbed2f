/** A folder of files, a terminal that remembers what was written, and standard input and output as bytes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import type { Executor } from "../../../src/firmware/executor.ts";
import { firmwareCommand } from "../../../src/operator/firmware/command.ts";
import { parseKeyText } from "../../../src/operator/settings.ts";

export type Desk = ReturnType<typeof openDesk>;

/** @param executor - one that runs, for commands that need one */
export function openDesk(executor?: Executor) {
  const folder = mkdtempSync(join(tmpdir(), "firmware-"));
  return {
    path: (name: string) => join(folder, name),
    /** Writes a file into the folder; gives its path. */
    put: (name: string, content: string | Uint8Array) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    },
    read: (name: string) => new Uint8Array(readFileSync(join(folder, name))),
    /** Runs `hirewire firmware …`; gives its exit code, and what it wrote as text and as bytes. */
    run: async (args: readonly string[], { isTerminal = false, stdin = "" } = {}) => {
      const [written, warned, bytes]: [string[], string[], Uint8Array[]] = [[], [], []];
      const io = {
        write: (text: string) => void written.push(text),
        warn: (text: string) => void warned.push(text),
        isTerminal,
      };
      const streams = {
        read: () => Promise.resolve(new TextEncoder().encode(stdin)),
        write: (piece: Uint8Array) => void bytes.push(piece),
      };
      const keys = { read: (path: string) => parseKeyText(readFileSync(path, "utf8"), path) };
      const ports = { clock: systemClock, keys, streams, ...(executor ? { executor } : {}) };
      const code = await firmwareCommand([...args], io, ports);
      return { code, written: written.join(""), warned: warned.join(""), bytes: Buffer.concat(bytes) };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
