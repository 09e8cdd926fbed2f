import fc from "fast-check";
import { expect, test } from "vitest";
import { MOVEMENTS, SETTLEMENT_STATES, settlementFilter } from "../../../../src/operator/api/settlement.ts";
import {
  changed,
  dateText,
  exportAddress,
  KINDS,
  keysOf,
  type LogFilter,
  midnightOf,
  queryOf,
  RUNNING_PERIODS,
  readFilter,
  STATUSES,
  without,
  writeFilter,
} from "../../../../src/operator/page/pages/settlement-filter.ts";

const words = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .map((text) => text.trim())
  .filter((text) => text !== "" && text.length <= 128);
const bound = fc.integer({ min: 0, max: 4_000_000_000_000 });
const when = fc.oneof(
  fc.record({ period: fc.constantFrom(...RUNNING_PERIODS) }),
  fc.record({ from: bound, to: bound }, { requiredKeys: [] }),
);
const rest = fc.record(
  {
    kind: fc.constantFrom(...KINDS),
    device: words,
    firmware: words,
    counterparty: words,
    status: fc.constantFrom(...STATUSES),
    min: fc.bigInt({ min: 0n, max: 10n ** 12n }).map((count) => `${count}.000001`),
    text: words,
  },
  { requiredKeys: [] },
);
const filter: fc.Arbitrary<LogFilter> = fc.tuple(when, rest).map(([a, b]) => ({ ...a, ...b }));

test("kinds and states are those of the API", () => {
  expect(KINDS).toEqual(MOVEMENTS);
  expect(STATUSES).toEqual(SETTLEMENT_STATES);
});

test("a filter comes back from its address", () => {
  fc.assert(
    fc.property(filter, (one) => {
      const address = writeFilter(one).toString();
      expect(readFilter(new URLSearchParams(address))).toEqual(one);
    }),
    { numRuns: 300 },
  );
});

test("whatever an address says, what is read of it is a filter the API takes", () => {
  const key = fc.constantFrom(
    "period",
    "from",
    "to",
    "kind",
    "device",
    "status",
    "min",
    "text",
    "before",
    "x",
  );
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("day", "earned", "1e3", "-1", "0.5", "07", "99999999999999999"),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 6 }), (pairs) => {
      const read = readFilter(new URLSearchParams(pairs));
      expect(settlementFilter.safeParse(Object.fromEntries(queryOf(read, 5e11))).success).toBe(true);
      expect(readFilter(writeFilter(read))).toEqual(read);
    }),
    { numRuns: 300 },
  );
});

test("what an old or mistyped link says and nobody understands is left out", () => {
  const read = readFilter(new URLSearchParams("kind=stolen&status=&min=1,5&from=-3&text=%20%20&device= a "));
  expect(read).toEqual({ device: "a" });
});

test("a running period and bounds put each other out", () => {
  expect(changed({ period: "week" }, "from", 5)).toEqual({ from: 5 });
  expect(changed({ from: 1, to: 2, kind: "gas" }, "period", "day")).toEqual({ period: "day", kind: "gas" });
  expect(readFilter(new URLSearchParams("period=day&to=7"))).toEqual({ to: 7 });
});

test("one key is let go, and the others stay in the address's order", () => {
  const three: LogFilter = { text: "a", kind: "earned", device: "b" };
  expect(keysOf(three)).toEqual(["kind", "device", "text"]);
  expect(without(three, "kind")).toEqual({ text: "a", device: "b" });
  expect(changed(three, "device", undefined)).toEqual({ text: "a", kind: "earned" });
});

test("a running period is asked from its beginning", () => {
  const now = new Date(2026, 10, 22, 15, 30).getTime();
  const from = (period: "day" | "week" | "month") => Number(queryOf({ period }, now).get("from"));
  expect(from("day")).toBe(new Date(2026, 10, 22).getTime());
  expect(from("day") - from("week")).toBe(6 * 86_400_000);
  expect(from("day") - from("month")).toBe(29 * 86_400_000);
  expect(queryOf({ period: "day", kind: "fee" }, now).has("period")).toBe(false);
});

test("an export is of the same filter", () => {
  const address = exportAddress({ kind: "earned", text: "a&b" }, "ledger", 0);
  expect(address).toBe("/api/v1/settlement-export?kind=earned&text=a%26b&format=ledger");
});

test("dates are local, and their end is the next midnight", () => {
  const midnight = new Date(2026, 1, 28).getTime();
  expect(midnightOf("2026-02-28", false)).toBe(midnight);
  expect(midnightOf("2026-02-28", true)).toBe(new Date(2026, 2, 1).getTime());
  expect(dateText(midnight)).toBe("2026-02-28");
  for (const text of ["", "2026-2-8", "22.11.2026", "0000-00-00"])
    expect(midnightOf(text, false)).toBeUndefined();
});
