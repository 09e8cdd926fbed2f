/** The board's own firmware for the demo: built where the tools for it are installed, and never fetched. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { projectRoot } from "../project-root.ts";

/** An image to run in the emulator, or why there is none. */
export type BoardFirmware = { readonly image: string } | { readonly why: string };

/** What building and running takes, and the Debian package that has it. */
const BOARD_TOOLS = [
  { program: "qemu-system-arm", debian: "qemu-system-arm" },
  { program: "arm-none-eabi-gcc", debian: "gcc-arm-none-eabi libnewlib-arm-none-eabi" },
  { program: "make", debian: "make" },
] as const;

/** The tools that are in none of the folders of a `PATH`. */
export function missingTools(path: string): (typeof BOARD_TOOLS)[number][] {
  return BOARD_TOOLS.filter(({ program }) => !isOnPath(path, program));
}

/** Whether a program is in one of the folders of a `PATH`. */
export function isOnPath(path: string, program: string): boolean {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Builds the image of a board with the wallet that the gateway keeps, unless it is there and newer than its sources.
 *
 * @param path - where programs are looked for, as in `PATH`
 * @param signal - ends a build that is under way, with its reason
 * @param building - called before anything is compiled, which takes seconds
 */
export async function buildBoardFirmware(
  path: string,
  signal: AbortSignal,
  building: () => void,
): Promise<BoardFirmware> {
  const folder = join(projectRoot(), "devices/board");
  if (!existsSync(join(folder, "Makefile"))) return { why: "its sources are not in this package" };
  const [missing] = missingTools(path);
  if (missing) return { why: `${missing.program} is not installed` };
  const isFresh = (await make(["-q", "-C", folder, "kept"], signal)).code === 0;
  if (!isFresh) {
    building();
    const { code, said } = await make(["-C", folder, "kept"], signal);
    signal.throwIfAborted();
    if (code !== 0) return { why: `its firmware could not be built: ${said.trim().split("\n")[0]}` };
  }
  return { image: join(projectRoot(), "build/board/kept.elf") };
}

async function make(
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | null; said: string }> {
  const child = spawn("make", ["-s", ...args], { stdio: ["ignore", "ignore", "pipe"], signal });
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const [code] = await once(child, "close");
  return { code, said };
}
