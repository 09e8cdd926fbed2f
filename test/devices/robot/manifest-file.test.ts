import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readManifest } from "../../../devices/robot/manifest-file.ts";
import { manifestText, parseManifest } from "../../../src/firmware/manifest-file.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { signManifest } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";

const named = { name: "echo", version: "1.0.0", licence: "MIT", profile: "task/1", memoryMiB: 1 } as const;
const manifest = await signManifest(keySigner(randomKey()), { firmware: `0x${"ab".repeat(32)}`, ...named });
const text = manifestText(manifest);

describe("a manifest that a device sends along", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manifest-"));
    path = join(folder, "echo.manifest.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is read as it was published", async () => {
    writeFileSync(path, text);
    expect(await readManifest(path)).toEqual(manifest);
  });

  it.each([
    ["that is no JSON", "{", /no manifest/],
    ["with a memory class that is none", text.replace('"memoryMiB": 1', '"memoryMiB": 2'), /at: memoryMiB$/],
    ["that was changed", text.replace("1.0.0", "1.0.1"), /was changed: .* not that of 0x/],
  ])("is not one %s, in the words that the author gets", async (_, wrong, message) => {
    writeFileSync(path, wrong);
    const fault = { code: "file_format", message: expect.stringMatching(message) };
    await expect(readManifest(path)).rejects.toEqual(expect.objectContaining(fault));
    expect(() => parseManifest(wrong, path)).toThrow(expect.objectContaining(fault));
  });

  it("has to be there", async () => {
    await expect(readManifest(path)).rejects.toMatchObject({ code: "disk_failed" });
  });
});
