import { expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { COMMANDS } from "../../src/commands.ts";
import { readConfig } from "../../src/config.ts";
import type { Terminal } from "../../src/terminal.ts";
import { Program } from "./program.ts";

/** A terminal that keeps what it is told, and has no key. */
function listeningTerminal(): { readonly terminal: Terminal; readonly said: string[] } {
  const said: string[] = [];
  const write = (text: string) => void said.push(text);
  const none = () => {
    throw new Error("nobody should ask for a key");
  };
  const terminal: Terminal = {
    io: { write, warn: write, columns: 80, isTerminal: false },
    keys: { read: none, connection: none, wallet: none, create: none },
    ...{ readSecret: none, readConfig, clock: systemClock, env: {}, defaultData: () => null },
    ...{ stopSignal: () => new AbortController().signal, version: () => "0.0.0", complain: none },
  };
  return { terminal, said };
}

it.each([
  [["fnud"], /did you mean fund\?/],
  [["constructor"], /there is no command "constructor"/],
  [["demo", "--querys", "5"], /did you mean --queries\?/],
])("the command line refuses %j at once, with a hint and exit code 2", async (args, hint) => {
  const program = new Program(args);
  expect(await program.ended()).toBe(2);
  expect(program.stderr).toMatch(hint);
});

it("the command line gives help with exit code 0", async () => {
  const program = new Program(["run", "--help"]);
  expect(await program.ended(), program.stderr).toBe(0);
  expect(String(program.said[0]?.["text"])).toContain("hirewire run");
});

it.each([
  [["twice"], /takes options only/],
  [["--queries", "0"], /a whole number from 1 on/],
  [["--map", "nowhere.map"], /there is no file nowhere\.map/],
])("hirewire demo refuses %j with a hint", async (args, message) => {
  const { terminal } = listeningTerminal();
  const asked = COMMANDS["demo"]?.run([...args], terminal);
  await expect(asked).rejects.toMatchObject({ code: "usage", message: expect.stringMatching(message) });
});

// `start` is one of two others, and `version` takes nothing
const helpful = Object.keys(COMMANDS).filter((name) => name !== "start" && name !== "version");

it.each(helpful)("hirewire %s --help says how it is called", async (command) => {
  const { terminal, said } = listeningTerminal();
  expect(await COMMANDS[command]?.run(["--help"], terminal)).toBe(0);
  expect(said.join("")).toContain(`hirewire ${command}`);
});
