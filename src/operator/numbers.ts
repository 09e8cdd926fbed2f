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
