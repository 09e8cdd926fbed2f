import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { completionCommand } from "../../../src/operator/setup/completion.ts";

const COMMANDS = [
  ["lane", { about: "lanes", words: ["list", "top-up"] }],
  ["settle", { about: "claims what's owed" }],
] as const;

const HELP: Readonly<Record<string, string>> = {
  lane: "hirewire lane list --json",
  "lane list": "--json  --direction D",
  "lane top-up": "--dry-run",
  settle: "hirewire settle --now [--dry-run]",
};

async function scriptFor(shell: string): Promise<string> {
  const said: string[] = [];
  const io = { write: (text: string) => void said.push(text), warn: () => undefined, isTerminal: false };
  const helpOf = (name: string, words: readonly string[]) =>
    Promise.resolve(HELP[[name, ...words].join(" ")] ?? "");
  expect(await completionCommand([shell], io, COMMANDS, helpOf)).toBe(0);
  return said.join("");
}

it.each([
  [
    ["hirewire", ""],
    ["lane", "settle", "--help", "--version"],
  ],
  [["hirewire", "la"], ["lane"]],
  [
    ["hirewire", "lane", ""],
    ["list", "top-up", "--help", "--json"],
  ],
  [["hirewire", "lane", "top-up", "--d"], ["--dry-run"]],
  [
    ["hirewire", "settle", "--"],
    ["--dry-run", "--help", "--now"],
  ],
  [["hirewire", "settle", "--now", "--d"], ["--dry-run"]],
])("bash completes %j", async (words, found) => {
  const script = await scriptFor("bash");
  const line = words.map((word) => `"${word}"`).join(" ");
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _hirewire; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", `${script}\n${ask}`], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual(found);
});

it("fish and zsh get every command, word and option", async () => {
  const fish = await scriptFor("fish");
  expect(fish).toContain("-a settle -d 'claims what\\'s owed'");
  expect(fish).toContain(
    "__fish_seen_subcommand_from lane; and __fish_seen_subcommand_from top-up' -l dry-run",
  );
  expect(await scriptFor("zsh")).toContain('"lane top-up") found="--dry-run --help"');
});

it("names the shells it knows", async () => {
  await expect(scriptFor("bsh")).rejects.toThrow("did you mean bash?");
});
