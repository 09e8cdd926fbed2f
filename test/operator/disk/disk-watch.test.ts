/** How much room is left, and when that is too little. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Fault } from "../../../src/base/fault.ts";
import { DiskWatch } from "../../../src/operator/disk/disk-watch.ts";
import { bytesText, freeBytes, isSameDisk, requireRoom } from "../../../src/operator/disk/free-bytes.ts";
import { ManualClock } from "../../settlement/manual-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "disk-"));
afterAll(() => rmSync(folder, { recursive: true }));

function watchOf(reserve: number, first: number | null) {
  const clock = new ManualClock();
  const told: Fault[] = [];
  const changes: boolean[] = [];
  const disk = { free: first, looks: 0 };
  const watch = new DiskWatch({
    ...{ folder, reserve, clock },
    free: () => {
      disk.looks++;
      return disk.free;
    },
    onFault: (fault) => told.push(fault),
    onChange: (isFull) => changes.push(isFull),
  });
  return { clock, told, changes, disk, watch };
}

describe("a disk watch", () => {
  it("says once that the reserve is reached, with how much is free, and once that it is over", async () => {
    const { clock, told, changes, disk, watch } = watchOf(64e6, 64e6);
    watch.start();
    expect([watch.isFull, changes]).toEqual([false, []]);
    disk.free = 63_999_999;
    await clock.advance(1_000);
    expect([watch.isFull, changes]).toEqual([true, [true]]);
    expect(told.map(({ code, message }) => [code, message])).toEqual([
      [
        "disk_full",
        `new offers are not taken: 64.0 MB are free where ${folder} is, and 64.0 MB are kept for open tasks; make room there`,
      ],
    ]);
    disk.free = 64e6 * 1.1 - 1;
    await clock.advance(10_000);
    expect([watch.isFull, changes]).toEqual([true, [true]]);
    disk.free = 64e6 * 1.1;
    await clock.advance(1_000);
    expect([watch.isFull, changes, told.length]).toEqual([false, [true, false], 1]);
    disk.free = 0;
    await clock.advance(1_000);
    expect([changes, told.length]).toEqual([[true, false, true], 2]);
    watch.stop();
    const { looks } = disk;
    await clock.advance(60_000);
    expect(disk.looks).toBe(looks);
  });

  it("knows it from the first moment, and looks more often where it is near", async () => {
    const full = watchOf(100, 99);
    full.watch.start();
    expect(full.watch.isFull).toBe(true);
    await full.clock.advance(10_000);
    expect(full.disk.looks).toBe(11);
    const empty = watchOf(100, 400);
    empty.watch.start();
    await empty.clock.advance(10_000);
    expect(empty.disk.looks).toBe(3);
    for (const { watch } of [full, empty]) watch.stop();
  });

  it("law: it is full from the reserve down, until a tenth more is free, and what cannot be read changes nothing", () => {
    const readings = fc.array(fc.option(fc.integer({ min: 800, max: 1_300 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(readings, (all) => {
        const { told, changes, disk, watch } = watchOf(1_000, all[0] ?? null);
        let isFull = false;
        const ends: boolean[] = [];
        for (const free of all) {
          disk.free = free;
          // a look now: the clock stands still
          watch.start();
          const before: boolean = isFull;
          if (free !== null && free < 1_000) isFull = true;
          if (free !== null && free >= 1_100) isFull = false;
          if (isFull !== before) ends.push(isFull);
          expect(watch.isFull).toBe(isFull);
        }
        expect(changes).toEqual(ends);
        expect(told).toHaveLength(ends.filter((one) => one).length);
      }),
    );
  });
});

describe("the room on a disk", () => {
  it("is that of the nearest folder that is there", () => {
    const free = freeBytes(folder) ?? 0;
    expect(free).toBeGreaterThan(0);
    expect(Math.abs((freeBytes(join(folder, "not", "yet")) ?? 0) - free)).toBeLessThan(1e9);
    expect(isSameDisk(folder, join(folder, "not", "yet"))).toBe(true);
    expect(isSameDisk(folder, "/proc")).toBe(false);
  });

  it("is required by name, in bytes that people read", () => {
    expect(() => requireRoom(folder, 5_000_000, "a backup", () => 4_999_999)).toThrow(
      expect.objectContaining({
        code: "disk_full",
        message: `a backup needs 5.0 MB, and 5.0 MB are free where ${folder} is: make room there`,
      }),
    );
    for (const free of [5_000_000, null]) requireRoom(folder, 5_000_000, "a backup", () => free);
    expect([0, 999, 1_000, 999_949, 67_108_864, 1.25e9].map(bytesText)).toEqual([
      ...["0 bytes", "999 bytes", "1.0 kB", "999.9 kB", "67.1 MB", "1.3 GB"],
    ]);
  });
});
