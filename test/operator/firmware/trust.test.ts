import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { manifestText, parseManifest } from "../../../src/firmware/manifest-file.ts";
import { readTrust } from "../../../src/firmware/trust.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { signManifest } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Desk, openDesk } from "./desk.ts";

const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

const HASH = `0x${"ab".repeat(32)}` as const;
const author = keySigner(randomKey());
const MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

let desk: Desk;
let file: string;
let manifest: string;

beforeEach(async () => {
  desk = openDesk();
  file = desk.path("trust.json");
  const parts = { name: "echo", version: "1.0.0", licence: "MIT", profile: "task/1", memoryMiB: 1 } as const;
  const signed = await signManifest(author, { firmware: HASH, ...parts });
  manifest = desk.put("echo.manifest.json", manifestText(signed));
  return () => desk.remove();
});

const run = (...args: string[]) => desk.run([...args, "--trust", file]);

describe("firmware trust", () => {
  it("takes a hash with and without 0x, an address, a module and a manifest", async () => {
    const module = desk.put("echo.wasm", MODULE);
    await run("trust", HASH.slice(2).toUpperCase());
    await run("trust", author.address);
    await run("trust", module, "--note", "by hand");
    const trust = await readTrust(file);
    expect(trust.firmware).toEqual(new Set([HASH, sha256(MODULE)]));
    expect(trust.authors).toEqual(new Set([author.address]));
    expect(trust.notes).toEqual(new Map([[sha256(MODULE), "by hand"]]));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("takes of a manifest the module alone, and its author when that is asked for", async () => {
    const { written } = await run("trust", manifest);
    expect(written).toContain("echo 1.0.0");
    expect((await readTrust(file)).authors.size).toBe(0);
    await run("trust", manifest, "--as", "author");
    const { firmware, authors, notes } = await readTrust(file);
    expect([...firmware, ...authors]).toEqual([HASH, author.address]);
    expect(notes?.get(author.address)).toBe("author of echo");
  });

  it("loses nothing of what others change at the same time", async () => {
    const hashes = Array.from({ length: 16 }, (_, at) => sha256(`${at}`));
    await Promise.all(hashes.map((hash) => run("trust", hash)));
    expect((await readTrust(file)).firmware).toEqual(new Set(hashes));
    const gone = hashes.slice(0, 8);
    await Promise.all([...gone.map((hash) => run("untrust", hash)), run("trust", HASH)]);
    expect((await readTrust(file)).firmware).toEqual(new Set([...hashes.slice(8), HASH]));
  });

  it("says when a provider takes notice", async () => {
    expect((await run("trust", "--help")).written).toContain("restart it after a change");
  });

  it("says so when it was trusted already", async () => {
    await run("trust", HASH);
    expect((await run("trust", HASH)).written).toContain("it was already");
    expect((await readTrust(file)).firmware.size).toBe(1);
  });

  it("refuses a manifest that was changed after it was signed, and writes nothing", async () => {
    const changed = readFileSync(manifest, "utf8").replace('"1.0.0"', '"1.0.1"');
    const path = desk.put("changed.manifest.json", changed);
    await expect(run("trust", path)).rejects.toEqual(fault("file_format", /was changed.*signature/));
    const partial = desk.put("partial.manifest.json", changed.replace('"licence"', '"license"'));
    await expect(run("trust", partial)).rejects.toEqual(fault("file_format", /not right at: licence/));
    await expect(run("trust", desk.put("x.txt", "hello"))).rejects.toEqual(
      fault("file_format", /no manifest/),
    );
    expect(readdirSync(dirname(file))).not.toContain("trust.json");
  });

  it("names what is wrong with the arguments", async () => {
    const wrong: [RegExp, string[]][] = [
      [/expected one hash, address or file/, ["trust"]],
      [/expected one hash, address or file/, ["trust", HASH, HASH]],
      [/is a module: leave --as away/, ["trust", HASH, "--as", "author"]],
      [/is an author: leave --as away/, ["trust", author.address, "--as", "firmware"]],
      [/--as takes firmware or author, not "owner"/, ["trust", HASH, "--as", "owner"]],
      [/40 hexadecimal digits/, ["trust", "0x1234"]],
      [/zero address/, ["trust", `0x${"0".repeat(40)}`]],
      [/no file/, ["trust", desk.path("none.wasm")]],
      [/--note takes/, ["trust", HASH, "--note", "two\nlines"]],
      [/did you mean trust\?/, ["truts", HASH]],
      [/did you mean --note\?/, ["trust", HASH, "--not", "x"]],
      [/expected hirewire firmware check, run/, []],
    ];
    for (const [message, args] of wrong) {
      await expect(args.length === 0 ? desk.run([]) : run(...args)).rejects.toEqual(fault("usage", message));
    }
  });
});

describe("firmware untrust", () => {
  it("takes away what was trusted, with its note", async () => {
    await run("trust", manifest);
    await run("trust", manifest, "--as", "author");
    const { warned } = await run("untrust", HASH);
    expect(warned).toContain("manifest that a trusted author has signed");
    await run("untrust", manifest, "--as", "author");
    expect(await readTrust(file)).toEqual({ firmware: new Set(), authors: new Set(), notes: new Map() });
  });

  it("says so when there is nothing to take away", async () => {
    await expect(run("untrust", HASH)).rejects.toEqual(fault("usage", /has no module 0xabab.*firmware list/));
    await expect(run("untrust", author.address)).rejects.toEqual(fault("usage", /has no author/));
  });
});

describe("firmware list", () => {
  it("says that nothing runs where there is no file, and makes none", async () => {
    expect((await run("list")).written).toMatch(/trusts nobody, so nothing is run/);
    expect(readdirSync(dirname(file))).not.toContain("trust.json");
  });

  it("shows modules and authors with their notes, and the same as JSON", async () => {
    await run("trust", manifest);
    const changed = await run("trust", author.address, "--json");
    const { written } = await run("list");
    expect(written.split("\n")).toEqual([`module  ${HASH}  echo 1.0.0`, `author  ${author.address}`, ""]);
    const json = (await run("list", "--json")).written;
    expect(json).toBe(changed.written);
    expect(JSON.parse(json)).toEqual({
      file,
      firmware: [{ hash: HASH, note: "echo 1.0.0" }],
      authors: [{ address: author.address, note: null }],
    });
  });

  it("does not pass over a file that is damaged", async () => {
    desk.put("trust.json", "{}");
    for (const args of [["list"], ["trust", HASH], ["untrust", HASH]]) {
      await expect(run(...args)).rejects.toEqual(fault("file_format", /no trust file/));
    }
  });
});

describe("a manifest file", () => {
  it("comes back as it was written", () => {
    const text = readFileSync(manifest, "utf8");
    expect(manifestText(parseManifest(text, manifest))).toBe(text);
  });
});
