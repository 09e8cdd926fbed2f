/** What the sender of a signature may put beside it: the y of its R. */
import { bytes32, integer, lift } from "./arithmetic.ts";
import type { Signed } from "./build.ts";

const found = new Map<string, readonly [Uint8Array, Uint8Array]>();

/** y of the R that the signature names, 32 bytes; zero where no point has this x. */
export function hintFor({ signature, parity }: Signed): Uint8Array {
  const r = signature.subarray(0, 32);
  const name = Buffer.from(r).toString("latin1");
  let both = found.get(name);
  if (!both) {
    const x = integer(r);
    both = [bytes32(lift(x, 0) ?? 0n), bytes32(lift(x, 1) ?? 0n)];
    found.set(name, both);
  }
  return both[parity === 1 ? 1 : 0];
}
