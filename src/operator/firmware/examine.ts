/** A module before anybody runs it: what it is and what the meter makes of it, or why it is rejected. */
import type { Hex } from "../../base/bytes.ts";
import type { Executor } from "../../firmware/executor.ts";
import { COSTS_HASH, METER_VERSION } from "../../firmware/meter/costs.ts";
import { sha256 } from "../../kernels/digest.ts";
import type { MemoryClass, Profile } from "../../protocol/fuel.ts";
import { hintOf } from "./hints.ts";

type Inspection = Awaited<ReturnType<Executor["inspect"]>>;

/** SHA-256 of the bytes and their count. */
type Named = { readonly sha256: Hex; readonly bytes: number };

type Accepted = Named & {
  readonly verdict: "ok";
  readonly profile: Profile;
  /** Its memory class. */
  readonly memoryMiB: MemoryClass;
  /** Pages of 64 KiB that it may use. */
  readonly pages: number;
  readonly functions: number;
  readonly hasVerify: boolean;
  /** The module as it is run: with the meter in it. */
  readonly metered: Named;
  readonly meter: { readonly version: number; readonly costs: Hex };
};

type Turned = Named & {
  readonly verdict: Exclude<Inspection["verdict"], "ok">;
  /** Which rule it breaks. */
  readonly rejection: string | null;
  readonly reason: string;
  readonly hint: string | null;
};

export type Examination = Accepted | Turned;

/** Judges, validates and meters a module in the executor's child: it may be anybody's. */
export async function examine(executor: Executor, module: Uint8Array): Promise<Examination> {
  const named: Named = { sha256: sha256(module), bytes: module.length };
  const found = await executor.inspect(module);
  if (found.verdict === "ok") {
    const { profile, memoryMiB, pages, functions, hasVerify, metered, meteredBytes } = found;
    return {
      verdict: "ok",
      ...named,
      profile,
      memoryMiB,
      pages,
      functions,
      hasVerify,
      metered: { sha256: metered, bytes: meteredBytes },
      meter: { version: METER_VERSION, costs: COSTS_HASH },
    };
  }
  const rejection = found.verdict === "rejected" ? found.rejection : null;
  const hint = rejection === null ? "make it smaller: it takes too long to meter" : hintOf(rejection);
  return { verdict: found.verdict, ...named, rejection, reason: found.reason, hint };
}

/** The examination as lines for a terminal. */
export function examinationText(file: string, examination: Examination): string {
  if (examination.verdict !== "ok") return rejectionText(file, examination);
  const { sha256, bytes, profile, memoryMiB, pages, functions, hasVerify, metered, meter } = examination;
  return [
    `✔ ${file}: ${profile}, memory class ${memoryMiB} MiB`,
    row("SHA-256", sha256),
    row("size", `${plural(bytes, "byte")}, ${plural(functions, "function")}`),
    row("memory", `${plural(pages, "page")} at most`),
    row(
      "verify",
      hasVerify ? "yes: answers are checked by it" : "none: answers are checked by running again",
    ),
    row("metered", `${plural(metered.bytes, "byte")}, SHA-256 ${metered.sha256}`),
    row("meter", `version ${meter.version}, cost table ${meter.costs}`),
    "",
  ].join("\n");
}

function rejectionText(file: string, { verdict, rejection, reason, hint, sha256 }: Turned): string {
  const lines = [
    `✘ ${file}: ${rejection === null ? verdict : `${verdict}, ${rejection}`}`,
    row("reason", reason),
  ];
  if (hint !== null) lines.push(row("hint", hint));
  return [...lines, row("SHA-256", sha256), ""].join("\n");
}

/** A name and what stands under it, in two columns. */
export function row(name: string, text: string): string {
  return `  ${name.padEnd(8)}  ${text}`;
}

/** "1 byte", "1,234 bytes" */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
