/** Numbers as they are typed after an option. */
import { Fault } from "../base/fault.ts";
import { MEMORY_CLASSES, type MemoryClass } from "../protocol/fuel.ts";

/**
 * A whole number, such as `1000`, `1_000` or `1e3`.
 *
 * @throws {@link Fault} `usage` outside `least..most`
 */
export function wholeNumber(text: string, option: string, least: number, most: number): number {
  const isNumber = /^\d[\d_]*(e\d{1,2})?$/i.test(text);
  const value = isNumber ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Fault("usage", `${option} takes a whole number from ${least} to ${most}, not "${text}"`);
}

/** @throws {@link Fault} `usage` for what is no memory class */
export function memoryClass(text: string, option: string): MemoryClass {
  const found = MEMORY_CLASSES.find((memoryMiB) => `${memoryMiB}` === text);
  if (found !== undefined) return found;
  throw new Fault("usage", `${option} takes a memory class, ${MEMORY_CLASSES.join(", ")} MiB, not "${text}"`);
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * A duration as it is typed, such as `30s`, `10m` or `2h`, in milliseconds.
 *
 * @param most - milliseconds
 * @throws {@link Fault} `usage` for other text, nothing, and more than `most`
 */
export function duration(text: string, option: string, most: number): number {
  const [, count, unit] = /^(\d{1,9})([smh])$/.exec(text) ?? [];
  const value = count === undefined ? 0 : Number(count) * UNITS[unit as keyof typeof UNITS];
  if (value > 0 && value <= most) return value;
  throw new Fault(
    "usage",
    `${option} takes a time such as 30s, 10m or 2h, up to ${most / 3_600_000}h, not "${text}"`,
  );
}
