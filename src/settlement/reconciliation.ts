/**
 * Journal against chain, lane by lane: what has changed, whether that can be explained, and what is recorded of it.
 *
 * A claim of a voucher we know, whoever sent it; of one we never saw, on a lane to us; a deposit; a close: all these
 * the journal takes as they are. What only a lost journal, a second gateway or a lying node can have caused is told.
 * Pure.
 */
import { ZERO } from "../base/money.ts";
import type { Lane, LaneSeen } from "../payment/lane.ts";
import type { LaneEnd } from "./chain.ts";

/** One number that both have. */
export type Disagreement = { readonly of: string; readonly chain: bigint; readonly journal: bigint };

/** What to make of a lane that may have changed. */
export type Finding = {
  /** What the chain has shown since the last look, in order; each has to be in a record of its own. */
  readonly steps: readonly LaneSeen[];
  /** What nothing explains; null when all is well. */
  readonly disagreement: Disagreement | null;
  /** It was closed, and what its old life paid has yet to be found. */
  readonly isHeld: boolean;
};

export type LookTerms = {
  /** The lane's payer is the gateway: it knows all the vouchers there are. */
  readonly isOurs: boolean;
  /** Blocks that were read before are gone, so that anything may have fallen. */
  readonly isReorganized: boolean;
};

/**
 * Compares a lane that has not been closed since the last look.
 *
 * @param seen - its epoch is not above that of the journal
 */
export function compare(known: Lane, seen: LaneSeen, terms: LookTerms): Finding {
  // Journals do not go back to an earlier life of a lane: its vouchers are gone.
  if (seen.epoch < known.epoch) return found([], about("epoch", seen.epoch, known.epoch));
  const steps = isSame(known, seen) ? [] : [seen];
  const fallen = (["deposit", "settled"] as const).find((of) => seen[of] < known[of]);
  if (fallen !== undefined && !terms.isReorganized) {
    return found(steps, about(fallen, seen[fallen], known[fallen]));
  }
  return found(steps, unsigned(known.signed, seen.settled, terms));
}

/**
 * Compares a lane that was closed since the last look, once or more often.
 *
 * What its old life paid at last comes first, so that a claim mined while nobody looked is not taken for void. A lane
 * whose end cannot be found stays as it is and takes nothing more, until it can.
 */
export function compareClosed(
  known: Lane,
  seen: LaneSeen,
  ends: readonly Pick<LaneEnd, "epoch" | "settled">[],
  terms: LookTerms,
): Finding {
  const closeAt = known.closeAt || 1;
  const lives = ends.filter(({ epoch }) => epoch >= known.epoch && epoch < seen.epoch);
  const last = lives.find(({ epoch }) => epoch === known.epoch);
  if (!last) {
    const { epoch, deposit, settled, window } = known;
    const held = { epoch, deposit, settled, window, closeAt };
    const disagreement = about("epoch", seen.epoch, known.epoch);
    return { steps: known.closeAt === 0 ? [held] : [], disagreement, isHeld: true };
  }
  const steps = lives
    .sort((a, b) => a.epoch - b.epoch)
    .map(({ epoch, settled }) => {
      const before = epoch === known.epoch ? known.deposit : ZERO;
      const deposit = before > settled ? before : settled;
      return { epoch, settled, deposit, closeAt, window: known.window };
    })
    .filter((step) => !isSame(known, step));
  const unknown = lives.map(({ epoch, settled }) =>
    unsigned(epoch === known.epoch ? known.signed : ZERO, settled, terms),
  );
  const disagreement = unknown.find((one) => one !== null) ?? unsigned(ZERO, seen.settled, terms);
  return found([...steps, seen], disagreement);
}

function found(steps: readonly LaneSeen[], disagreement: Disagreement | null): Finding {
  return { steps, disagreement, isHeld: false };
}

/** On our own lanes nobody can claim what our journal has not signed. */
function unsigned(signed: bigint, settled: bigint, { isOurs }: LookTerms): Disagreement | null {
  return isOurs && settled > signed ? about("settled above what is signed", settled, signed) : null;
}

function about(of: string, chain: bigint | number, journal: bigint | number): Disagreement {
  return { of, chain: BigInt(chain), journal: BigInt(journal) };
}

function isSame(known: Lane, seen: LaneSeen): boolean {
  return (["epoch", "deposit", "settled", "closeAt", "window"] as const).every(
    (key) => known[key] === seen[key],
  );
}
