import { hashTypedData, recoverTypedDataAddress } from "viem/utils";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { isManifestOf, manifestDigest, manifestSchema, signManifest } from "../../src/protocol/manifest.ts";
import { keySigner } from "../../src/protocol/signer.ts";

const AUTHOR = keySigner(new Uint8Array(32).fill(7));
const FIRMWARE: Hex = `0x${"f1".repeat(32)}`;
const PARTS = {
  firmware: FIRMWARE,
  name: "path-plan",
  version: "1.2.0",
  licence: "Apache-2.0",
  profile: "task/1" as const,
  memoryMiB: 16 as const,
};

/** Written from the documentation, not from manifest.ts. */
const TYPED = {
  domain: { name: "hirewire", version: "1" },
  types: {
    Manifest: [
      { name: "firmware", type: "bytes32" },
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "licence", type: "string" },
      { name: "profile", type: "string" },
      { name: "memoryMiB", type: "uint16" },
      { name: "author", type: "address" },
    ],
  },
  primaryType: "Manifest" as const,
  message: { ...PARTS, author: AUTHOR.address },
};

describe("a manifest", () => {
  it("has the digest that viem makes of the same typed data, bound to no chain", async () => {
    const manifest = await signManifest(AUTHOR, PARTS);
    expect(manifestDigest(manifest)).toBe(hashTypedData(TYPED));
    const by = await recoverTypedDataAddress({ ...TYPED, signature: manifest.signature });
    expect(by.toLowerCase()).toBe(manifest.author);
    expect(manifest.author).toBe(AUTHOR.address);
  });

  it("is of one firmware, and of its author only", async () => {
    const manifest = await signManifest(AUTHOR, PARTS);
    expect(isManifestOf(manifest, FIRMWARE)).toBe(true);
    expect(isManifestOf(manifest, `0x${"f2".repeat(32)}`)).toBe(false);
    const other = keySigner(new Uint8Array(32).fill(8)).address;
    expect(isManifestOf({ ...manifest, author: other }, FIRMWARE)).toBe(false);
  });

  it.each([
    ["name", { name: "path-plam" }],
    ["version", { version: "1.2.1" }],
    ["licence", { licence: "MIT" }],
    ["profile", { profile: "wasi-stdio/1" as const }],
    ["memory", { memoryMiB: 64 as const }],
    ["firmware", { firmware: `0x${"f2".repeat(32)}` as const }],
  ])("does not hold with another %s", async (_, change) => {
    const manifest = { ...(await signManifest(AUTHOR, PARTS)), ...change };
    expect(isManifestOf(manifest, manifest.firmware)).toBe(false);
  });

  it("is written in printable ASCII of bounded length", async () => {
    const manifest = await signManifest(AUTHOR, PARTS);
    const isGood = (change: Record<string, unknown>) =>
      manifestSchema.safeDecode({ ...manifest, ...change } as never).success;
    expect(isGood({})).toBe(true);
    expect(isGood({ name: "~".repeat(64), version: " ".repeat(32), licence: "x".repeat(64) })).toBe(true);
    for (const name of ["", "a".repeat(65), "a\nb", "\u001b[31m", "pláne", "\ud800", 1, null]) {
      expect(isGood({ name }), String(name)).toBe(false);
    }
    expect(isGood({ version: "1".repeat(33) })).toBe(false);
    expect(isGood({ licence: "M".repeat(65) })).toBe(false);
    expect(isGood({ extra: 1 })).toBe(false);
  });
});
