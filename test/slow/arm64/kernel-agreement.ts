/** Has both builds of the kernels answer the corpus, on an emulated arm64 and here, all at the same time. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { VARIANTS } from "../../../src/kernels/variant.ts";
import type { KernelAnswers } from "./kernel-answers.ts";
import { kernelCorpus, vectorsIn } from "./kernel-corpus.ts";

const PROGRAM = join(import.meta.dirname, "kernel-answers.ts");
const LIMIT_MS = 200_000;

/** Runs `kernel-answers.ts` under a Node. */
export async function askKernels<Answer>(node: string, ...args: readonly string[]): Promise<Answer> {
  const all = ["--disable-warning=ExperimentalWarning", PROGRAM, ...args];
  const { stdout } = await promisify(execFile)(node, all, { timeout: LIMIT_MS });
  return JSON.parse(stdout) as Answer;
}

/**
 * @param emulated - executable of the other Node
 * @param folder - where the corpus is put
 * @returns how many vectors there were, and the answers: this machine's `base` first
 */
export async function kernelAgreement(
  emulated: string,
  folder: string,
): Promise<{ readonly vectors: number; readonly answers: readonly KernelAnswers[] }> {
  const corpus = kernelCorpus();
  const file = join(folder, "corpus.json");
  writeFileSync(file, JSON.stringify(corpus));
  const asked = [process.execPath, emulated].flatMap((node) =>
    VARIANTS.map((variant) => askKernels<KernelAnswers>(node, variant, file)),
  );
  return { vectors: vectorsIn(corpus), answers: await Promise.all(asked) };
}
