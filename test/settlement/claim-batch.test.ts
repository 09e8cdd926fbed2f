import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { type ClaimRow, encodeClaimBatch, MAX_CLAIM_ROWS } from "../../src/settlement/claim-batch.ts";

const TOKEN: Hex = `0x${"aa".repeat(20)}`;

function row(over: Partial<ClaimRow> = {}): ClaimRow {
  const signature: Hex = `0x${"11".repeat(32)}${"22".repeat(32)}1b`;
  return { payee: `0x${"bb".repeat(20)}`, epoch: 1, cumulative: amount(2n), signature, ...over };
}

/** Reads a batch back: one line `payee epoch cumulative r s v` per row. */
function decode(batch: Hex): { token: string; rows: string[] } {
  let at = 2;
  const take = (bytes: number) => {
    at += 2 * bytes;
    return batch.slice(at - 2 * bytes, at);
  };
  const token = take(20);
  const rows: string[] = [];
  while (at < batch.length) {
    const payee = take(20);
    for (let left = Number(`0x${take(2)}`); left > 0; left--) {
      const [epoch, cumulative, r] = [Number(`0x${take(3)}`), BigInt(`0x${take(12)}`), take(32)];
      const vs = BigInt(`0x${take(32)}`);
      const s = BigInt.asUintN(255, vs).toString(16).padStart(64, "0");
      rows.push([payee, epoch, cumulative, r, s, 27n + (vs >> 255n)].join(" "));
    }
  }
  return { token, rows };
}

describe("encodeClaimBatch", () => {
  it("packs as the contract reads it: EIP-2098's own example", () => {
    // eips.ethereum.org/EIPS/eip-2098, "Test Cases"
    const r = "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90";
    const s = "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064";
    const r2 = "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76";
    const s2 = "139c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793";
    const rows = [row({ signature: `0x${r}${s}1b` }), row({ signature: `0x${r2}${s2}1c` })];
    const record = `000001${"2".padStart(24, "0")}`;
    const s2WithParity = `93${s2.slice(2)}`;
    expect(encodeClaimBatch(TOKEN, rows)).toBe(
      `${TOKEN}${"bb".repeat(20)}0002${record}${r}${s}${record}${r2}${s2WithParity}`,
    );
  });

  it("keeps every row, in groups by payee", () => {
    const hexDigits = (bytes: number) =>
      fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString("hex"));
    const rows = fc.array(
      fc.record({
        payee: fc.constantFrom<Hex>(`0x${"01".repeat(20)}`, `0x${"02".repeat(20)}`, `0x${"Ab".repeat(20)}`),
        epoch: fc.integer({ min: 0, max: 2 ** 24 - 1 }),
        cumulative: fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }).map(amount),
        signature: fc
          .tuple(hexDigits(32), hexDigits(32), fc.constantFrom("1b", "1c", "00", "01"))
          .map(([r, s, v]): Hex => `0x${r}0${Number.parseInt(s[0] ?? "0", 16) % 8}${s.slice(2)}${v}`),
      }),
      { maxLength: 20 },
    );
    const line = ({ payee, epoch, cumulative, signature }: ClaimRow) => {
      const v = Number.parseInt(signature.slice(130), 16) % 27 === 0 ? 27 : 28;
      return [
        payee.slice(2).toLowerCase(),
        epoch,
        cumulative,
        signature.slice(2, 66),
        signature.slice(66, 130),
        v,
      ].join(" ");
    };
    fc.assert(
      fc.property(rows, (all) => {
        const batch = decode(encodeClaimBatch(TOKEN, all));
        expect(batch.rows).toHaveLength(all.length);
        expect(new Set(batch.rows)).toEqual(new Set(all.map(line)));
        const payees = batch.rows.map((text) => text.slice(0, 40));
        const changes = payees.filter((payee, index) => payee !== payees[index - 1]).length;
        expect(changes).toBe(new Set(payees).size);
      }),
    );
  });

  it("refuses what the contract could not read", () => {
    const bad: ClaimRow[] = [
      row({ epoch: 2 ** 24 }),
      row({ epoch: -1 }),
      row({ payee: "0x01" }),
      row({ signature: "0x" }),
      row({ signature: `0x${"11".repeat(64)}` }),
      row({ signature: `0x${"11".repeat(64)}1d` }),
      row({ signature: `0x${"11".repeat(32)}${"80".repeat(32)}1b` }),
    ];
    for (const one of bad) {
      expect(() => encodeClaimBatch(TOKEN, [one])).toThrow(expect.objectContaining({ code: "impossible" }));
    }
    expect(
      encodeClaimBatch(
        TOKEN,
        Array.from({ length: MAX_CLAIM_ROWS }, () => row()),
      ),
    ).toHaveLength(2 + 2 * (20 + 22 + 79 * MAX_CLAIM_ROWS));
    const tooMany = Array.from({ length: MAX_CLAIM_ROWS + 1 }, () => row());
    expect(() => encodeClaimBatch(TOKEN, tooMany)).toThrow(expect.objectContaining({ code: "impossible" }));
  });
});
