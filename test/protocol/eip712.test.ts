import fc from "fast-check";
import { hashTypedData } from "viem/utils";
import { expect, it } from "vitest";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { structDigest, structOf } from "../../src/protocol/eip712.ts";

const FIELDS = [
  { type: "address", name: "who" },
  { type: "string", name: "what" },
  { type: "bytes16", name: "task" },
  { type: "bytes32", name: "hash" },
  { type: "uint24", name: "epoch" },
  { type: "uint64", name: "when" },
  { type: "uint96", name: "much" },
];
const STRUCT = structOf("Thing", FIELDS);
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value): Hex => toHex(value));
const values = fc.record({
  who: bytes(20),
  what: fc.string({ unit: "grapheme" }),
  task: bytes(16),
  hash: bytes(32),
  epoch: fc.nat(2 ** 24 - 1),
  when: fc.maxSafeNat(),
  much: fc.bigInt(0n, 2n ** 96n - 1n),
});

it("is what viem makes of the same struct, on any chain and vault", () => {
  fc.assert(
    fc.property(values, bytes(20), fc.integer({ min: 1, max: 2 ** 31 }), (message, vault, chainId) => {
      const domain = { name: "Somewhere", version: "1", chainId, verifyingContract: vault };
      const expected = hashTypedData({
        ...{ domain, types: { Thing: FIELDS }, primaryType: "Thing" },
        message: { ...message, when: BigInt(message.when) },
      });
      expect(structDigest("Somewhere", { chainId, vault }, STRUCT, message)).toBe(expected);
    }),
  );
});

it("is what viem makes of a domain that names no chain and no vault", () => {
  fc.assert(
    fc.property(values, (message) => {
      const domain = { name: "Anywhere", version: "1" };
      const expected = hashTypedData({
        ...{ domain, types: { Thing: FIELDS }, primaryType: "Thing" },
        message: { ...message, when: BigInt(message.when) },
      });
      expect(structDigest("Anywhere", null, STRUCT, message)).toBe(expected);
    }),
  );
});

const SOUND = {
  who: `0x${"11".repeat(20)}`,
  what: "",
  task: `0x${"22".repeat(16)}`,
  hash: `0x${"33".repeat(32)}`,
  ...{ epoch: 1, when: 2, much: 3n },
};

it.each([
  ["a number one bit too wide", { epoch: 2 ** 24 }],
  ["a number far too wide", { much: 2n ** 200n }],
  ["a negative number", { much: -1n }],
  ["a fraction", { when: 1.5 }],
  ["no number", { when: Number.NaN }],
  ["a number that is not exact", { when: 2 ** 53 }],
  ["an address of 21 bytes", { who: `0x${"11".repeat(21)}` }],
  ["too few bytes", { task: `0x${"22".repeat(15)}` }],
  ["bytes without their prefix", { hash: "33".repeat(33) }],
  ["what is no hexadecimal", { task: `0x${"2g".repeat(16)}` }],
  ["a number where a text belongs", { what: 5 }],
  ["nothing", { hash: undefined }],
])("%s has no digest", (_, wrong) => {
  const venue = { chainId: 1, vault: SOUND.who as Hex };
  expect(() => structDigest("Somewhere", venue, STRUCT, SOUND)).not.toThrow();
  expect(() => structDigest("Somewhere", venue, STRUCT, { ...SOUND, ...wrong })).toThrow(
    expect.objectContaining({ code: "impossible" }),
  );
});
