import { describe, expect, it } from "vitest";
import { prepareProgram } from "../../src/firmware/program.ts";
import { Programs } from "../../src/firmware/programs.ts";
import { taskModule } from "./module.ts";

const HASH = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);

/** Programs of a machine where making ready fails so with the first `failures` tries. */
function failing(failures: number, error: Error) {
  let tries = 0;
  const programs = new Programs((bytes) => {
    tries++;
    if (tries <= failures) throw error;
    return prepareProgram(bytes);
  });
  return { programs, tries: () => tries };
}

describe("programs", () => {
  it("makes a module ready once, and knows it again", () => {
    const { programs, tries } = failing(0, new Error());
    const first = programs.find(HASH, taskModule());
    expect(first).toMatchObject({ profile: "task/1" });
    programs.find(OTHER, taskModule());
    expect(programs.find(HASH, null)).toBe(first);
    expect(programs.find(HASH, null)).toBe(first);
    expect(tries()).toBe(2);
    expect(programs.find(new Uint8Array(32), null)).toBeUndefined();
  });

  it("tries again where there was no memory, with the bytes as they were", () => {
    const { programs, tries } = failing(2, new RangeError("out of memory"));
    const bytes = taskModule();
    expect(programs.find(HASH, bytes)).toEqual({ fault: "RangeError: out of memory" });
    bytes.fill(0);
    expect(programs.find(HASH, null)).toEqual({ fault: "RangeError: out of memory" });
    const ready = programs.find(HASH, null);
    expect(ready).toMatchObject({ profile: "task/1" });
    expect(programs.find(HASH, null)).toBe(ready);
    expect(tries()).toBe(3);
  });

  it("does not try again where the meter has failed", () => {
    const { programs, tries } = failing(1, new TypeError("no such opcode"));
    expect(programs.find(HASH, taskModule())).toEqual({ fault: "TypeError: no such opcode" });
    expect(programs.find(HASH, null)).toEqual({ fault: "TypeError: no such opcode" });
    expect(tries()).toBe(1);
  });
});
