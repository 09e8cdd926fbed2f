import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/base/bytes.ts";

describe("bytes", () => {
  it("come back from their hexadecimal, in either case and with or without 0x", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const hex = toHex(bytes);
        expect(hex).toMatch(/^0x([0-9a-f]{2})*$/);
        expect(fromHex(hex)).toEqual(bytes);
        expect(fromHex(hex.slice(2).toUpperCase())).toEqual(bytes);
        expect(hex).toBe(`0x${Buffer.from(bytes).toString("hex")}`);
      }),
    );
  });

  it.each(["0x0", "abc", "0xzz", "0x 1", "0x1g", "00\n", "0x0x"])(
    "refuses %j, which is not whole bytes",
    (text) => {
      expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: "file_format" }));
    },
  );
});
