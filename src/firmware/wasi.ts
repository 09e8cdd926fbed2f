/**
 * Profile `wasi-stdio/1`: the WASI preview 1 functions (snapshot_preview1 witx) that a program with nothing but
 * standard input and output needs.
 *
 * Standard input is the input, standard output the output, standard error goes nowhere. There are no files, no
 * arguments but an empty name of the program, no environment and no sockets; the time is always 0; random bytes are
 * those of {@link Xoshiro128} seeded with the SHA-256 of the input. So a run is the same on every machine.
 *
 * A call costs {@link HOST_CALL_COST} and 1 for each byte it moves, {@link HOST_VECTOR_COST} for each vector that says
 * where they are, {@link HOST_RANDOM_COST} for each random byte, and as much for each byte of input once, at the first
 * random byte.
 */
import { hash } from "node:crypto";
import { HOST_CALL_COST, HOST_RANDOM_COST, HOST_VECTOR_COST } from "./meter/costs.ts";
import { Xoshiro128 } from "./random.ts";

/** `params>results`, a letter a value: i i32, I i64. */
export const WASI_TYPES: ReadonlyMap<string, string> = new Map([
  ["args_get", "ii>i"],
  ["args_sizes_get", "ii>i"],
  ["clock_res_get", "ii>i"],
  ["clock_time_get", "iIi>i"],
  ["environ_get", "ii>i"],
  ["environ_sizes_get", "ii>i"],
  ["fd_advise", "iIIi>i"],
  ["fd_allocate", "iII>i"],
  ["fd_close", "i>i"],
  ["fd_datasync", "i>i"],
  ["fd_fdstat_get", "ii>i"],
  ["fd_fdstat_set_flags", "ii>i"],
  ["fd_fdstat_set_rights", "iII>i"],
  ["fd_filestat_get", "ii>i"],
  ["fd_filestat_set_size", "iI>i"],
  ["fd_filestat_set_times", "iIIi>i"],
  ["fd_pread", "iiiIi>i"],
  ["fd_prestat_dir_name", "iii>i"],
  ["fd_prestat_get", "ii>i"],
  ["fd_pwrite", "iiiIi>i"],
  ["fd_read", "iiii>i"],
  ["fd_readdir", "iiiIi>i"],
  ["fd_renumber", "ii>i"],
  ["fd_seek", "iIii>i"],
  ["fd_sync", "i>i"],
  ["fd_tell", "ii>i"],
  ["fd_write", "iiii>i"],
  ["path_create_directory", "iii>i"],
  ["path_filestat_get", "iiiii>i"],
  ["path_filestat_set_times", "iiiiIIi>i"],
  ["path_link", "iiiiiii>i"],
  ["path_open", "iiiiiIIii>i"],
  ["path_readlink", "iiiiii>i"],
  ["path_remove_directory", "iii>i"],
  ["path_rename", "iiiiii>i"],
  ["path_symlink", "iiiii>i"],
  ["path_unlink_file", "iii>i"],
  ["poll_oneoff", "iiii>i"],
  ["proc_exit", "i>"],
  ["proc_raise", "i>i"],
  ["random_get", "ii>i"],
  ["sched_yield", ">i"],
]);

/** Error numbers of preview 1. */
const ERRNO = { success: 0, badf: 8, fault: 21, inval: 28, nosys: 52, spipe: 70 } as const;
/** File type of the three streams: unknown, as of a pipe, so that programs buffer whole blocks. */
const PIPE = 0;
const RIGHT_READ = 2n;
const RIGHT_WRITE = 64n;
/** Most vectors in one call, as POSIX's IOV_MAX on Linux. */
const MAX_VECTORS = 1024;
/** More in one call would not fit the number that says how many were moved. */
const MAX_MOVED = 2 ** 31 - 1;

/** Thrown out of a program that ends itself, or whose output is longer than allowed. */
export class Ended {
  /** Exit code, unsigned; null when the output grew beyond its limit. */
  readonly code: number | null;

  constructor(code: number | null) {
    this.code = code;
  }
}

/** What the streams need of an instance. */
export type Machine = {
  readonly memory: Pick<WebAssembly.Memory, "buffer">;
  /** What is left; a call lowers it. */
  readonly fuel: { value: bigint };
};

/** Where the bytes of one vector lie. */
type Stretch = { readonly start: number; readonly end: number };

/** The streams of one run. */
export class Streams {
  readonly #input: Uint8Array;
  readonly #maxOutput: number;
  #read = 0;
  #output = new Uint8Array(0);
  #written = 0;
  #random: Xoshiro128 | null = null;
  /** Set once there is an instance; nothing calls before. */
  machine: Machine | null = null;

  constructor(input: Uint8Array, maxOutput: number) {
    this.#input = input;
    this.#maxOutput = maxOutput;
  }

  /** All that was written to standard output. */
  get output(): Uint8Array {
    return this.#output.subarray(0, this.#written);
  }

  /** The functions to import; each of {@link WASI_TYPES}. */
  imports(): Record<string, (...args: never[]) => unknown> {
    const none = () => this.#charged(ERRNO.nosys);
    const noFile = () => this.#charged(ERRNO.badf);
    const stream = (fd: number) => this.#charged(isStream(fd) ? ERRNO.success : ERRNO.badf);
    const pipe = (fd: number) => this.#charged(isStream(fd) ? ERRNO.spipe : ERRNO.badf);
    const pair = (one: number, first: bigint, other: number, second: bigint) =>
      this.#charged(this.#put(one, 4, first) && this.#put(other, 4, second) ? ERRNO.success : ERRNO.fault);
    const time = (_clock: number, _precision: bigint, at: number) =>
      this.#charged(this.#put(at, 8, 0n) ? ERRNO.success : ERRNO.fault);
    const names = [...WASI_TYPES.keys()];
    const closed = names.filter((name) => name.startsWith("path_") || name.startsWith("fd_"));
    return {
      ...Object.fromEntries(closed.map((name) => [name, noFile])),
      args_sizes_get: (count: number, bytes: number) => pair(count, 1n, bytes, 1n),
      args_get: (at: number, text: number) => this.#name(at, text),
      environ_sizes_get: (count: number, bytes: number) => pair(count, 0n, bytes, 0n),
      environ_get: () => this.#charged(ERRNO.success),
      clock_time_get: time,
      clock_res_get: (clock: number, at: number) => time(clock, 0n, at),
      ...{ fd_close: stream, fd_datasync: stream, fd_sync: stream, fd_fdstat_set_flags: stream },
      ...{ fd_seek: pipe, fd_tell: pipe, fd_pread: pipe, fd_pwrite: pipe },
      fd_fdstat_get: (fd: number, at: number) => this.#fdstat(fd, at),
      fd_filestat_get: (fd: number, at: number) => this.#filestat(fd, at),
      fd_read: (fd: number, at: number, count: number, size: number) => this.#fdRead(fd, at, count, size),
      fd_write: (fd: number, at: number, count: number, size: number) => this.#fdWrite(fd, at, count, size),
      ...{ poll_oneoff: none, proc_raise: none },
      proc_exit: (code: number) => {
        this.#charged(ERRNO.success);
        throw new Ended(code >>> 0);
      },
      random_get: (at: number, length: number) => this.#fillRandom(at, length),
      sched_yield: () => this.#charged(ERRNO.success),
    };
  }

  /** Takes what a call costs and gives back its error number. */
  #charged(errno: number): number {
    this.#spend(HOST_CALL_COST);
    return errno;
  }

  #spend(amount: number): void {
    this.#live().fuel.value -= BigInt(amount);
  }

  /** Takes what work costs before it is done; false when that is more than is left, and the run is over. */
  #affords(cost: number): boolean {
    this.#spend(cost);
    return this.#live().fuel.value >= 0n;
  }

  #live(): Machine {
    if (this.machine === null) throw new Ended(null);
    return this.machine;
  }

  #memory(): Uint8Array {
    return new Uint8Array(this.#live().memory.buffer);
  }

  /** Writes a number of `bytes` bytes; false outside the memory. */
  #put(pointer: number, bytes: 4 | 8, value: bigint): boolean {
    const memory = this.#memory();
    const at = pointer >>> 0;
    if (at + bytes > memory.length) return false;
    const view = new DataView(memory.buffer);
    if (bytes === 4) view.setUint32(at, Number(value), true);
    else view.setBigUint64(at, value, true);
    return true;
  }

  #zeroed(pointer: number, length: number): DataView | null {
    const memory = this.#memory();
    const at = pointer >>> 0;
    if (at + length > memory.length) return null;
    memory.fill(0, at, at + length);
    return new DataView(memory.buffer, at, length);
  }

  /** The one argument: no text, and the zero byte that ends it. */
  #name(pointer: number, text: number): number {
    const isThere = this.#zeroed(text, 1) !== null && this.#put(pointer, 4, BigInt(text >>> 0));
    return this.#charged(isThere ? ERRNO.success : ERRNO.fault);
  }

  /** struct fdstat: filetype u8, flags u16 at 2, rights u64 at 8, inherited rights u64 at 16. */
  #fdstat(fd: number, pointer: number): number {
    if (!isStream(fd)) return this.#charged(ERRNO.badf);
    const view = this.#zeroed(pointer, 24);
    view?.setUint8(0, PIPE);
    view?.setBigUint64(8, fd === 0 ? RIGHT_READ : RIGHT_WRITE, true);
    return this.#charged(view === null ? ERRNO.fault : ERRNO.success);
  }

  /** struct filestat: filetype u8 at 16 of 64 bytes. */
  #filestat(fd: number, pointer: number): number {
    if (!isStream(fd)) return this.#charged(ERRNO.badf);
    const view = this.#zeroed(pointer, 64);
    view?.setUint8(16, PIPE);
    return this.#charged(view === null ? ERRNO.fault : ERRNO.success);
  }

  /** Where the vectors lie, or an error number; vectors of no bytes are left out. */
  #vectors(pointer: number, count: number): readonly Stretch[] | number {
    const memory = this.#memory();
    const at = pointer >>> 0;
    if (count >>> 0 > MAX_VECTORS) return ERRNO.inval;
    if (at + count * 8 > memory.length) return ERRNO.fault;
    if (!this.#affords(count * HOST_VECTOR_COST)) return ERRNO.nosys;
    const view = new DataView(memory.buffer, at, count * 8);
    const stretches: Stretch[] = [];
    for (let i = 0; i < count; i++) {
      const start = view.getUint32(i * 8, true);
      const end = start + view.getUint32(i * 8 + 4, true);
      if (end > memory.length) return ERRNO.fault;
      if (end > start) stretches.push({ start, end });
    }
    return stretches;
  }

  #fdRead(fd: number, pointer: number, count: number, size: number): number {
    if (fd !== 0) return this.#charged(ERRNO.badf);
    const vectors = this.#vectors(pointer, count);
    if (typeof vectors === "number") return this.#charged(vectors);
    if (!this.#put(size, 4, 0n)) return this.#charged(ERRNO.fault);
    const moved = Math.min(bytesOf(vectors), this.#input.length - this.#read);
    if (!this.#affords(HOST_CALL_COST + moved)) return ERRNO.nosys;
    const memory = this.#memory();
    for (const { start, end } of vectors) {
      const part = this.#input.subarray(this.#read, this.#read + end - start);
      memory.set(part, start);
      this.#read += part.length;
    }
    this.#put(size, 4, BigInt(moved));
    return ERRNO.success;
  }

  #fdWrite(fd: number, pointer: number, count: number, size: number): number {
    if (fd !== 1 && fd !== 2) return this.#charged(ERRNO.badf);
    const vectors = this.#vectors(pointer, count);
    if (typeof vectors === "number") return this.#charged(vectors);
    const moved = bytesOf(vectors);
    if (moved > MAX_MOVED) return this.#charged(ERRNO.inval);
    if (!this.#put(size, 4, BigInt(moved))) return this.#charged(ERRNO.fault);
    if (!this.#affords(HOST_CALL_COST + moved)) return ERRNO.nosys;
    if (fd === 1) this.#append(vectors, moved);
    return ERRNO.success;
  }

  #append(vectors: readonly Stretch[], bytes: number): void {
    const length = this.#written + bytes;
    if (length > this.#maxOutput) throw new Ended(null);
    if (length > this.#output.length) {
      const roomier = new Uint8Array(Math.min(this.#maxOutput, Math.max(4096, length * 2)));
      roomier.set(this.output);
      this.#output = roomier;
    }
    const memory = this.#memory();
    for (const { start, end } of vectors) {
      this.#output.set(memory.subarray(start, end), this.#written);
      this.#written += end - start;
    }
  }

  #fillRandom(pointer: number, length: number): number {
    const memory = this.#memory();
    const at = pointer >>> 0;
    const end = at + (length >>> 0);
    if (end > memory.length) return this.#charged(ERRNO.fault);
    const bytes = end - at + (this.#random === null ? this.#input.length : 0);
    if (!this.#affords(HOST_CALL_COST + bytes * HOST_RANDOM_COST)) return ERRNO.nosys;
    this.#random ??= new Xoshiro128(hash("sha256", this.#input, "buffer"));
    this.#random.fill(memory.subarray(at, end));
    return ERRNO.success;
  }
}

function bytesOf(vectors: readonly Stretch[]): number {
  return vectors.reduce((sum, { start, end }) => sum + end - start, 0);
}

function isStream(fd: number): boolean {
  return fd === 0 || fd === 1 || fd === 2;
}
