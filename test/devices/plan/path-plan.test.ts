import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canMove, free, type Grid, MOVES, type Query } from "../../../devices/robot/plan/grid.ts";
import { type Answer, decodeOutput, encodeInput, pathLength } from "../../../devices/robot/plan/job.ts";
import { parseMap, parseScenario } from "../../../devices/robot/plan/movingai.ts";
import { shortestLength } from "../../../devices/robot/plan/reference.ts";
import { readRosMap } from "../../../devices/robot/plan/ros-map.ts";
import { randomQueries, warehouse } from "../../../devices/robot/plan/warehouse.ts";
import { freshTask, plan, verifies } from "./firmware.ts";
import { DATA, dataText, HAS_DATA, NEEDS_DATA } from "./public-data.ts";

function grid(...rows: string[]): Grid {
  const cells = Uint8Array.from(rows.join(""), (letter) => (letter === "." ? 1 : 0));
  return { width: rows[0]?.length ?? 0, height: rows.length, cells };
}

function query(startX: number, startY: number, goalX: number, goalY: number): Query {
  return { start: { x: startX, y: startY }, goal: { x: goalX, y: goalY } };
}

function answers(map: Grid, queries: readonly Query[]): Answer[] {
  const output = plan(encodeInput(map, queries));
  const decoded = output && decodeOutput(output, queries.length);
  if (decoded === null) throw new Error("the firmware gave no output");
  return decoded;
}

function lengthOf(answer: Answer | undefined): number {
  return answer?.status === "found" ? pathLength(answer) : Number.NaN;
}

/** Walks an answer by the rules as the format states them, without the firmware. */
function isRight(map: Grid, { start, goal }: Query, answer: Answer): boolean {
  const isOpen = free(map, start.x, start.y) && free(map, goal.x, goal.y);
  if (answer.status === "blocked") return !isOpen;
  if (answer.status === "unreachable") return isOpen && shortestLength(map, { start, goal }) === null;
  let { x, y } = start;
  let diagonal = 0;
  for (const move of answer.moves) {
    const { dx, dy } = MOVES[move] ?? { dx: 0, dy: 0 };
    if (!canMove(map, x, y, dx, dy)) return false;
    if (dx !== 0 && dy !== 0) diagonal++;
    x += dx;
    y += dy;
  }
  const isCounted = diagonal === answer.diagonal && answer.moves.length === answer.straight + diagonal;
  return isOpen && isCounted && x === goal.x && y === goal.y;
}

const smallJob = fc
  .record({ width: fc.integer({ min: 1, max: 14 }), height: fc.integer({ min: 1, max: 14 }) })
  .chain(({ width, height }) => {
    const cell = fc.record({
      x: fc.integer({ min: 0, max: width - 1 }),
      y: fc.integer({ min: 0, max: height - 1 }),
    });
    const isFree = fc.integer({ min: 0, max: 9 }).map((n) => (n < 7 ? 1 : 0));
    return fc.record({
      map: fc
        .array(isFree, { minLength: width * height, maxLength: width * height })
        .map((cells): Grid => ({ width, height, cells: Uint8Array.from(cells) })),
      queries: fc.array(fc.record({ start: cell, goal: cell }), { minLength: 1, maxLength: 5 }),
    });
  });

describe("path-plan firmware, known answers", () => {
  it.runIf(HAS_DATA).for([
    ["random-32-32-20", 409],
    ["room-64-64-8", 1000],
    ["warehouse-10-20-10-2-1", 1000],
  ] as const)(`finds the published optimal lengths on %s${NEEDS_DATA}`, ([name, count]) => {
    const map = parseMap(dataText(`movingai_${name}.map`), name);
    const queries = parseScenario(dataText(`movingai_${name}-random-1.scen`), name);
    expect(queries).toHaveLength(count);
    const input = encodeInput(map, queries);
    const output = plan(input) ?? new Uint8Array();
    const found = decodeOutput(output, count) ?? [];
    queries.forEach((wanted, i) => {
      expect(Math.abs(lengthOf(found[i]) - wanted.optimal)).toBeLessThan(1e-6 * Math.max(wanted.optimal, 1));
    });
    expect(verifies(input, output)).toBe(true);
  });

  it.runIf(HAS_DATA)(`agrees with the reference search on the nav2 warehouse${NEEDS_DATA}`, async () => {
    const { grid: map } = await readRosMap(`${DATA}nav2_warehouse.yaml`);
    const queries = [...randomQueries(map, 1, 3), query(10, 0, 753, 1673)];
    const found = answers(map, queries);
    queries.forEach((wanted, i) => {
      expect(lengthOf(found[i])).toBeCloseTo(shortestLength(map, wanted) ?? Number.NaN, 6);
    });
  });

  it("agrees with the reference search on a generated warehouse", () => {
    const map = warehouse(11);
    const queries = randomQueries(map, 60, 12);
    const found = answers(map, queries);
    queries.forEach((wanted, i) => {
      expect(lengthOf(found[i])).toBeCloseTo(shortestLength(map, wanted) ?? Number.NaN, 6);
    });
  });

  it("goes round a corner rather than across it", () => {
    // the direct diagonal from (0, 0) to (1, 1) would brush the wall at (1, 0)
    const map = grid(".#.", "...");
    expect(answers(map, [query(0, 0, 1, 1)])).toEqual([
      { status: "found", straight: 2, diagonal: 0, moves: Uint8Array.of(2, 1) },
    ]);
  });

  it("answers start = goal with an empty path, and says which queries have none", () => {
    const map = grid("..#.", "..##");
    expect(
      answers(map, [query(0, 0, 0, 0), query(0, 0, 3, 0), query(2, 0, 2, 0), query(0, 0, 3, 1)]),
    ).toEqual([
      { status: "found", straight: 0, diagonal: 0, moves: new Uint8Array() },
      { status: "unreachable" },
      { status: "blocked" },
      { status: "blocked" },
    ]);
  });

  it("writes the bytes that its file head promises", () => {
    const output = plan(encodeInput(grid("...", "...", "..."), [query(0, 2, 2, 0), query(0, 0, 0, 2)]));
    // two moves north-east (4, 4), two south (2, 2): 3 bits each, the first lowest
    const second = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0b010010];
    const first = [0, 0, 0, 0, 0, 2, 0, 0, 0, 0b100100];
    expect([...(output ?? [])]).toEqual([0x50, 0x50, 0x4f, 0x31, 2, 0, 0, 0, ...first, ...second]);
  });

  it("plans on the largest map within its memory", () => {
    const side = 1448;
    const map: Grid = { width: side, height: side, cells: new Uint8Array(side * side).fill(1) };
    map.cells.fill(0, side, 2 * side);
    const queries = [query(0, 2, side - 3, side - 1), query(0, 2, 0, 0)];
    const input = encodeInput(map, queries);
    const output = plan(input) ?? new Uint8Array();
    expect(decodeOutput(output, 2)).toMatchObject([
      { straight: 0, diagonal: side - 3 },
      { status: "unreachable" },
    ]);
    expect(verifies(input, output)).toBe(true);
  });

  it("gives the same answers from run to run of one instance", () => {
    const task = freshTask();
    const input = encodeInput(grid("..", ".."), [query(0, 0, 1, 1)]);
    const larger = encodeInput(grid("...", "...", "..."), [query(0, 2, 2, 0)]);
    const [once, largerOnce] = [plan(input), plan(larger)];
    for (let i = 0; i < 100; i++) {
      expect(plan(input, task)).toEqual(once);
      expect(plan(larger, task)).toEqual(largerOnce);
    }
  });
});

describe("path-plan firmware, laws", () => {
  it("finds what the reference finds on any small map, and accepts its own answers", () => {
    fc.assert(
      fc.property(smallJob, ({ map, queries }) => {
        const input = encodeInput(map, queries);
        const output = plan(input) ?? new Uint8Array();
        const found = decodeOutput(output, queries.length) ?? [];
        queries.forEach((wanted, i) => {
          const answer = found[i];
          const length = shortestLength(map, wanted);
          if (length === null) expect(answer?.status).not.toBe("found");
          else expect(lengthOf(answer)).toBeCloseTo(length, 9);
          expect(answer && isRight(map, wanted, answer)).toBe(true);
        });
        expect(verifies(input, output)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("rejects a changed output, unless what it says is right after all", () => {
    const change = fc.oneof(
      fc.record({ at: fc.nat(), xor: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ cut: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ more: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
    );
    fc.assert(
      fc.property(smallJob, change, ({ map, queries }, how) => {
        const input = encodeInput(map, queries);
        const output = plan(input) ?? new Uint8Array();
        let changed = output.slice();
        if ("cut" in how) changed = changed.slice(0, -how.cut);
        else if ("more" in how) changed = Uint8Array.from([...changed, ...how.more]);
        else changed[how.at % changed.length] = (changed[how.at % changed.length] ?? 0) ^ how.xor;
        if (!verifies(input, changed)) return;
        const said = decodeOutput(changed, queries.length) ?? [];
        expect(queries.every((wanted, i) => said[i] && isRight(map, wanted, said[i]))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("calls a changed input bad or plans on it, and never traps", () => {
    fc.assert(
      fc.property(
        smallJob,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        ({ map, queries }, at, xor, cut) => {
          const input = encodeInput(map, queries);
          input[at % input.length] = (input[at % input.length] ?? 0) ^ xor;
          const changed = cut ? input.slice(0, -1) : input;
          const output = plan(changed);
          if (output !== null) expect(verifies(changed, output)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("path-plan firmware, refusals", () => {
  const map = grid("....", ".##.", "....");
  const input = encodeInput(map, [query(0, 0, 3, 2)]);

  /** An output of one answer, with the moves packed. */
  function claim(status: number, straight: number, diagonal: number, moves: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(17 + Math.ceil((3 * moves.length) / 8));
    const view = new DataView(bytes.buffer);
    bytes.set([0x50, 0x50, 0x4f, 0x31, 1]);
    view.setUint8(8, status);
    view.setUint32(9, straight, true);
    view.setUint32(13, diagonal, true);
    moves.forEach((move, k) => {
      for (let bit = 0; bit < 3; bit++) {
        const at = 3 * k + bit;
        const byte = 17 + (at >> 3);
        bytes[byte] = (bytes[byte] ?? 0) | (((move >> bit) & 1) << (at & 7));
      }
    });
    return bytes;
  }

  it("accepts another right path", () => {
    expect(verifies(input, claim(0, 5, 0, [2, 2, 1, 1, 1]))).toBe(true);
    expect(verifies(input, claim(0, 5, 0, [1, 1, 1, 2, 2]))).toBe(true);
  });

  it.for([
    ["through a wall", claim(0, 3, 1, [5, 1, 1, 2])],
    ["across a corner", claim(0, 3, 1, [1, 1, 5, 2])],
    ["off the map", claim(0, 7, 0, [0, 2, 2, 2, 1, 1, 1])],
    ["that ends elsewhere", claim(0, 4, 0, [2, 2, 1, 1])],
    ["with diagonal moves counted as straight", claim(0, 4, 1, [2, 2, 1, 1, 1])],
    ["with fewer moves than stated", claim(0, 6, 0, [2, 2, 1, 1, 1])],
    ["with more moves than stated", claim(0, 4, 0, [2, 2, 1, 1, 1])],
    ["of a count beyond 32 bits", claim(0, 0xffff_ffff, 0xffff_ffff, [2, 2, 1, 1, 1])],
    ["called unreachable", claim(1, 0, 0, [])],
    ["called blocked", claim(2, 0, 0, [])],
    ["of an unknown status", claim(3, 0, 0, [])],
    ["with a set bit behind the last move", claim(0, 5, 0, [2, 2, 1, 1, 1, 1]).slice(0, 19)],
    ["that stops in its counts", claim(0, 5, 0, []).slice(0, 12)],
  ] as const)("rejects a path %s", ([, output]) => {
    expect(verifies(input, output)).toBe(false);
  });

  it("rejects an empty output and one for another number of queries", () => {
    const output = plan(input) ?? new Uint8Array();
    const other = output.slice();
    other[4] = 2;
    expect(verifies(input, new Uint8Array())).toBe(false);
    expect(verifies(input, other)).toBe(false);
    expect(verifies(encodeInput(map, []), output)).toBe(false);
  });

  it("calls queries off the map, bits past the width and false lengths bad", () => {
    const bits = input.slice();
    bits[12] = 0xff;
    const off = input.slice();
    off[15] = 4;
    const wide = input.slice();
    wide.set([0xff, 0xff, 0xff, 0xff], 4);
    for (const bad of [bits, off, wide, input.slice(1), new Uint8Array(), new Uint8Array(12)]) {
      expect(plan(bad)).toBeNull();
    }
  });

  it("trusts no pointer or length", () => {
    const task = freshTask();
    for (const [pointer, length] of [
      [-1, 12],
      [0, -1],
      [0x7fff_ffff, 0x7fff_ffff],
      [65_530, 12],
    ] as const) {
      expect(task.run(pointer, length)).toBe(0n);
      expect(task.verify(pointer, length, 0, 8)).toBe(0);
      expect(task.verify(0, 0, pointer, length)).toBe(0);
    }
    expect(task.alloc(-1)).toBe(0);
    expect(task.alloc(0x7fff_ffff)).toBe(0);
  });
});
