import { schnorr, secp256k1, secp256k1_hasher } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { decompress, hashToCurve, isOnCurve, sumOfProducts } from "../../src/kernels/curve.ts";
import { verifySchnorr } from "../../src/kernels/schnorr.ts";
import { keyOf, N } from "./claims.ts";

const { Point } = secp256k1;
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const word = (value: bigint) => fromHex(value.toString(16).padStart(64, "0"));
const bytesOf = (point: InstanceType<typeof Point>) => point.toBytes(false).slice(1);
const join = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const isUsage = expect.objectContaining({ code: "usage" });

describe("points", () => {
  it("come from x and a parity where noble finds one", () => {
    fc.assert(
      fc.property(bytes32, fc.constantFrom(0 as const, 1 as const), (x, parity) => {
        let expected: string | null;
        try {
          expected = toHex(bytesOf(Point.fromBytes(Uint8Array.of(2 + parity, ...x))));
        } catch {
          expected = null;
        }
        const found = decompress(x, parity);
        expect(found && toHex(found)).toBe(expected);
        if (found) expect(isOnCurve(found)).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(decompress(new Uint8Array(31), 0)).toBeNull();
    expect(decompress(new Uint8Array(32).fill(0xff), 0)).toBeNull();
  });

  it("are on the curve, or not", () => {
    const good = bytesOf(Point.BASE);
    expect(isOnCurve(good)).toBe(true);
    for (let at = 0; at < 64; at += 7) expect(isOnCurve(good.with(at, (good[at] ?? 0) ^ 1))).toBe(false);
    for (const bad of [new Uint8Array(64), new Uint8Array(64).fill(0xff), good.subarray(1)]) {
      expect(isOnCurve(bad)).toBe(false);
    }
  });

  it("are hashed to as RFC 9380 says", () => {
    const tag = fc.uint8Array({ minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), tag, (message, name) => {
        const expected = secp256k1_hasher.hashToCurve(message, { DST: name });
        expect(toHex(hashToCurve(message, name) ?? new Uint8Array())).toBe(
          toHex(expected.toBytes(false).slice(1)),
        );
      }),
      { numRuns: 20 },
    );
    expect(() => hashToCurve(new Uint8Array(1), new Uint8Array())).toThrow(isUsage);
    expect(() => hashToCurve(new Uint8Array(1), new Uint8Array(256))).toThrow(isUsage);
    expect(() => hashToCurve(new Uint8Array(16_001), new Uint8Array(1))).toThrow(isUsage);
  });

  it("are summed as noble sums them, infinity and the same point twice among them", () => {
    const scalar = fc.oneof(
      fc.constantFrom(0n, 1n, 2n, N - 1n, N, N + 1n, 2n ** 256n - 1n),
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    );
    const terms = fc.array(fc.tuple(fc.nat(3), scalar), { maxLength: 9 });
    fc.assert(
      fc.property(terms, (list) => {
        const points = list.map(([multiple]) =>
          multiple === 0 ? Point.ZERO : Point.BASE.multiply(BigInt(multiple)),
        );
        const sum = list.reduce(
          (total, [, by], at) => total.add((points[at] ?? Point.ZERO).multiplyUnsafe(by % N)),
          Point.ZERO,
        );
        const columns = points.map((point) => (point.is0() ? new Uint8Array(64) : bytesOf(point)));
        const found = sumOfProducts(join(columns), join(list.map(([, by]) => word(by))));
        expect(found && toHex(found)).toBe(sum.is0() ? null : toHex(bytesOf(sum)));
      }),
      { numRuns: 60 },
    );
  });

  it("are not summed when they are none, or do not go with the scalars", () => {
    const one = word(1n);
    expect(() => sumOfProducts(bytesOf(Point.BASE).with(63, 0), one)).toThrow(isUsage);
    expect(() => sumOfProducts(bytesOf(Point.BASE), join([one, one]))).toThrow(isUsage);
    expect(() => sumOfProducts(new Uint8Array(32), new Uint8Array(16))).toThrow(isUsage);
    expect(sumOfProducts(new Uint8Array(), new Uint8Array())).toBeNull();
  });
});

describe("a Schnorr signature", () => {
  it("holds where noble's does, whatever the message's length", () => {
    const message = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(message, fc.nat(9), fc.nat(64 * 8 - 1), (text, index, bit) => {
        const key = schnorr.getPublicKey(keyOf(index));
        const signature = schnorr.sign(text, keyOf(index));
        expect(verifySchnorr(key, text, signature)).toBe(true);
        const spoiled = signature.with(bit >> 3, (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
        expect(verifySchnorr(key, text, spoiled)).toBe(false);
        expect(verifySchnorr(key, Uint8Array.of(...text, 0), signature)).toBe(false);
        expect(verifySchnorr(schnorr.getPublicKey(keyOf(index + 1)), text, signature)).toBe(false);
      }),
      { numRuns: 15 },
    );
    expect(verifySchnorr(new Uint8Array(31), new Uint8Array(), new Uint8Array(64))).toBe(false);
    expect(verifySchnorr(new Uint8Array(32), new Uint8Array(), new Uint8Array(63))).toBe(false);
  });
});
