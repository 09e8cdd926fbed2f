/** A gateway's folder in a temporary place, and a terminal that remembers what was written. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import { readConfig } from "../../../src/config.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Streams } from "../../../src/operator/firmware/streams.ts";
import type { CommandIo } from "../../../src/operator/io.ts";
import { type Keys, parseKeyText } from "../../../src/operator/settings.ts";
import { parseWallet } from "../../../src/operator/wallet-folder.ts";
import { parseConnectionFile } from "../../../src/protocol/connection-file.ts";

/** Of a chain that no test asks. */
const NOWHERE = {
  id: 31_337,
  rpc: "http://127.0.0.1:9",
  vault: `0x${"11".repeat(20)}`,
  token: `0x${"22".repeat(20)}`,
};

const fileKeys: Keys = {
  read: (path) => parseKeyText(readFileSync(path, "utf8"), path),
  connection: (path) => parseConnectionFile(readFileSync(path, "utf8")),
  wallet: (path) => parseWallet(readFileSync(path, "utf8"), path),
  create: (path) => {
    const key = randomKey();
    try {
      writeFileSync(path, `${toHex(key)}\n`, { mode: 0o600, flag: "wx" });
    } catch (cause) {
      throw new Fault("key_file", `cannot make ${path}`, { cause });
    }
    return key;
  },
};

export type Stand = ReturnType<typeof openStand>;

/** @param chain - what differs from a chain that is nowhere */
export function openStand(chain: Partial<typeof NOWHERE> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "operator-"));
  const config = join(folder, "gateway.toml");
  let written = "";
  let warned = "";
  let typed = "";
  const io: CommandIo = {
    write: (text) => {
      written += text;
    },
    warn: (text) => {
      warned += text;
    },
    isTerminal: false,
  };
  const configure = (listen = "127.0.0.1:1883", place: Partial<typeof NOWHERE> = chain, more = "") => {
    const { id, rpc, vault, token } = { ...NOWHERE, ...place };
    const where = `id = ${id}, rpc = "${rpc}", vault = "${vault}", token = "${token}"`;
    const lines = [
      "version = 1",
      `broker.listen = "${listen}"`,
      'operator.listen = ""',
      `chain = { ${where}, confirmations = 1, poll_ms = 100 }`,
      more,
    ];
    writeFileSync(config, lines.join("\n"));
  };
  configure();
  const streams: Streams = { read: async () => new TextEncoder().encode(typed), write: () => {} };
  const ports = { keys: fileKeys, readConfig, clock: systemClock, streams };
  return {
    folder,
    config,
    data: join(folder, "data"),
    configure,
    ports,
    io,
    /** Runs a command on this gateway; gives its exit code and what it wrote meanwhile. */
    run: async (command: Command, ...args: readonly string[]) => {
      [written, warned] = ["", ""];
      const code = await command([...args, "--config", config], io, ports);
      return { code, written, warned };
    },
    /** What standard input holds from now on. */
    type: (text: string) => {
      typed = text;
    },
    /** A file in the folder with this text; gives its path. */
    put: (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

type Command = (
  args: string[],
  io: CommandIo,
  ports: { keys: Keys; readConfig: typeof readConfig; clock: typeof systemClock; streams: Streams },
) => Promise<number>;
