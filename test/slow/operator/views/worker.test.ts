/** The views' thread: asked while it reads, when it dies, without a journal, and after its end. */
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import type { Fault } from "../../../../src/base/fault.ts";
import { openJournal } from "../../../../src/journal/sqlite-journal.ts";
import { openViews, type Views, type ViewsOptions } from "../../../../src/operator/views/views.ts";
import { buildLife, type Life } from "../../../journal/life.ts";
import { changeText } from "../../../journal/tamper.ts";
import { append, temporary } from "../../../operator/views/shelf.ts";

let life: Life;
beforeAll(async () => {
  life = await buildLife();
});

function open(data: string, more: Partial<ViewsOptions> = {}) {
  const faults: Fault[] = [];
  const views = openViews({ data, clock: systemClock, onFault: (fault) => faults.push(fault), ...more });
  onTestFinished(() => views.close());
  return { views, faults };
}

/** A thread of the real kind, to be killed by the test. */
function threads() {
  const started: Worker[] = [];
  const file = new URL("../../../../src/operator/views/worker.ts", import.meta.url);
  const spawn: ViewsOptions["spawn"] = (start) => {
    const worker = new Worker(file, { workerData: start, execArgv: [] });
    started.push(worker);
    return worker;
  };
  return { started, spawn };
}

const firstPage = (views: Views) => views.page({ limit: 3 }, null);

describe("the views' thread", () => {
  it("answers from what it has read, tells how far that is, and hears of more", async () => {
    const folder = temporary();
    const journal = openJournal(folder);
    onTestFinished(() => journal.close());
    journal.append(life.drafts.slice(0, 12));
    const read: number[] = [];
    const { views } = open(folder, { onRead: ({ entries }) => read.push(entries) });
    expect(await views.caughtUp()).toEqual({ entries: 12, of: 12 });
    expect((await firstPage(views)).sums.rows).toBe(4);
    journal.append(life.drafts.slice(12));
    const heard = Promise.withResolvers<void>();
    views.noted(journal.head().index);
    expect(views.read()).toEqual({ entries: 12, of: life.drafts.length });
    void views.caughtUp().then(() => heard.resolve());
    await heard.promise;
    expect((await firstPage(views)).sums.rows).toBe(16);
    expect(read.at(-1)).toBe(life.drafts.length);
  });

  it("shows claims that are in a block, and links to them", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    const { views } = open(folder, { explorer: "https://scan.example/tx/{transaction}" });
    await views.caughtUp();
    views.sight({ head: 50, needed: 12, mined: [] });
    const { row, transaction } = await views.detail(1, null);
    expect(row).toMatchObject({ status: "final", confirmations: 7, confirmationsNeeded: 12 });
    expect(transaction?.url).toBe(`https://scan.example/tx/0x${"c2".repeat(32)}`);
  });

  it("is started again when it dies, and whoever waited gets a fault", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    const { started, spawn } = threads();
    const { views, faults } = open(folder, { spawn });
    await views.caughtUp();
    const [first] = started;
    const dying = first?.terminate();
    await expect(firstPage(views)).rejects.toMatchObject({ code: "executor_died" });
    await dying;
    expect(faults.map(({ code }) => code)).toEqual(["executor_died"]);
    await expect.poll(() => started.length).toBe(2);
    await views.caughtUp();
    expect((await firstPage(views)).sums.rows).toBe(16);
  });

  it("tells that there is no journal, and reads it as soon as there is", async () => {
    const folder = temporary();
    const { views, faults } = open(folder);
    await expect(firstPage(views)).rejects.toMatchObject({ code: "config_missing" });
    await expect(views.caughtUp()).rejects.toMatchObject({ code: "config_missing" });
    expect(faults.map(({ code }) => code)).toEqual(["config_missing"]);
    append(folder, life.drafts);
    views.noted(life.drafts.length);
    await expect
      .poll(() =>
        firstPage(views).then(
          ({ sums }) => sums.rows,
          () => 0,
        ),
      )
      .toBe(16);
  });

  it("answers from what holds of a journal that is damaged, and says so", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    changeText(folder, 24, (line) => line.replaceAll("paid", "pa1d"));
    const { views, faults } = open(folder);
    await expect(views.caughtUp()).rejects.toMatchObject({ code: "journal_broken" });
    expect(faults).toMatchObject([{ code: "journal_broken", facts: { index: 24 } }]);
    expect((await firstPage(views)).read).toEqual({ entries: 23, of: life.drafts.length });
  });

  it("passes faults of questions on, with their codes", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    const { views } = open(folder);
    await views.caughtUp();
    await expect(views.detail(99, null)).rejects.toMatchObject({ code: "not_found" });
    await expect(views.endedTasks({ view: "ended", limit: 1, before: "x" }, null)).rejects.toMatchObject({
      code: "usage",
    });
  });

  it("exports as it is read, and lets go of what is not read to its end", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    const { views } = open(folder);
    await views.caughtUp();
    for (let many = 0; many < 40; many++) {
      for await (const bytes of views.exportRows({ format: "csv" }, null)) {
        expect(bytes.length).toBeGreaterThan(100);
        break;
      }
    }
    let lines = "";
    for await (const bytes of views.exportRows({ format: "csv", kind: "gas" }, null))
      lines += new TextDecoder().decode(bytes);
    expect(lines.split("\r\n")).toHaveLength(4);
  });

  it("rejects what is asked after its end", async () => {
    const folder = temporary();
    append(folder, life.drafts);
    const { views, faults } = open(folder);
    await views.caughtUp();
    await views.close();
    await views.close();
    await expect(firstPage(views)).rejects.toMatchObject({ code: "executor_died" });
    expect(faults).toEqual([]);
  });
});
