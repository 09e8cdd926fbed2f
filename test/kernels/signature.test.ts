import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { recoverAddress as recoverByViem } from "viem/utils";
import { describe, expect, it } from "vitest";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { keccak256 } from "../../src/kernels/digest.ts";
import {
  addressOfKey,
  checkSigners,
  isSignedBy,
  randomKey,
  recoverAddress,
  signDigest,
} from "../../src/kernels/signature.ts";
import { N, recoverByNoble } from "./claims.ts";

const word = (value: bigint) => value.toString(16).padStart(64, "0");
const signatureOf = (r: bigint, s: bigint, v: number): Hex =>
  `0x${word(r)}${word(s)}${v.toString(16).padStart(2, "0")}`;
const partsOf = (signature: Hex) => ({
  r: BigInt(signature.slice(0, 66)),
  s: BigInt(`0x${signature.slice(66, 130)}`),
  v: Number.parseInt(signature.slice(130), 16),
});
const digestOf = (text: string) => keccak256(new TextEncoder().encode(text));

// The first two accounts of Hardhat's and Anvil's public test mnemonic.
const KNOWN = [
  [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  ],
  [
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
  ],
] as const;
const KEY = fromHex(KNOWN[0][0]);
const DIGEST = digestOf("hirewire");

describe("an account", () => {
  it.each(KNOWN)("of key %s is %s", (key, address) => {
    expect(addressOfKey(fromHex(key))).toBe(address);
  });

  it.each([
    ["zero", new Uint8Array(32)],
    ["the group's order", fromHex(word(N))],
    ["31 bytes", new Uint8Array(31).fill(1)],
  ])("has no key that is %s", (_, key) => {
    expect(() => addressOfKey(key)).toThrow(expect.objectContaining({ code: "key_file" }));
  });

  it("gets another random key each time", () => {
    const [a, b] = [randomKey(), randomKey()];
    expect(a).toHaveLength(32);
    expect(toHex(a)).not.toBe(toHex(b));
    expect(addressOfKey(a)).not.toBe(addressOfKey(b));
  });
});

describe("a signature", () => {
  it("recovers to its signer, here and in viem", async () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (seed, message) => {
        const key = fromHex(keccak256(seed));
        const hash = toHex(message);
        const signature = await signDigest(hash, key);
        expect(recoverAddress(hash, signature)).toBe(addressOfKey(key));
        expect((await recoverByViem({ hash, signature })).toLowerCase()).toBe(addressOfKey(key));
      }),
      { numRuns: 25 },
    );
  });

  it("is the same for the same digest (RFC 6979), 65 bytes, low s, v 27 or 28", async () => {
    const signature = await signDigest(DIGEST, KEY);
    expect(await signDigest(DIGEST, KEY)).toBe(signature);
    const { s, v } = partsOf(signature);
    expect(fromHex(signature)).toHaveLength(65);
    expect(s <= N / 2n).toBe(true);
    expect([27, 28]).toContain(v);
  });

  it("has no twin: the high s of the same signature is refused, though it recovers elsewhere", async () => {
    const signature = await signDigest(DIGEST, KEY);
    const { r, s, v } = partsOf(signature);
    const twin = signatureOf(r, N - s, 55 - v);
    expect(recoverAddress(DIGEST, twin)).toBeNull();
    expect((await recoverByViem({ hash: DIGEST, signature: twin })).toLowerCase()).toBe(addressOfKey(KEY));
  });

  it("recovers to nobody with r or s out of range, or an r that no point has", async () => {
    const { r, s, v } = partsOf(await signDigest(DIGEST, KEY));
    const bad = [
      [0n, s],
      [r, 0n],
      [0n, 0n],
      [N, s],
      [N + 1n, s],
      [2n ** 256n - 1n, s],
      [r, N],
      [r, N + 1n],
      [r, N / 2n + 1n],
      // x = 5 is on no point of y^2 = x^3 + 7.
      [5n, s],
    ] as const;
    for (const [x, y] of bad) {
      for (const parity of [27, 28]) expect(recoverAddress(DIGEST, signatureOf(x, y, parity))).toBeNull();
    }
    expect(recoverAddress(DIGEST, signatureOf(r, s, v))).toBe(addressOfKey(KEY));
  });

  it("accepts the largest low s", () => {
    expect(recoverAddress(DIGEST, signatureOf(1n, N / 2n, 27))).toMatch(/^0x[0-9a-f]{40}$/);
  });

  it("recovers to nobody with any v but 27 and 28", async () => {
    const { r, s } = partsOf(await signDigest(DIGEST, KEY));
    for (let v = 0; v < 256; v++) {
      const found = recoverAddress(DIGEST, signatureOf(r, s, v));
      expect(found === null).toBe(v !== 27 && v !== 28);
    }
  });

  it("recovers to nobody with 64 or 66 bytes", async () => {
    const signature = await signDigest(DIGEST, KEY);
    expect(recoverAddress(DIGEST, signature.slice(0, -2) as Hex)).toBeNull();
    expect(recoverAddress(DIGEST, `${signature}00`)).toBeNull();
    expect(recoverAddress(DIGEST, "0x")).toBeNull();
  });

  it("recovers to nobody with a digest of another length", async () => {
    const signature = await signDigest(DIGEST, KEY);
    expect(recoverAddress(DIGEST.slice(0, -2) as Hex, signature)).toBeNull();
    expect(recoverAddress(`${DIGEST}00`, signature)).toBeNull();
    expect(recoverAddress("0x", signature)).toBeNull();
    expect(recoverAddress(`${DIGEST.slice(0, -1)}g` as Hex, signature)).toBeNull();
  });

  it("may be written in upper case, or without 0x, but has to be hexadecimal", async () => {
    const signature = await signDigest(DIGEST, KEY);
    for (const text of [signature.toUpperCase().replace("0X", "0x"), signature.slice(2)]) {
      expect(recoverAddress(DIGEST, text as Hex)).toBe(addressOfKey(KEY));
    }
    for (const bad of [`${signature.slice(0, -1)}g`, `${signature}0`, "0xzz"] as Hex[]) {
      expect(() => recoverAddress(DIGEST, bad)).toThrow(expect.objectContaining({ code: "file_format" }));
      expect(isSignedBy(addressOfKey(KEY), DIGEST, bad)).toBe(false);
    }
  });

  it("recovers as @noble/secp256k1 does, with any r, s, v and digest", async () => {
    const signature = await signDigest(DIGEST, KEY);
    const { r, s } = partsOf(signature);
    const edge = fc.constantFrom(
      0n,
      1n,
      2n,
      5n,
      N / 2n,
      N / 2n + 1n,
      N - 1n,
      N,
      N + 1n,
      2n ** 256n - 1n,
      r,
      s,
    );
    const number = fc.oneof(edge, fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }));
    const v = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(27, 28) },
      { weight: 1, arbitrary: fc.nat(255) },
    );
    let found = 0;
    fc.assert(
      fc.property(number, number, v, number, (x, y, z, message) => {
        const digest: Hex = `0x${word(message)}`;
        const made = signatureOf(x, y, z);
        const signer = recoverByNoble(digest, made);
        if (signer !== null) found += 1;
        expect(recoverAddress(digest, made)).toBe(signer);
        const by = signer ?? addressOfKey(KEY);
        expect(isSignedBy(by, digest, made)).toBe(signer !== null);
        const verdicts = checkSigners([
          { digest, signature: made, by },
          { digest, signature: made, by },
        ]);
        expect(verdicts).toEqual(Array(2).fill(signer !== null));
      }),
      { numRuns: 150 },
    );
    expect(found).toBeGreaterThan(15);
  });

  it("recovers to another account when any bit of digest, r or s is flipped", async () => {
    const signature = await signDigest(DIGEST, KEY);
    await fc.assert(
      fc.property(fc.integer({ min: 0, max: 96 * 8 - 1 }), (bit) => {
        const bytes = fromHex(`0x${DIGEST.slice(2)}${signature.slice(2)}`);
        const at = bit >> 3;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
        const found = recoverAddress(toHex(bytes.subarray(0, 32)), toHex(bytes.subarray(32)));
        expect(found).not.toBe(addressOfKey(KEY));
      }),
      { numRuns: 60 },
    );
  });
});

type Vectors = {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
};

const VECTORS = join(
  import.meta.dirname,
  "../../../shared/data/wycheproof/ecdsa_secp256k1_sha256_p1363_test.json",
);

describe("Wycheproof's ecdsa_secp256k1_sha256_p1363", () => {
  it.skipIf(!existsSync(VECTORS))(
    "is judged as it says, but for high s, which ecrecover's users refuse",
    () => {
      const vectors: Vectors = JSON.parse(readFileSync(VECTORS, "utf8"));
      let [valid, invalid, high] = [0, 0, 0];
      for (const { publicKey, tests } of vectors.testGroups) {
        const point = fromHex(publicKey.uncompressed).subarray(1);
        const address = `0x${keccak256(point).slice(-40)}`;
        for (const { tcId, msg, sig, result } of tests) {
          const digest: Hex = `0x${createHash("sha256").update(fromHex(msg)).digest("hex")}`;
          const found = [27, 28].map((v) => recoverAddress(digest, `0x${sig}${v.toString(16)}`));
          const isHigh = sig.length === 128 && BigInt(`0x${sig.slice(64)}`) > N / 2n;
          const expected = result === "valid" && !isHigh;
          expect(found.includes(address as Hex), `test ${tcId}`).toBe(expected);
          if (isHigh) high++;
          else if (expected) valid++;
          else invalid++;
        }
      }
      expect(valid).toBeGreaterThan(80);
      expect(invalid).toBeGreaterThan(30);
      expect(high).toBeGreaterThan(10);
    },
  );
});
