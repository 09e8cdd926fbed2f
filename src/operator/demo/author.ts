/** The demo's author of task firmware: publishes the path planner, and is whom the providers trust. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../base/fault.ts";
import { hashBlob } from "../../blob/blob.ts";
import { manifestText } from "../../firmware/manifest-file.ts";
import { judgeModule } from "../../firmware/policy.ts";
import { writeTrust } from "../../firmware/trust.ts";
import { randomKey } from "../../kernels/signature.ts";
import { signManifest } from "../../protocol/manifest.ts";
import { keySigner } from "../../protocol/signer.ts";
import { projectRoot } from "../project-root.ts";

/** What the demo's devices are told of their task firmware: paths of files. */
export type Publication = {
  readonly firmware: string;
  readonly manifest: string;
  /** Trusts the author, and no module by its hash. */
  readonly trust: string;
};

/**
 * Signs a manifest of the path planner with a key of its own, which nobody needs again.
 *
 * @throws {@link Fault} `firmware_rejected` when the module is not one that may be run
 */
export async function publishPathPlan(folder: string): Promise<Publication> {
  const firmware = join(projectRoot(), "build/firmware/path-plan.wasm");
  const bytes = readFileSync(firmware);
  const judged = judgeModule(bytes);
  if ("rejection" in judged) throw new Fault("firmware_rejected", judged.reason, { facts: { firmware } });
  const { profile, memoryMiB } = judged;
  const author = keySigner(randomKey());
  const named = { name: "path-plan", version: "1.0.0", licence: "MIT" };
  const manifest = await signManifest(author, { firmware: hashBlob(bytes), ...named, profile, memoryMiB });
  const paths = { manifest: join(folder, "path-plan.manifest.json"), trust: join(folder, "trust.json") };
  writeFileSync(paths.manifest, manifestText(manifest));
  const notes = new Map([[author.address, "the author of path-plan"]]);
  await writeTrust(paths.trust, { firmware: new Set(), authors: new Set([author.address]), notes });
  return { firmware, ...paths };
}
