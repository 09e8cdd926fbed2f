/** A module of profile `task/1` in this process: what measures it needs no executor. */

export type TaskInstance = {
  readonly exports: Readonly<Record<string, unknown>>;
  /** Runs it on its input, which stays where it is. */
  readonly run: () => void;
  /** A copy of what the last run answered. */
  readonly output: () => Uint8Array;
};

type TaskExports = {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly run: (at: number, length: number) => bigint;
  readonly __hw_start?: () => void;
};

/** `prepare` is called with the exports before anything of the module runs, but for a start section. */
export function openTask(
  firmware: Uint8Array,
  input: Uint8Array,
  prepare: (exports: Readonly<Record<string, unknown>>) => void = () => {},
  imports: Readonly<Record<string, Record<string, unknown>>> = {},
): TaskInstance {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(firmware), imports);
  prepare(exports);
  const task = exports as unknown as TaskExports;
  task.__hw_start?.();
  const at = task.alloc(input.length);
  new Uint8Array(task.memory.buffer).set(input, at);
  let answer = 0n;
  const run = () => {
    answer = task.run(at, input.length);
  };
  const output = () =>
    new Uint8Array(task.memory.buffer, Number(answer >> 32n), Number(answer & 0xffff_ffffn)).slice();
  return { exports, run, output };
}
