/** What an inverse has to be, modulo p and modulo n alike. */
import fc from "fast-check";
import { expect } from "vitest";
import { type InnerModule, modulo, power, words } from "./digits.ts";

/** Of powers of two, small numbers, what lies as far below the modulus, and 1,000 drawn ones; of 0 it is 0. */
export function expectInverses(inner: InnerModule, modulus: bigint): void {
  const inverse = (value: bigint): bigint => {
    inner.run("fromWords", inner.at(1), inner.writeWords(0, value));
    inner.run("inverse", inner.at(1), inner.at(1));
    inner.run("toWords", inner.at(2), inner.at(1));
    return inner.readWords(2);
  };
  const small = Array.from({ length: 256 }, (_, i) => [BigInt(i), 1n << BigInt(i), (1n << BigInt(i)) - 1n]);
  for (const value of small.flat().flatMap((size) => [size % modulus, modulo(-size, modulus)])) {
    expect((inverse(value) * value) % modulus).toBe(value === 0n ? 0n : 1n);
  }
  fc.assert(
    fc.property(words, (value) => {
      expect(inverse(value)).toBe(power(value, modulus - 2n, modulus));
    }),
    { numRuns: 1000 },
  );
}
