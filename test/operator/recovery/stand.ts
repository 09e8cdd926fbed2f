/** A gateway's folder with a journal of some entries, and the commands of recovery run on it. */
import { join } from "node:path";
import { toHex } from "../../../src/base/bytes.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { CommandIo } from "../../../src/operator/io.ts";
import type { RecoveryPorts } from "../../../src/operator/recovery/backup.ts";
import { buildLife } from "../../journal/life.ts";
import { openStand } from "../device/stand.ts";

type Command = (args: string[], io: CommandIo, ports: RecoveryPorts) => Promise<number>;

/** The key of the gateway in `test/journal/life.ts`. */
const KEY = new Uint8Array(32).fill(1);

export type RecoveryStand = ReturnType<typeof openRecoveryStand>;

export function openRecoveryStand() {
  const stand = openStand();
  const ports: RecoveryPorts = { ...stand.ports, version: "9.9.9" };
  return {
    ...stand,
    ports,
    /** A path in the folder. */
    at: (...names: readonly string[]) => join(stand.folder, ...names),
    /** Runs a command with the arguments as they are; gives what it wrote. */
    call: async (command: Command, ...args: readonly string[]) => {
      let written = "";
      let warned = "";
      const io: CommandIo = {
        write: (text) => {
          written += text;
        },
        warn: (text) => {
          warned += text;
        },
        isTerminal: false,
      };
      const code = await command([...args], io, ports);
      return { code, written, warned };
    },
    /** A data folder as a gateway leaves it: journal, key, and a roster of two. */
    live: async () => {
      const { drafts } = await buildLife();
      const journal = openJournal(stand.data);
      journal.append(drafts);
      journal.close();
      stand.put("data/gateway.key", `${toHex(KEY)}\n`);
      return drafts;
    },
  };
}
