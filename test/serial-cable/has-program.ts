/** Whether a program of a Debian package is here; where the checks run, all of them have to be. */
import { spawnSync } from "node:child_process";

/** @param asking - an argument with which the program says something and ends */
export function hasProgram(program: string, asking: string): boolean {
  return (
    process.env["CI"] === "true" || spawnSync(program, [asking], { stdio: "ignore" }).error === undefined
  );
}
