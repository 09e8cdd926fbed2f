/** Laws of the settlement log, over random lives of the exchange. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { formatAmount } from "../../../src/base/money.ts";
import { decide } from "../../../src/exchange/decide.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { MOVEMENTS, SETTLEMENT_STATES, settlementQuery } from "../../../src/operator/api/settlement.ts";
import { laneNumber } from "../../../src/operator/views/lane-book.ts";
import { Librarian } from "../../../src/operator/views/librarian.ts";
import { Reader } from "../../../src/operator/views/reader.ts";
import { type Fact, type JournalRecord, postingsOf } from "../../../src/protocol/facts.ts";
import {
  anyLife,
  anyLongLife,
  commandOf,
  contextOf,
  newLife,
  PROVIDERS,
  REQUESTERS,
  record,
  type Step,
  signVouchers,
} from "../../exchange/life.ts";
import { MARKET, ROBOT, START } from "../../exchange/stage.ts";
import { everyRow, sumsOf, takes } from "./naive.ts";
import { STILL } from "./shelf.ts";

beforeAll(signVouchers);

const OWNERS: readonly Hex[] = [`0x${"0a".repeat(20)}`, `0x${"0b".repeat(20)}`];

/** Everybody by name: one owner has the first of each sort, another one the rest. */
const opening: readonly Fact[] = [
  { kind: "gatewayStarted", ...MARKET, decimals: 6, feeBasisPoints: 200 },
  ...[...REQUESTERS, ...PROVIDERS].map(({ address }, at): Fact => {
    const owner = OWNERS[at === 0 || at === REQUESTERS.length ? 0 : 1] ?? null;
    return {
      kind: "deviceEnrolled",
      device: address,
      owner,
      name: `device-${at}`,
      manufacturer: "a",
      serialNumber: `${at}`,
    };
  }),
];

function lived(steps: readonly Step[]): readonly JournalRecord[] {
  const life = newLife();
  record(life, opening, null);
  for (const step of steps) {
    const command = commandOf(life, step);
    if (!command) continue;
    const { facts, refused } = decide(life.state, command, contextOf(life, step.coin));
    if (facts.length > 0) record(life, facts, command, refused);
    life.now = (life.now + 7) as typeof life.now;
  }
  return life.records;
}

function within(records: readonly JournalRecord[], work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-laws-"));
  try {
    const journal = openJournal(folder);
    journal.append(records.map(({ at, cause, facts }) => ({ at, cause, facts })));
    journal.close();
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shelf(folder: string): { reader: Reader; library: Librarian } {
  const reader = new Reader(folder, STILL);
  while (reader.follow());
  return { reader, library: new Librarian(reader, () => START, "") };
}

const text6 = (count: bigint) => formatAmount(count, 6);

/** What records have moved, by the books: what a bill takes from its requester, and gives to anybody else. */
function moved(records: readonly JournalRecord[]) {
  const sums = { earned: 0n, spent: 0n, fee: 0n };
  for (const fact of records.flatMap(({ facts }) => facts)) {
    if (fact.kind !== "paid" && fact.kind !== "invoiced" && fact.kind !== "ended") continue;
    for (const { account, change } of postingsOf([fact])) {
      const isPay = /^(out|credit):/.test(account) && account !== `credit:${fact.requester}`;
      if (isPay) sums.earned -= change;
    }
    if (fact.kind === "invoiced") continue;
    sums.spent += fact.price;
    sums.fee += fact.fee;
  }
  return sums;
}

const anyQuery = fc.record(
  {
    from: fc.integer({ min: START, max: START + 3_000 }),
    to: fc.integer({ min: START, max: START + 6_000 }),
    kind: fc.constantFrom(...MOVEMENTS),
    device: fc.constantFrom(...[0, 1, 2, 3, 4].map((at) => `device-${at}`), ROBOT.address),
    counterparty: fc.constantFrom("gateway", "Device-1", "device-3", "nobody"),
    status: fc.constantFrom(...SETTLEMENT_STATES),
    min: fc.constantFrom("0.000001", "0.00003", "0.0001", "0.0000501"),
    text: fc.constantFrom("device", "-2", "GATE", "zz"),
    limit: fc.integer({ min: 1, max: 9 }),
  },
  { requiredKeys: ["limit"] },
);

describe("the settlement log of any life", () => {
  it("moves what the books move, and every row has its lane's standing", () => {
    const law = fc.property(anyLongLife, (steps) => {
      const records = lived(steps);
      within(records, (folder) => {
        const { reader, library } = shelf(folder);
        const { sums } = library.page(settlementQuery.parse({}), null);
        const { earned, spent, fee } = moved(records);
        expect(sums).toMatchObject({ earned: text6(earned), spent: text6(spent), fee: text6(fee) });
        const { lanes, directory } = reader.library;
        for (const [sort, isOutgoing] of [
          [["earned", "returned"], true],
          [["spent", "fee"], false],
        ] as const) {
          for (const [at] of directory.parties.entries()) {
            const lane = laneNumber(at + 1, isOutgoing);
            const rows = everyRow(library).filter(
              ({ device, kind }) =>
                device?.address === directory.parties[at]?.address && sort.some((one) => one === kind),
            );
            const standings = rows.map(({ sequence }) => lanes.standing(lane, sequence));
            // settled or void first, then what waits
            expect(standings).toEqual([
              ...standings.filter((one) => one !== "pending"),
              ...standings.filter((one) => one === "pending"),
            ]);
          }
        }
        reader.close();
      });
    });
    fc.assert(law, { numRuns: 3 });
  });

  it("gives by any filter, owner and page what a plain look at all rows gives", () => {
    const law = fc.property(
      anyLife,
      fc.array(anyQuery, { minLength: 10, maxLength: 20 }),
      (steps, queries) => {
        within(lived(steps), (folder) => {
          const { reader, library } = shelf(folder);
          for (const owner of [null, ...OWNERS]) {
            const rows = everyRow(library, owner);
            const own = everyRow(library).filter(({ device, kind }) => {
              const known = reader.library.directory.parties.find(
                ({ address }) => address === device?.address,
              );
              return owner === null || (known?.owner === owner && kind !== "fee" && kind !== "gas");
            });
            expect(rows.map(({ sequence }) => sequence)).toEqual(own.map(({ sequence }) => sequence));
            for (const query of queries) {
              const wanted = rows.filter((row) => takes(query, row));
              const page = library.page(query, owner);
              expect(page.sums).toEqual(sumsOf(wanted));
              expect(page.rows).toEqual(wanted.slice(-query.limit).reverse());
              expect(page.next).toBe(wanted.length > query.limit ? (page.rows.at(-1)?.sequence ?? 0) : null);
              if (page.next === null) continue;
              const second = library.page({ ...query, before: page.next }, owner);
              expect(second.rows).toEqual(wanted.slice(0, -query.limit).slice(-query.limit).reverse());
              expect(second.sums).toEqual(page.sums);
            }
          }
          reader.close();
        });
      },
    );
    fc.assert(law, { numRuns: 4 });
  });

  it("is the same read at once, in portions, and after a stop at any entry", () => {
    const law = fc.property(anyLife, fc.nat(60), (steps, cut) => {
      const records = lived(steps);
      within(records.slice(0, Math.max(1, cut)), (folder) => {
        const first = shelf(folder);
        first.reader.close();
        const journal = openJournal(folder);
        journal.append(records.slice(Math.max(1, cut)).map(({ at, cause, facts }) => ({ at, cause, facts })));
        journal.close();
        const again = shelf(folder);
        within(records, (other) => {
          const whole = shelf(other);
          expect(everyRow(again.library)).toEqual(everyRow(whole.library));
          const tasks = (library: Librarian) => library.endedTasks({ view: "ended", limit: 500 }, null).tasks;
          expect(tasks(again.library)).toEqual(tasks(whole.library));
          for (const { task } of tasks(whole.library)) {
            const told = ({ entries, ...rest }: ReturnType<Librarian["story"]>) => [
              rest,
              entries.map(({ index }) => index),
            ];
            expect(told(again.library.story(task, null))).toEqual(told(whole.library.story(task, null)));
          }
          whole.reader.close();
        });
        again.reader.close();
      });
    });
    fc.assert(law, { numRuns: 3 });
  });
});
