import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FAULTS } from "../src/base/fault.ts";
import { REFUSALS } from "../src/base/refusal.ts";
import { COMMANDS } from "../src/commands.ts";

const README = readFileSync("README.md", "utf8");

/** First and second cell of each row of the table under a heading; code ticks removed. */
function tableUnder(heading: string): [string, string][] {
  const section = README.split(`### ${heading}\n`)[1]?.split(/\n#/)[0] ?? "";
  return [...section.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map((row) => [row[1] ?? "", row[2] ?? ""]);
}

describe("README", () => {
  it("lists every refusal with its hint, and no other", () => {
    expect(tableUnder("Refusals")).toEqual(Object.entries(REFUSALS));
  });

  it("lists every fault with its remedy, and no other", () => {
    expect(tableUnder("Faults")).toEqual(Object.entries(FAULTS));
  });

  it("lists every command of the command line, and no other", () => {
    const listed = new Set([...README.matchAll(/^\| `hirewire ([\w-]+)/gm)].map((row) => row[1]));
    expect(listed.size).toBeGreaterThan(5);
    expect(listed).toEqual(new Set(Object.keys(COMMANDS)));
  });

  it("names only npm scripts that exist", () => {
    const scripts = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).scripts);
    const named = [...README.matchAll(/npm run (?:-s )?([\w:]+)/g)].map((match) => match[1]);
    expect(named.length).toBeGreaterThan(2);
    for (const name of named) expect(scripts).toContain(name);
  });
});
