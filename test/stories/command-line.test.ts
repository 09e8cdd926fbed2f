import { expect, it } from "vitest";
import { Program } from "./program.ts";

it.each([
  [["fnud"], /did you mean fund\?/],
  [["constructor"], /there is no command "constructor"/],
  [["demo", "--querys", "5"], /did you mean --queries\?/],
  [["demo", "twice"], /takes options only/],
  [["demo", "--queries", "0"], /a whole number from 1 on/],
  [["demo", "--map", "nowhere.map"], /there is no file nowhere\.map/],
])("the command line refuses %j at once, with a hint and exit code 2", async (args, hint) => {
  const program = new Program(args);
  expect(await program.ended()).toBe(2);
  expect(program.stderr).toMatch(hint);
});

it.each(["run", "demo", "log", "device", "fund", "withdraw", "deploy", "doctor"])(
  "hirewire %s --help says how it is called",
  async (command) => {
    const program = new Program([command, "--help"]);
    expect(await program.ended(), program.stderr).toBe(0);
    expect(String(program.said[0]?.["text"])).toContain(`hirewire ${command}`);
  },
);
