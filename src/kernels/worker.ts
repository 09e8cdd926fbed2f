/** A worker of the pool: an instance and a memory of keys of its own, and groups judged as they come. */
import { parentPort, workerData } from "node:worker_threads";
import { startInstance } from "./kernels.ts";
import type { KnownKeysCaps } from "./known-keys.ts";
import type { SignatureGroup } from "./signature-group.ts";
import type { Variant } from "./variant.ts";
import { Verifier } from "./verifier.ts";

/** What a worker is started with. The module is compiled already: threads share its machine code. */
export type WorkerStart = {
  readonly variant: Variant;
  readonly module: WebAssembly.Module;
  readonly caps: KnownKeysCaps;
};

export type WorkerJob = { readonly id: number; readonly group: SignatureGroup };

/** First `ready`, then for each job the bitmap of `Verifier.judge`. */
export type WorkerAnswer = "ready" | { readonly id: number; readonly verdicts: Uint8Array };

const { variant, module, caps } = workerData as WorkerStart;
const verifier = new Verifier(startInstance(variant, module), caps);

const say = (answer: WorkerAnswer) => parentPort?.postMessage(answer);

parentPort?.on("message", ({ id, group }: WorkerJob) => say({ id, verdicts: verifier.judge(group) }));
say("ready");
