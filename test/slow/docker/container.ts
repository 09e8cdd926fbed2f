/** Programs of the image as a container of docker/compose.yaml runs them: an ordinary user, no capabilities, all read-only. */
import { type Running, watch } from "../fresh-project.ts";
import { giveTo, launch } from "./base-root.ts";
import type { ImageTree } from "./image-tree.ts";

export type ContainerOptions = {
  /** The folder of this machine that is the volume `/data`. */
  readonly data: string;
  /** What stands after the image's name; its CMD unless told. */
  readonly args?: readonly string[];
  /** In place of the image's ENTRYPOINT. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts a program of the image, of this machine's processor. */
export function startContainer(
  tree: ImageTree,
  { data, args = tree.cmd, entrypoint = tree.entrypoint, env = {} }: ContainerOptions,
): Running {
  const { root, workdir, user } = tree;
  const [volume = ""] = tree.volumes;
  const place = { root, workdir, user, mounts: [{ from: data, to: volume, readOnly: false }] };
  const child = launch(
    { ...place, command: [...entrypoint, ...args], env: { ...tree.env, ...env }, isConfined: true },
    null,
  );
  return watch(child);
}

/** Gives a folder and all in it to the image's user, as a volume of an engine's would be. */
export function giveVolume(tree: ImageTree, paths: readonly string[]): void {
  for (const path of paths) giveTo(path, tree.user);
}
