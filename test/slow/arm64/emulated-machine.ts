/** An emulated arm64 machine with the image's files on it. */
import { join } from "node:path";
import { buildImageTree } from "../docker/image-tree.ts";
import type { Machine } from "./actor.ts";
import { emulatedNode } from "./emulated-node.ts";

/**
 * Builds the image for linux/arm64. Its compile cache is left out: to fill it takes longer than a start.
 *
 * @param folder - an empty one; all of it has to stay while programs run
 */
export async function emulatedMachine(folder: string): Promise<Machine> {
  const node = emulatedNode(join(folder, "node"));
  const options = { folder: join(folder, "image"), platform: "linux/arm64", isCold: true } as const;
  const { root, env } = await buildImageTree(options);
  return {
    node,
    programs: join(root, "app/dist"),
    extension: ".js",
    env: { ...env, NODE_COMPILE_CACHE: join(folder, "cache") },
  };
}
