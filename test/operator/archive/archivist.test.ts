/** The gateway's archivist: a thread beside the writer, a first look, and one every day. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Clock, instant, systemClock } from "../../../src/base/clock.ts";
import type { Fault } from "../../../src/base/fault.ts";
import type { Archiving } from "../../../src/journal/archiving.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { ArchiverReport, ArchiverStart } from "../../../src/operator/archive/archiver.ts";
import { openArchivist } from "../../../src/operator/archive/archivist.ts";
import { draftOf } from "../../journal/life.ts";

const root = mkdtempSync(join(tmpdir(), "archivist-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const NOVEMBER = Date.UTC(2026, 10, 5);
const DAY = 86_400_000;

/** A clock whose timers run when a test says so. */
function handClock() {
  let now = NOVEMBER;
  const timers: { at: number; then: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => instant(now),
    after: (ms, then) => {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
  };
  const pass = (ms: number) => {
    for (const end = now + ms; ; ) {
      const next = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      now = next?.at ?? end;
      if (!next) return;
      timers.splice(timers.indexOf(next), 1);
      next.then();
    }
  };
  return { clock, pass, timers };
}

/** Archivists that a test answers for. */
function puppets() {
  const started: { start: ArchiverStart; report: (report: ArchiverReport) => void; end: () => void }[] = [];
  let isEnded = false;
  const spawn = (start: ArchiverStart, report: (one: ArchiverReport) => void, end: () => void) => {
    started.push({ start, report, end });
    const ending = () => {
      isEnded = true;
      return Promise.resolve();
    };
    return { end: ending };
  };
  return { started, spawn, isEnded: () => isEnded };
}

describe("openArchivist", () => {
  it("archives in a thread while the gateway writes", async () => {
    const data = mkdtempSync(join(root, "d-"));
    const writer = openJournal(data);
    writer.append(Array.from({ length: 40 }, () => draftOf([], Date.UTC(2026, 9, 1))));
    writer.append([draftOf([], NOVEMBER)]);
    writer.saveSnapshot(41, new Uint8Array([1]));
    const { clock } = handClock();
    const faults: Fault[] = [];
    const done = await new Promise<Archiving>((resolve) => {
      const onFault = (fault: Fault) => faults.push(fault);
      const archivist = openArchivist({ data, reserve: 0, clock, onFault, onDone: resolve });
      archivist.look();
      // one at a time
      archivist.look();
      writer.append([draftOf([], NOVEMBER)]);
    });
    expect(faults).toEqual([]);
    expect(done.periods.map(({ file }) => file)).toEqual(["journal-2026-10.hwa"]);
    expect([...writer.entries()]).toHaveLength(42);
    writer.close();
  });

  it("looks after a start, then every day, and not again while a look is under way", async () => {
    const { clock, pass, timers } = handClock();
    const { started, spawn, isEnded } = puppets();
    const archivist = openArchivist({ data: "d", reserve: 7, clock, onFault: () => undefined, spawn });
    pass(60_000);
    expect(started).toHaveLength(0);
    pass(120_000);
    expect(started.map(({ start }) => start)).toEqual([{ data: "d", reserve: 7, before: "2026-11" }]);
    pass(2 * DAY);
    expect(started).toHaveLength(1);
    started[0]?.end();
    pass(30 * DAY);
    expect(started.map(({ start }) => start.before)).toEqual(["2026-11", "2026-11"]);
    await archivist.close();
    expect([isEnded(), timers.length]).toEqual([true, 0]);
    archivist.look();
    expect(started).toHaveLength(2);
  });

  it("leaves a month where the reserve would be touched, and tells it", async () => {
    const data = mkdtempSync(join(root, "d-"));
    const writer = openJournal(data);
    writer.append([draftOf([], Date.UTC(2026, 9, 1))]);
    writer.append([draftOf([], NOVEMBER)]);
    writer.saveSnapshot(2, new Uint8Array([1]));
    writer.close();
    const fault = await new Promise<Fault>((resolve, reject) => {
      const { clock } = handClock();
      const onDone = () => reject(new Error("it was archived"));
      openArchivist({ data, reserve: 1e15, clock, onFault: resolve, onDone }).look();
    });
    expect(fault).toMatchObject({
      code: "disk_full",
      message: expect.stringMatching(/archiving a month needs/),
    });
    expect(existsSync(join(data, "archive"))).toBe(false);
  });

  it("tells what could not be finished, and that no thread could be had", async () => {
    const { clock } = handClock();
    const faults: Fault[] = [];
    const onFault = (fault: Fault) => faults.push(fault);
    const none = mkdtempSync(join(root, "none-"));
    const missing = openArchivist({ data: none, reserve: 0, clock, onFault });
    missing.look();
    await expect.poll(() => faults.map(({ code }) => code), { timeout: 15_000 }).toEqual(["config_missing"]);
    await missing.close();
    expect(existsSync(join(none, "archive"))).toBe(false);
    const spawn = () => {
      throw new Error("no memory");
    };
    openArchivist({ data: none, reserve: 0, clock, onFault, spawn }).look();
    expect(faults.at(-1)).toMatchObject({ code: "impossible", message: expect.stringMatching(/no memory/) });
  });
});
