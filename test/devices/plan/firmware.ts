/** Calls the path-planning firmware in this process: a fresh instance for every call, as an executor does. */
import { readFileSync } from "node:fs";

const FILE = new URL("../../../build/firmware/path-plan.wasm", import.meta.url);

const firmwareBytes = new Uint8Array(readFileSync(FILE));
const compiled = new WebAssembly.Module(firmwareBytes);

export interface Task {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly run: (pointer: number, length: number) => bigint;
  readonly verify: (input: number, inputLength: number, output: number, outputLength: number) => number;
}

export function freshTask(): Task {
  return new WebAssembly.Instance(compiled).exports as unknown as Task;
}

function place(task: Task, bytes: Uint8Array): number {
  const pointer = task.alloc(bytes.length);
  new Uint8Array(task.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

/** The output, or null when the firmware calls the input bad. */
export function plan(input: Uint8Array, task: Task = freshTask()): Uint8Array | null {
  const result = task.run(place(task, input), input.length);
  if (result === 0n) return null;
  const pointer = Number(result >> 32n);
  return new Uint8Array(task.memory.buffer.slice(pointer, pointer + Number(result & 0xffff_ffffn)));
}

export function verifies(input: Uint8Array, output: Uint8Array): boolean {
  const task = freshTask();
  return task.verify(place(task, input), input.length, place(task, output), output.length) === 1;
}
