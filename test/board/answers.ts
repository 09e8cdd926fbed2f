/** Questions to the board's C library, answered by `devices/board/host/answers.c`: one line each. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Hex } from "../../src/base/bytes.ts";
import type { Market } from "../../src/protocol/typed-data.ts";

/** Bytes of a word. */
export function word(bytes: Uint8Array | Hex): string {
  const text = typeof bytes === "string" ? bytes.slice(2) : Buffer.from(bytes).toString("hex");
  return text === "" ? "-" : text;
}

/** The four words of a market. */
export function marketWords({ chainId, vault, gateway, token }: Market): string {
  return [chainId, word(vault), word(gateway), word(token)].join(" ");
}

/**
 * Asks all of them, in order.
 *
 * @param program - `answers-kept` or `answers-own` of `buildHost`
 * @throws with what a sanitizer said
 */
export async function ask(program: string, questions: readonly string[]): Promise<string[]> {
  const child = spawn(program);
  let [out, errors] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => {
    out += bytes.toString("latin1");
  });
  child.stderr.on("data", (bytes: Buffer) => {
    errors += bytes.toString();
  });
  child.stdin.on("error", () => {});
  child.stdin.end(questions.map((one) => `${one}\n`).join(""));
  const [code] = await once(child, "close");
  if (code !== 0 || errors !== "") throw new Error(`${program} ended with ${code}: ${errors}`);
  return out.trimEnd().split("\n");
}
