/** Files that the image holds beyond its base, carried out without an engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImageTree } from "../../slow/docker/image-tree.ts";
import type { Figure } from "../main.ts";
import { small } from "./figures.ts";

export async function imageFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-image-"));
  try {
    const { bytes } = await buildImageTree({ folder, platform: "linux/amd64" });
    const measured = { metric: "image beyond its base", unit: "MB", value: bytes / 1e6 };
    return [small({ ...measured, peer: "nothing", peerValue: 0 }, 60)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
