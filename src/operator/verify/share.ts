/** Who checks a walk's signatures. */
import type { Clock } from "../../base/clock.ts";
import { SignaturePool } from "../../kernels/pool.ts";

/** A journal with fewer entries is walked before another thread is ready to help. */
const FEWEST_SHARED = 5_000;

/** A pool on the other cores, ready to work, where the journal is long enough; one without threads else. */
export async function poolFor(entries: number, clock: Clock): Promise<SignaturePool> {
  const pool = new SignaturePool({ clock, ...(entries < FEWEST_SHARED ? { size: 0 } : {}) });
  await pool.start();
  return pool;
}
