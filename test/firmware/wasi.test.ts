import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Xoshiro128 } from "../../src/firmware/random.ts";
import { Ended, Streams, WASI_TYPES } from "../../src/firmware/wasi.ts";

const [SUCCESS, BADF, FAULT, INVAL, NOSYS, SPIPE] = [0, 8, 21, 28, 52, 70];
const LIMIT = 1_000_000n;
const END = 65_536;

let streams: Streams;
let memory: Uint8Array;
let fuel: { value: bigint };

function begin(input: Uint8Array, maxOutput = 1000): void {
  const buffer = new ArrayBuffer(END);
  memory = new Uint8Array(buffer);
  fuel = { value: LIMIT };
  streams = new Streams(input, maxOutput);
  streams.machine = { memory: { buffer }, fuel };
}

function call(name: string, ...args: readonly (number | bigint)[]): unknown {
  const { imports } = { imports: streams.imports() as Record<string, (...args: unknown[]) => unknown> };
  return imports[name]?.(...args);
}

function word(at: number): number {
  return new DataView(memory.buffer).getUint32(at, true);
}

/** Writes vectors, and gives their place and number. */
function vectors(...pairs: readonly (readonly [start: number, length: number])[]): [number, number] {
  const view = new DataView(memory.buffer);
  for (const [i, [start, length]] of pairs.entries()) {
    view.setUint32(512 + i * 8, start, true);
    view.setUint32(516 + i * 8, length, true);
  }
  return [512, pairs.length];
}

beforeEach(() => begin(Uint8Array.of(1, 2, 3, 4, 5)));

describe("wasi-stdio/1", () => {
  it("has exactly the functions that it names, with as many parameters", () => {
    expect(new Set(Object.keys(streams.imports()))).toEqual(new Set(WASI_TYPES.keys()));
    expect([...WASI_TYPES.keys()].filter((name) => name.startsWith("sock_"))).toEqual([]);
    for (const [name, type] of WASI_TYPES)
      expect([name, type]).toEqual([name, expect.stringMatching(/^[iI]*>i?$/)]);
  });

  it("reads the input on, vector by vector, to its end", () => {
    expect(call("fd_read", 0, ...vectors([0, 2], [100, 0], [50, 2]), 600)).toBe(SUCCESS);
    expect([word(600), ...memory.subarray(0, 2), ...memory.subarray(50, 53)]).toEqual([4, 1, 2, 3, 4, 0]);
    expect(call("fd_read", 0, ...vectors([0, 100]), 600)).toBe(SUCCESS);
    expect([word(600), memory[0]]).toEqual([1, 5]);
    expect(call("fd_read", 0, ...vectors([0, 100]), 600)).toBe(SUCCESS);
    expect(word(600)).toBe(0);
  });

  it("gathers what is written to standard output, and loses what goes to standard error", () => {
    memory.set([7, 8, 9]);
    expect(call("fd_write", 1, ...vectors([0, 2], [2, 1]), 600)).toBe(SUCCESS);
    expect(call("fd_write", 2, ...vectors([0, 3]), 600)).toBe(SUCCESS);
    expect(call("fd_write", 1, ...vectors([1, 1]), 600)).toBe(SUCCESS);
    expect(word(600)).toBe(1);
    expect([...streams.output]).toEqual([7, 8, 9, 8]);
  });

  it("takes any writes to its limit and ends the program beyond it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 300 }), { maxLength: 10 }),
        fc.nat({ max: 2000 }),
        (lengths, most) => {
          begin(new Uint8Array(), most);
          let written = 0;
          for (const length of lengths) {
            memory.fill(length & 0xff, 0, length);
            const write = () => call("fd_write", 1, ...vectors([0, length]), 600);
            if (written + length > most) {
              expect(write).toThrow(Ended);
              break;
            }
            expect(write()).toBe(SUCCESS);
            written += length;
          }
          expect(streams.output).toHaveLength(written);
        },
      ),
    );
  });

  it("charges for calls, vectors, bytes moved, random bytes, and once for the seed", () => {
    const cost = (name: string, ...args: readonly (number | bigint)[]) => {
      const before = fuel.value;
      call(name, ...args);
      return Number(before - fuel.value);
    };
    expect(cost("fd_read", 0, ...vectors([0, 100]), 600)).toBe(4096 + 1024 + 5);
    expect(cost("fd_write", 1, ...vectors([0, 800], [0, 16]), 600)).toBe(4096 + 2 * 1024 + 816);
    expect(cost("fd_write", 1, ...vectors([0, 800], [END, 16]), 600)).toBe(4096 + 2 * 1024);
    expect(cost("random_get", 0, 4096)).toBe(4096 + 4096 * 64 + 5 * 64);
    expect(cost("random_get", 0, 1)).toBe(4096 + 64);
    const args = (type: string) => [...(type.split(">")[0] ?? "")].map((letter) => (letter === "I" ? 0n : 7));
    for (const [name, type] of WASI_TYPES) {
      if (name !== "proc_exit" && name !== "random_get") expect(cost(name, ...args(type))).toBe(4096);
    }
    const before = fuel.value;
    expect(() => call("proc_exit", 3)).toThrow(Ended);
    expect(before - fuel.value).toBe(4096n);
  });

  it.for([
    ["fd_read", 4096 + 1024 + 5, () => [0, ...vectors([0, 100]), 600]],
    ["fd_write", 4096 + 1024 + 8, () => [1, ...vectors([0, 8]), 600]],
    ["random_get", 4096 + 64 * 16 + 64 * 5, () => [0, 16]],
  ] as const)("does no work that the fuel does not pay for: %s", ([name, cost, args]) => {
    const given = args();
    const before = memory.slice();
    fuel.value = BigInt(cost - 1);
    call(name, ...given);
    expect(fuel.value).toBe(-1n);
    const isWord = name === "fd_write" ? 604 : 0;
    expect(Buffer.compare(memory.subarray(isWord), before.subarray(isWord))).toBe(0);
    expect(streams.output).toHaveLength(0);
    fuel.value = BigInt(cost);
    expect(call(name, ...given)).toBe(SUCCESS);
    expect(fuel.value).toBe(0n);
    const isDone = name === "fd_write" ? streams.output.length === 8 : Buffer.compare(memory, before) !== 0;
    expect(isDone).toBe(true);
  });

  it.for([
    ["fd_read", [0, 512, 1, END - 3]],
    ["fd_read", [0, END - 7, 1, 0]],
    ["fd_read", [0, -8, 2, 0]],
    ["fd_write", [1, 512, 1, -1]],
    ["fd_write", [1, END - 4, 1, 0]],
    ["random_get", [END - 1, 2]],
    ["random_get", [8, -1]],
    ["clock_time_get", [0, 0n, END - 7]],
    ["clock_res_get", [0, -1]],
    ["args_sizes_get", [END - 3, 0]],
    ["args_get", [END - 3, END]],
    ["environ_sizes_get", [0, -4]],
    ["fd_fdstat_get", [0, END - 23]],
    ["fd_filestat_get", [1, END - 63]],
  ] as const)("writes nowhere outside the memory: %s", ([name, args]) => {
    vectors([0, 5]);
    const before = memory.slice();
    expect(call(name, ...args)).toBe(FAULT);
    expect(Buffer.compare(memory, before)).toBe(0);
    expect(streams.output).toHaveLength(0);
  });

  it("refuses vectors outside the memory, too many of them, and more bytes than a number of theirs holds", () => {
    expect(call("fd_read", 0, ...vectors([END - 1, 2]), 600)).toBe(FAULT);
    expect(call("fd_write", 1, ...vectors([0xffff_ffff, 0xffff_ffff]), 600)).toBe(FAULT);
    expect(call("fd_write", 1, 0, 1025, 600)).toBe(INVAL);
    expect(call("fd_read", 0, 0, -1, 600)).toBe(INVAL);
    expect(call("fd_read", 0, ...vectors([0, 2]), 600)).toBe(SUCCESS);
    expect(memory[0]).toBe(1);
  });

  it("has no time, an empty name and no environment", () => {
    memory.fill(0xee);
    expect(call("clock_time_get", 1, 1n, 0)).toBe(SUCCESS);
    expect(call("args_sizes_get", 8, 12)).toBe(SUCCESS);
    expect(call("environ_sizes_get", 16, 20)).toBe(SUCCESS);
    expect(call("args_get", 24, 28)).toBe(SUCCESS);
    expect(call("environ_get", 100, 100)).toBe(SUCCESS);
    expect(Array.from({ length: 7 }, (_, i) => word(i * 4))).toEqual([0, 0, 1, 1, 0, 0, 28]);
    expect([...memory.subarray(28, 30), memory[100]]).toEqual([0, 0xee, 0xee]);
  });

  it("has three streams that cannot be sought, and no files", () => {
    for (const fd of [0, 1, 2]) {
      expect(call("fd_fdstat_get", fd, 0)).toBe(SUCCESS);
      expect([memory[0], memory[8]]).toEqual([0, fd === 0 ? 2 : 64]);
      expect(call("fd_seek", fd, 0n, 0, 0)).toBe(SPIPE);
      expect(call("fd_close", fd)).toBe(SUCCESS);
    }
    expect(call("fd_prestat_get", 3, 0)).toBe(BADF);
    expect(call("fd_fdstat_get", 3, 0)).toBe(BADF);
    expect(call("fd_seek", 3, 0n, 0, 0)).toBe(BADF);
    expect(call("fd_read", 1, ...vectors([0, 1]), 600)).toBe(BADF);
    expect(call("fd_write", 0, ...vectors([0, 1]), 600)).toBe(BADF);
    expect(call("path_open", 3, 0, 0, 1, 0, 0n, 0n, 0, 0)).toBe(BADF);
    expect(call("poll_oneoff", 0, 0, 0, 0)).toBe(NOSYS);
  });

  it("draws the same bytes for the same input, and says how the program ended", () => {
    expect(call("random_get", 0, 10)).toBe(SUCCESS);
    expect(call("random_get", 10, 3)).toBe(SUCCESS);
    const random = new Xoshiro128(
      createHash("sha256")
        .update(Uint8Array.of(1, 2, 3, 4, 5))
        .digest(),
    );
    const expected = new Uint8Array(13);
    random.fill(expected.subarray(0, 10));
    random.fill(expected.subarray(10));
    expect(memory.subarray(0, 13)).toEqual(expected);
    expect(() => call("proc_exit", -1)).toThrow(expect.objectContaining({ code: 0xffff_ffff }));
  });
});
