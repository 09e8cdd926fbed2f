/** Whether what signs with libsecp256k1 can be built: its source is Debian's, fetched when it is first needed. */
import { spawnSync } from "node:child_process";
import { isHostAbsent, whyHostAbsent } from "./host-board.ts";

/** Why the source cannot be had; null when it is there. */
function fetchSource(): string | null {
  const { status, stderr, error } = spawnSync("sh", ["devices/board/fetch-secp256k1.sh"], {
    encoding: "utf8",
  });
  if (error) return error.message;
  return status === 0 ? null : (stderr.trim().split("\n").at(-1) ?? "it says nothing");
}

// where the checks run, the build says what is missing
const why = isHostAbsent || process.env["CI"] === "true" ? null : fetchSource();

/** Whether a board with a key of its own cannot be built here; where the checks run, it must be. For `describe.skipIf`. */
export const isOwnAbsent = isHostAbsent || why !== null;

/** What stands behind a suite's name, for whoever wants to know why it was skipped. */
export const whyOwnAbsent = why === null ? whyHostAbsent : ` (skipped: ${why})`;
