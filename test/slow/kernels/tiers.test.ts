/** The kernels say the same whichever of V8's compilers made their code, and in either build. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type Outputs, outputs } from "../../vectors/outputs.ts";

const MODULE = new URL("../../vectors/outputs.ts", import.meta.url).href;
const PROGRAM = `const { outputs } = await import("${MODULE}"); console.log(JSON.stringify(outputs()));`;

function outputsUnder(flag: string): readonly Outputs[] {
  const args = [flag, "--input-type=module", "--eval", PROGRAM];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${flag}: ${stderr}`);
  return JSON.parse(stdout);
}

describe("the kernels", () => {
  const here = outputs();

  it("pass every check, and both builds give the same bytes", () => {
    expect(here.flatMap(({ failures }) => failures)).toEqual([]);
    expect(here.length).toBeGreaterThan(0);
    expect(new Set(here.map(({ digest }) => digest)).size).toBe(1);
  });

  it.each(["--liftoff-only", "--no-liftoff"])("are the same under %s", (flag) => {
    expect(outputsUnder(flag)).toEqual(here);
  });
});
