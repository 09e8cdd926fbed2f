import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { judge, type Testimony } from "../../src/verdict/verdict.ts";

const A: Hex = `0x${"aa".repeat(32)}`;
const B: Hex = `0x${"bb".repeat(32)}`;
const C: Hex = `0x${"cc".repeat(32)}`;

const CHECKER = { yes: true, no: false, "-": null } as const;
const OUTPUT = { same: A, B, C, none: "none", "-": null } as const;
type Word<T> = keyof T;

/**
 * checker, second provider, gateway's own run, drawn -> ruling. The first provider said `same`; `-` is silence, and
 * a row with `*` stands for both.
 */
const TABLE = `
  -    -     -     *  want checker
  -    -     same  *  want checker
  -    -     B     *  want checker
  -    -     none  *  want checker
  -    same  -     *  want checker
  -    same  same  *  want checker
  -    same  B     *  want checker
  -    same  none  *  want checker
  -    B     -     *  want checker
  -    B     same  *  want checker
  -    B     B     *  want checker
  -    B     C     *  want checker
  -    B     none  *  want checker
  yes  -     -     n  accept run
  yes  -     same  n  accept run
  yes  -     B     n  accept run
  yes  -     none  n  accept run
  yes  -     -     y  want rerun
  yes  -     same  y  accept run again
  yes  -     B     y  reject
  yes  -     none  y  accept run
  yes  same  -     *  accept run again
  yes  same  same  *  accept run again
  yes  same  B     *  accept run again
  yes  same  none  *  accept run again
  yes  B     -     *  want referee
  yes  B     same  *  accept run again
  yes  B     B     *  accept check again
  yes  B     C     *  reject
  yes  B     none  *  undecided
  no   -     -     *  want referee
  no   -     same  *  accept run again
  no   -     B     *  reject
  no   -     none  *  undecided
  no   same  -     *  accept run again
  no   same  same  *  accept run again
  no   same  B     *  accept run again
  no   same  none  *  accept run again
  no   B     -     *  want referee
  no   B     same  *  accept run again
  no   B     B     *  accept check again
  no   B     C     *  reject
  no   B     none  *  undecided
`;

type Row = { readonly said: Testimony; readonly ruling: string };

const ROWS: readonly Row[] = TABLE.trim()
  .split("\n")
  .flatMap((line) => {
    const [checker, rerun, referee, drawn, ...ruling] = line.trim().split(/\s+/);
    return (drawn === "*" ? ["y", "n"] : [drawn]).map((draw) => ({
      said: {
        run: A,
        checker: CHECKER[checker as Word<typeof CHECKER>],
        rerun: OUTPUT[rerun as "same" | "B" | "-"],
        referee: OUTPUT[referee as Word<typeof OUTPUT>],
        drawn: draw === "y",
      },
      ruling: ruling.join(" "),
    }));
  });

function inWords(said: Testimony): string {
  const ruling = judge(said);
  if (ruling.ruling === "want") return `want ${ruling.rung}`;
  if (ruling.ruling === "accept") return `accept ${ruling.whose}${ruling.rechecked ? " again" : ""}`;
  expect(ruling.reason).not.toBe("");
  return ruling.ruling;
}

describe("judge", () => {
  it("rules each testimony as the table says", () => {
    for (const { said, ruling } of ROWS) expect(inWords(said), JSON.stringify(said)).toBe(ruling);
  });

  it("is asked for every combination that can come up", () => {
    const keyOf = ({ checker, rerun, referee, drawn }: Testimony) =>
      [checker, rerun, referee, drawn].map(String).join();
    const known = new Set(ROWS.map(({ said }) => keyOf(said)));
    expect(known.size).toBe(ROWS.length);
    for (const checker of [true, false, null]) {
      for (const rerun of [null, A, B]) {
        // Outputs have no names: with no B before it, a C of the gateway is a B.
        for (const referee of rerun === B
          ? [null, A, B, C, "none" as const]
          : [null, A, B, "none" as const]) {
          for (const drawn of [true, false]) {
            expect(known, `${checker} ${rerun} ${referee} ${drawn}`).toContain(
              keyOf({ run: A, checker, rerun, referee, drawn }),
            );
          }
        }
      }
    }
  });

  it("never rejects a run on the word of its requester's checker or of one other provider", () => {
    for (const { said } of ROWS) {
      const { ruling } = judge(said);
      if (ruling === "reject") expect([A, "none", null]).not.toContain(said.referee);
      if (said.rerun === A && said.checker !== null) expect(ruling).toBe("accept");
    }
  });

  it("asks no rung that has spoken", () => {
    for (const { said } of ROWS) {
      const ruling = judge(said);
      if (ruling.ruling === "want") expect(said[ruling.rung]).toBeNull();
    }
  });
});
