import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { isTrusted, NO_TRUST, readTrust, type Trust, writeTrust } from "../../src/firmware/trust.ts";
import { randomKey } from "../../src/kernels/signature.ts";
import { updateTrust } from "../../src/operator/firmware/trust-file.ts";
import { type Manifest, signManifest } from "../../src/protocol/manifest.ts";
import { keySigner } from "../../src/protocol/signer.ts";

/** Adds eight modules to a trust file, one by one. */
const CHANGER = fileURLToPath(new URL("trust-changer.ts", import.meta.url));

const author = keySigner(randomKey());
const firmware = `0x${"ab".repeat(32)}` as Hex;
const other = `0x${"cd".repeat(32)}` as Hex;

function manifestOf(signer = author, of: Hex = firmware): Promise<Manifest> {
  const parts = { name: "echo", version: "1.0.0", licence: "MIT", profile: "task/1", memoryMiB: 1 } as const;
  return signManifest(signer, { firmware: of, ...parts });
}

const trusting = (parts: Partial<Trust>): Trust => ({ ...NO_TRUST, ...parts });

describe("trust", () => {
  it("runs nothing unless somebody says so", async () => {
    expect(isTrusted(NO_TRUST, firmware)).toBe(false);
    expect(isTrusted(NO_TRUST, firmware, await manifestOf())).toBe(false);
  });

  it("takes a module by its hash, whatever manifest comes with it", async () => {
    const trust = trusting({ firmware: new Set([firmware]) });
    expect(isTrusted(trust, firmware)).toBe(true);
    expect(isTrusted(trust, firmware, await manifestOf(author, other))).toBe(true);
    expect(isTrusted(trust, other)).toBe(false);
  });

  it("takes a trusted author's manifest of this very module", async () => {
    const trust = trusting({ authors: new Set([author.address]) });
    const manifest = await manifestOf();
    expect(isTrusted(trust, firmware, manifest)).toBe(true);
    expect(isTrusted(trust, firmware)).toBe(false);
    expect(isTrusted(trust, other, manifest)).toBe(false);
  });

  it("takes no manifest that names a trusted author and is signed by another, or was changed", async () => {
    const trust = trusting({ authors: new Set([author.address]) });
    const forged = { ...(await manifestOf(keySigner(randomKey()))), author: author.address };
    expect(isTrusted(trust, firmware, forged)).toBe(false);
    const manifest = await manifestOf();
    for (const change of [
      { firmware: other },
      { version: "1.0.1" },
      { memoryMiB: 64 },
      { name: "x" },
    ] as const) {
      expect(isTrusted(trust, change.firmware ?? firmware, { ...manifest, ...change })).toBe(false);
    }
  });
});

describe("the trust file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "trust-"));
    path = join(folder, "trust.json");
    return () => rmSync(folder, { recursive: true });
  });

  it("trusts nobody where it is missing", async () => {
    expect(await readTrust(path)).toEqual(NO_TRUST);
  });

  it("comes back as it was written, for its owner's eyes, and leaves nothing beside it", async () => {
    const notes = new Map([[firmware, "echo 1.0.0"]]);
    const trust = { firmware: new Set([firmware, other]), authors: new Set([author.address]), notes };
    await writeTrust(path, trusting({}));
    await writeTrust(path, trust);
    expect(await readTrust(path)).toEqual(trust);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["trust.json"]);
  });

  it("is whole whichever of two writers comes last", async () => {
    const sets = [new Set([firmware]), new Set([other])];
    await Promise.all(sets.map((set) => writeTrust(path, trusting({ firmware: set }))));
    const { firmware: found } = await readTrust(path);
    expect(sets).toContainEqual(found);
    expect(readdirSync(folder)).toEqual(["trust.json"]);
  });

  it("loses no change of processes that change it at the same time", async () => {
    const changes = ["a", "b", "c", "d"].map((digit) => spawn(process.execPath, [CHANGER, path, digit]));
    const codes = await Promise.all(changes.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect((await readTrust(path)).firmware.size).toBe(4 * 8);
  }, 30_000);

  it("waits for a lock no longer than is told, and takes one that nobody holds any more", async () => {
    const lock = new DatabaseSync(`${path}.lock`);
    lock.exec("BEGIN EXCLUSIVE");
    const held = updateTrust(path, (before) => before, 50);
    await expect(held).rejects.toMatchObject({
      code: "timed_out",
      message: expect.stringContaining("another process"),
    });
    lock.close();
    const { before, after } = await updateTrust(path, () => trusting({ firmware: new Set([firmware]) }));
    expect([before, after.firmware]).toEqual([NO_TRUST, new Set([firmware])]);
  });

  it("is as it was when the change throws, and free again", async () => {
    await writeTrust(path, trusting({ firmware: new Set([firmware]) }));
    const thrown = updateTrust(path, () => {
      throw new Error("not so");
    });
    await expect(thrown).rejects.toThrow("not so");
    await updateTrust(path, (before) => ({ ...before, authors: new Set([author.address]) }));
    const trust = await readTrust(path);
    expect([...trust.firmware, ...trust.authors]).toEqual([firmware, author.address]);
  });

  it("is refused when it is damaged or of a kind that is not known: nothing is guessed", async () => {
    await writeTrust(path, trusting({ firmware: new Set([firmware]) }));
    const text = readFileSync(path, "utf8");
    const damaged = [
      text.slice(0, -3),
      text.replace('"version": 1', '"version": 2'),
      text.replace("ab", "zz"),
      "[]",
    ];
    for (const bad of damaged) {
      writeFileSync(path, bad);
      await expect(readTrust(path)).rejects.toMatchObject({ code: "file_format" });
    }
  });

  it("reads hashes in any case, so that none is trusted by half", async () => {
    const file = { version: 1, firmware: [{ hash: `0x${"AB".repeat(32)}` }], authors: [] };
    writeFileSync(path, JSON.stringify(file));
    expect(isTrusted(await readTrust(path), firmware)).toBe(true);
  });

  it("says so when the disk does not take it", async () => {
    await expect(writeTrust(join(folder, "no", "trust.json"), NO_TRUST)).rejects.toMatchObject({
      code: "disk_failed",
    });
    const folderRead = { code: "disk_failed", message: `cannot read ${folder}: it is a folder` };
    await expect(readTrust(folder)).rejects.toMatchObject(folderRead);
    await expect(updateTrust(join(folder, "no", "x"), (trust) => trust)).rejects.toMatchObject({
      ...{
        code: "disk_failed",
        message: expect.stringMatching(/^cannot lock .*: no such file or directory$/),
      },
    });
  });
});
