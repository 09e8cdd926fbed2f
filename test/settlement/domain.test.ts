import fc from "fast-check";
import { domainSeparator as byViem } from "viem";
import { expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { domainSeparator } from "../../src/settlement/domain.ts";

const bytes = (size: number) =>
  fc
    .uint8Array({ minLength: size, maxLength: size })
    .map((some): Hex => `0x${Buffer.from(some).toString("hex")}`);

it("is viem's, whichever fields a domain has", () => {
  const anyDomain = fc.record(
    {
      name: fc.string({ unit: "binary" }),
      version: fc.string(),
      chainId: fc.nat(),
      verifyingContract: bytes(20),
      salt: bytes(32),
    },
    { requiredKeys: ["chainId"] },
  );
  fc.assert(
    fc.property(anyDomain, (domain) => {
      expect(domainSeparator(domain)).toBe(byViem({ domain }));
    }),
  );
});
