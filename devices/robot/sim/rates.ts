/** A provider's rates as an option: one for all memory classes, or one for each. */
import { Fault } from "../../../src/base/fault.ts";
import { type Amount, amount } from "../../../src/base/money.ts";
import { MAX_RATE, MEMORY_CLASSES, type MemoryClass } from "../../../src/protocol/fuel.ts";

/**
 * Reads `R` or `1=R,16=R,64=R`: atomic units for 10^12 of fuel, `1..MAX_RATE`. A class that is not named is not served.
 *
 * @throws {@link Fault} `usage`
 */
export function readRates(text: string): ReadonlyMap<MemoryClass, Amount> {
  if (!text.includes("=")) return new Map(MEMORY_CLASSES.map((memoryMiB) => [memoryMiB, readRate(text)]));
  const rates = new Map<MemoryClass, Amount>();
  for (const part of text.split(",")) {
    const [name, rate = "", ...rest] = part.split("=");
    const memoryMiB = MEMORY_CLASSES.find((one) => String(one) === name);
    if (memoryMiB === undefined || rest.length > 0 || rates.has(memoryMiB)) throw wrong(part);
    rates.set(memoryMiB, readRate(rate));
  }
  return rates;
}

function readRate(text: string): Amount {
  const rate = /^[1-9][0-9]{0,28}$/.test(text) ? BigInt(text) : 0n;
  if (rate === 0n || rate > MAX_RATE) throw wrong(text);
  return amount(rate);
}

function wrong(what: string): Fault {
  const classes = MEMORY_CLASSES.map((one) => `${one}=R`).join(",");
  return new Fault("usage", `--rate takes R or ${classes}, R from 1 to ${MAX_RATE}, not "${what}"`);
}
