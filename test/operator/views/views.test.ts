/** The views of a short life with every kind of fact: known rows, the same sums as `hirewire log`, the same states. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { formatAmount } from "../../../src/base/money.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { settlementDetail, settlementPage, settlementQuery } from "../../../src/operator/api/settlement.ts";
import { story } from "../../../src/operator/api/task.ts";
import { newLegend } from "../../../src/operator/log/legend.ts";
import { linesOf } from "../../../src/operator/log/line.ts";
import { addTo, noSums } from "../../../src/operator/log/sums.ts";
import { tasksOf, tellTales } from "../../../src/operator/log/tale.ts";
import { Librarian } from "../../../src/operator/views/librarian.ts";
import { Reader } from "../../../src/operator/views/reader.ts";
import { BOARD, buildLife, CHECKER, type Life, ROBOT } from "../../journal/life.ts";
import { draftOf, offerFact } from "../../journal/signed-facts.ts";
import { append, STILL } from "./shelf.ts";

const folder = mkdtempSync(join(tmpdir(), "hirewire-views-"));
let life: Life;
let reader: Reader;
let library: Librarian;

beforeAll(async () => {
  life = await buildLife();
  append(folder, life.drafts);
  reader = new Reader(folder, STILL);
  while (reader.follow());
  library = new Librarian(reader, () => STILL.now(), "");
});

afterAll(() => {
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

const all = settlementQuery.parse({ limit: 500 });

describe("the settlement log", () => {
  it("has a row for every movement, newest first, with who, for what and how far it has come", () => {
    const page = settlementPage.parse(library.page(all, null));
    const told = page.rows.map((row) =>
      [row.sequence, row.kind, row.device?.name, row.counterparty?.name, row.amount, row.status].join(" "),
    );
    expect(told).toEqual([
      "16 gas   0.000000120000000000 final",
      "15 returned robot-1 gateway 0.001000 pending",
      "14 fee robot-1 gateway 0.000003 pending",
      "13 spent robot-1 board-3 0.000300 pending",
      "12 earned board-3 robot-1 0.000297 pending",
      "11 fee robot-1 gateway 0.000008 pending",
      "10 spent robot-1 board-3 0.000800 pending",
      "9 earned board-3 robot-1 0.000792 pending",
      "8 gas   0.000000240000000000 final",
      "7 settled checker gateway 0.000500 final",
      "6 settled board-3 gateway 0.000990 final",
      "5 settled robot-1 gateway 0.012500 final",
      "4 fee robot-1 gateway 0.000010 final",
      "3 spent robot-1 board-3 0.001500 final",
      "2 earned checker robot-1 0.000500 final",
      "1 earned board-3 robot-1 0.000990 final",
    ]);
    expect(page.read).toEqual({ entries: life.drafts.length, of: life.drafts.length });
    const [run] = page.rows.slice(-1);
    expect(run).toMatchObject({
      firmware: { name: "path-plan" },
      task: life.paid,
      transaction: `0x${"c2".repeat(32)}`,
    });
  });

  it("sums what `hirewire log` sums", () => {
    const journal = memoryJournal();
    journal.append(life.drafts);
    const [legend, gateway] = [newLegend(), noSums()];
    const devices = [ROBOT, BOARD, CHECKER].map(({ address }) => ({ address, sums: noSums() }));
    for (const entry of journal.entries()) {
      for (const line of linesOf(entry, legend, false, null)) {
        addTo(gateway, line, null);
        for (const { address, sums } of devices) addTo(sums, line, address);
      }
      for (const fact of entry.facts)
        if (fact.kind === "offered") legend.requesters.set(fact.task, fact.requester);
    }
    const text = (count: bigint) => formatAmount(count, 6);
    const { sums } = library.page(all, null);
    expect(sums).toMatchObject({ spent: text(gateway.paid), fee: text(gateway.fees), rows: 16 });
    for (const { address, sums: theirs } of devices) {
      const ours = library
        .perDevice(null, 0, Number.MAX_SAFE_INTEGER)
        .find(({ device }) => device === address);
      expect(ours).toMatchObject({ earned: text(theirs.earned), spent: text(theirs.spent) });
    }
  });

  it("tells of every task the state that `hirewire log show` tells", () => {
    const journal = memoryJournal();
    journal.append(life.drafts);
    const tasks = [...new Set([...journal.entries()].flatMap(tasksOf))];
    const tales = tellTales(journal, tasks, newLegend(), false);
    expect(tales.map(({ state }) => state)).toEqual(["settled", "declined", "paid", "cancelled"]);
    for (const { task, state } of tales) expect(library.story(task, null).state).toBe(state);
    const ended = library.endedTasks({ view: "ended", limit: 50 }, null).tasks;
    expect(ended.map(({ task, state }) => [task, state])).toEqual(
      tales.map(({ task, state }) => [task, state]).reverse(),
    );
  });

  it("has behind a row the whole story, the record, and the transaction", () => {
    const detail = settlementDetail.parse(library.detail(1, null));
    expect(detail.entry).toMatchObject({ index: detail.row.entry, kinds: expect.arrayContaining(["paid"]) });
    expect(detail.transaction).toMatchObject({ state: "final", block: 44, gasUsed: "120000" });
    const told = story.parse(detail.story);
    expect(told.offer).toMatchObject({ maxPrice: "0.002000", checkBudget: "0.001000", payment: "prepaid" });
    expect(told.bids).toMatchObject([
      { provider: { name: "board-3" }, price: "0.001000", won: true, why: "lowest" },
    ]);
    expect(told.awards).toMatchObject([
      {
        role: "run",
        provider: { name: "board-3" },
        outcome: "delivered",
        accepted: { index: expect.any(Number) },
      },
      { role: "check", provider: { name: "checker" }, outcome: "delivered" },
    ]);
    expect(told.verdict).toMatchObject({
      verdict: "accepted",
      how: "Accepted: a second provider came to the same.",
    });
    expect(told.bill).toMatchObject({ price: "0.001500", fee: "0.000010", checks: "0.000500" });
    expect(told.vouchers.map(({ role, amount, settlement }) => [role, amount, settlement])).toEqual([
      ["payment", "0.010000", "final"],
      ["run", "0.000990", "final"],
      ["check", "0.000500", "final"],
    ]);
    expect(told.transactions).toMatchObject([{ purpose: "claim", block: 44, state: "final" }]);
    // the transaction's own records are among the entries
    expect(told.entries.slice(-2).map(({ kinds }) => kinds.at(-1))).toEqual([
      "transactionPrepared",
      "claimed",
    ]);
    expect(() => library.detail(17, null)).toThrow(expect.objectContaining({ code: "not_found" }));
    expect(() => library.story(`0x${"00".repeat(16)}`, null)).toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
  });

  it("has the requester's voucher too where an offer was paid for out of what an earlier one brought", async () => {
    const offer = await offerFact("offer-9", 100n, 0n);
    const own = mkdtempSync(join(tmpdir(), "hirewire-views-"));
    append(own, [...life.drafts, draftOf([offer])]);
    const more = new Reader(own, STILL);
    onTestFinished(() => {
      more.close();
      rmSync(own, { recursive: true, force: true });
    });
    while (more.follow());
    const told = new Librarian(more, () => STILL.now(), "").story(offer.task, null);
    const newest = life.drafts.findLastIndex(({ facts }) =>
      facts.some(({ kind }) => kind === "voucherReceived"),
    );
    expect(told.vouchers).toMatchObject([{ role: "payment", payer: { name: "robot-1" }, index: newest + 1 }]);
    // its record can be checked with the others
    expect(told.entries.map(({ index }) => index)).toEqual([newest + 1, life.drafts.length + 1]);
    // what is paid on its result has none before it is paid
    const [cancelled] = library.endedTasks({ view: "ended", state: "cancelled", limit: 1 }, null).tasks;
    expect(library.story(cancelled?.task ?? "", null).vouchers.map(({ role }) => role)).toEqual(["run"]);
  });

  it("gives sums and slices of a period, its beginning included and its end not", () => {
    const { rows } = library.page(all, null);
    const at = rows.at(-1)?.at ?? 0;
    const paidAt = rows.find(({ kind }) => kind === "spent")?.at ?? 0;
    expect(library.sums(null, at, at + 1)).toMatchObject({
      rows: 4,
      earned: "0.001490",
      earnedTasks: 1,
      spentTasks: 1,
    });
    expect(library.sums(null, 0, at)).toMatchObject({ rows: 0, earned: "0.000000" });
    expect(library.slices(null, at, paidAt + 1, [at, at + 1, paidAt])).toEqual([
      { from: at, earned: "0.001490", spent: "0.001500" },
      { from: at + 1, earned: "0.000792", spent: "0.000800" },
      { from: paidAt, earned: "0.000297", spent: "0.000300" },
    ]);
    const [board] = library.perDevice(null, 0, Number.MAX_SAFE_INTEGER);
    expect(board).toMatchObject({ earned: "0.002079", tasks: 3, accepted: 2, rejected: 0, lost: 0 });
  });

  it("says what the answers have cost, by firmware and without their checks", () => {
    expect(library.prices(null, 0, Number.MAX_SAFE_INTEGER)).toMatchObject([
      { firmware: { name: "path-plan" }, tasks: 2, least: "0.000800", most: "0.001000", rate: "0.000900" },
    ]);
  });
});

describe("filters", () => {
  const count = (asked: object) => library.page(settlementQuery.parse({ limit: 500, ...asked }), null);

  it.each([
    [{ kind: "earned" }, 4],
    [{ device: "Board-3" }, 4],
    [{ device: ROBOT.address }, 8],
    [{ device: ROBOT.address.slice(0, 12) }, 8],
    [{ counterparty: "robot-1" }, 4],
    [{ firmware: "path-plan" }, 10],
    [{ firmware: `f1f1f1f1` }, 10],
    [{ status: "pending" }, 7],
    [{ status: "final" }, 9],
    [{ status: "failed" }, 0],
    [{ min: "0.000990" }, 5],
    [{ min: "0.0009900001" }, 3],
    [{ min: "0.00000000000012" }, 16],
    [{ text: "BOARD" }, 7],
    [{ text: "0xc2c2c2" }, 8],
    [{ text: "c3c3c3c3" }, 1],
    [{ text: "12" }, 4],
    [{ text: "   " }, 16],
    [{ text: "nobody" }, 0],
    [{ device: "nobody" }, 0],
    [{ kind: "earned", device: "checker", status: "final" }, 1],
  ])("%j takes %i rows", (asked, rows) => {
    const page = count(asked);
    expect(page.rows).toHaveLength(rows);
    expect(page.sums.rows).toBe(rows);
  });

  it("finds a task by the first digits of its id", () => {
    expect(count({ text: life.paid.slice(0, 10) }).rows).toHaveLength(4);
    expect(count({ text: life.paid }).rows).toHaveLength(4);
    expect(
      count({ text: `${life.paid.slice(0, -1)}${life.paid.endsWith("0") ? "1" : "0"}` }).rows,
    ).toHaveLength(0);
  });

  it("pages by the sequence of the last row, and sums all pages on each", () => {
    const seen: number[] = [];
    let before: number | undefined;
    for (let pages = 0; pages < 9; pages++) {
      const page = library.page(settlementQuery.parse({ limit: 3, kind: "earned", before }), null);
      expect(page.sums).toMatchObject({ rows: 4, earned: "0.002579" });
      seen.push(...page.rows.map(({ sequence }) => sequence));
      if (page.next === null) break;
      before = page.next;
    }
    expect(seen).toEqual([12, 9, 2, 1]);
  });

  it("knows what can be chosen", () => {
    const { devices, counterparties, firmware } = library.choices(null);
    expect(devices.map(({ name }) => name)).toEqual(["board-3", "checker", "robot-1"]);
    expect(counterparties.map(({ name }) => name)).toEqual(["board-3", "gateway", "robot-1"]);
    expect(firmware.map(({ name }) => name)).toEqual(["path-plan"]);
  });
});
