import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";

const account = (digit: string): Hex => `0x${digit.repeat(40)}`;

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "roster-"));
  return () => rmSync(data, { recursive: true });
});

function entry(name: string, device: Hex, over: { manufacturer?: string; serialNumber?: string } = {}) {
  return {
    version: 1 as const,
    device,
    name,
    owner: null,
    perDay: null,
    manufacturer: "acme",
    serialNumber: name,
    ...over,
  };
}

const put = (file: string, text: string) => writeFileSync(join(data, "devices", file), text);

function faultOf(file: string) {
  return expect.objectContaining({ code: "file_format", facts: { file: join(data, "devices", file) } });
}

describe("the roster's folder", () => {
  it("gives back what was written, by name", () => {
    const [arm, leg] = [entry("arm", account("b")), entry("leg", account("a"))];
    for (const one of [leg, arm]) writeRosterEntry(data, one);
    expect(readRoster(data)).toEqual({ entries: [arm, leg], faults: [] });
    writeRosterEntry(data, { ...arm, perDay: "2.50" });
    expect(readRoster(data).entries).toEqual([{ ...arm, perDay: "2.50" }, leg]);
  });

  it("is made where there is none, and holds nobody", () => {
    expect(readRoster(join(data, "new"))).toEqual({ entries: [], faults: [] });
  });

  it("passes over what is no entry, names each file, and reads the others", () => {
    const arm = entry("arm", account("a"));
    writeRosterEntry(data, arm);
    put("1-cut.json", JSON.stringify(arm).slice(0, 20));
    put("2-other.json", "[]");
    put("3-more.json", JSON.stringify({ ...entry("more", account("b")), key: "secret" }));
    mkdirSync(join(data, "devices", "4-folder.json"));
    symlinkSync("nowhere", join(data, "devices", "5-gone.json"));
    put("notes.txt", "not ours");
    put("arm.json.new", "half");
    const { entries, faults } = readRoster(data);
    expect(entries).toEqual([arm]);
    const bad = ["1-cut.json", "2-other.json", "3-more.json", "4-folder.json", "5-gone.json"];
    expect(faults).toEqual(bad.map(faultOf));
    for (const [at, { message }] of faults.entries()) expect(message).toContain(bad[at]);
  });

  it.for([
    ["address", entry("b", account("a"))],
    ["topics", entry("b", account("b"), { serialNumber: "a" })],
    ["name", { ...entry("A", account("b")) }],
  ] as const)("gives the %s to the first who claims it", ([what, second]) => {
    const first = entry("a", account("a"));
    writeRosterEntry(data, first);
    put("b.json", JSON.stringify(second));
    writeRosterEntry(data, entry("c", account("c"), { manufacturer: "other", serialNumber: "a" }));
    const { entries, faults } = readRoster(data);
    expect(entries.map(({ name }) => name)).toEqual(["a", "c"]);
    expect(faults).toEqual([faultOf("b.json")]);
    expect(faults[0]?.message).toContain(`the ${what} of a (${first.device})`);
  });

  it("prefers an entry to its copy, whatever the copy's file is called", () => {
    writeRosterEntry(data, entry("robot", account("a")));
    put("a copy of robot.json", JSON.stringify(entry("robot", account("b"))));
    put("robot (1).json", JSON.stringify(entry("robot", account("a"))));
    const { entries, faults } = readRoster(data);
    expect(entries).toEqual([entry("robot", account("a"))]);
    expect(faults).toEqual([faultOf("a copy of robot.json"), faultOf("robot (1).json")]);
  });

  it("reads an entry in a file of another name", () => {
    writeRosterEntry(data, entry("arm", account("a")));
    put("moved.json", JSON.stringify(entry("leg", account("b"))));
    expect(readRoster(data)).toMatchObject({ entries: [{ name: "arm" }, { name: "leg" }], faults: [] });
  });
});
