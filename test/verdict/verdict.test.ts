import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { type Outcome, RUN_VERDICTS } from "../../src/protocol/fuel.ts";
import { isSame, judge, type Testimony } from "../../src/verdict/verdict.ts";

const hash = (digits: string): Hex => `0x${digits.repeat(32)}`;
const A: Outcome = { verdict: "ok", output: hash("aa"), fuel: 1_000 };
const B: Outcome = { ...A, output: hash("bb") };
const C: Outcome = { ...A, output: hash("cc") };

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
  yes  -     -     y  want rerun
  yes  -     same  *  accept run again
  yes  -     B     *  reject
  yes  -     none  *  accept run
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
      JSON.stringify([checker, rerun, referee, drawn]);
    const known = new Set(ROWS.map(({ said }) => keyOf(said)));
    expect(known.size).toBe(ROWS.length);
    for (const checker of [true, false, null]) {
      for (const rerun of [null, A, B]) {
        // Outputs have no names: with no B before it, a C of the gateway is a B.
        for (const referee of rerun === B
          ? [null, A, B, C, "none" as const]
          : [null, A, B, "none" as const]) {
          for (const drawn of [true, false]) {
            expect(known).toContain(keyOf({ run: A, checker, rerun, referee, drawn }));
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

/** What the second provider and the gateway said of a run that failed -> ruling. */
const FAILED = `
  -    -     want referee
  -    same  accept run again
  -    B     reject
  -    none  undecided
  same -     want referee
  same same  accept run again
  same B     reject
  same none  undecided
  B    -     want referee
  B    same  accept run again
  B    B     accept check again
  B    C     reject
  B    none  undecided
`;

describe("judge, of a run without an output", () => {
  const fail: Outcome = { verdict: "trap", output: null, fuel: 1_000 };
  /** A better end, another way to fail, and the same failure at another bill. */
  const others: readonly Outcome[] = [A, { ...fail, verdict: "out-of-fuel" }, { ...fail, fuel: 1_001 }];

  it("asks no checker and needs no draw: the gateway's own run decides, whatever a second provider says", () => {
    for (const line of FAILED.trim().split("\n")) {
      const [rerun, referee, ...ruling] = line.trim().split(/\s+/);
      for (const drawn of [true, false]) {
        for (const [at, other] of others.entries()) {
          const third = others[(at + 1) % others.length] ?? A;
          const words = { same: fail, B: other, C: third, none: "none", "-": null } as const;
          const said: Testimony = {
            ...{ run: fail, checker: null, drawn },
            rerun: words[rerun as "same" | "B" | "-"],
            referee: words[referee as Word<typeof words>],
          };
          expect(inWords(said), line).toBe(ruling.join(" "));
        }
      }
    }
  });
});

describe("two outcomes", () => {
  it("are the same in verdict, output and fuel, or they are not the same", () => {
    const all = RUN_VERDICTS.flatMap((verdict): Outcome[] =>
      [7, 8].flatMap((fuel) =>
        [hash("aa"), hash("bb"), null].map((output): Outcome => ({ verdict, output, fuel })),
      ),
    );
    for (const [at, one] of all.entries()) {
      for (const [with_, other] of all.entries()) expect(isSame(one, { ...other })).toBe(at === with_);
    }
  });

  it("with the same output and another bill are settled as two answers", () => {
    const dear: Outcome = { ...A, fuel: A.fuel + 1 };
    const said = { run: dear, checker: true, rerun: A, drawn: true };
    expect(inWords({ ...said, referee: null })).toBe("want referee");
    expect(inWords({ ...said, referee: A })).toBe("accept check again");
    expect(inWords({ ...said, rerun: null, referee: A })).toBe("reject");
  });
});
