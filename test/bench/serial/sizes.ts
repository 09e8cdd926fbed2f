/** Flash and memory that the board's link and MQTT client take on a Cortex-M3. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const BOARD = join(import.meta.dirname, "../../../devices/board");

const sizes = z.object({ flash: z.number().int().min(1), ram: z.number().int().min(1) });

/** Bytes, as `make -C devices/board size` tells. */
export type Sizes = z.infer<typeof sizes>;

/** Builds them, where that has not been done. */
export async function sizesOnBoard(): Promise<Sizes> {
  const { stdout } = await promisify(execFile)("make", ["-s", "-C", BOARD, "size"]);
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  return sizes.parse(JSON.parse(line ?? ""));
}
