/**
 * Verifies a whole journal from its text alone: the chain, the books and every signature.
 *
 * Signatures are gathered and checked many at a time. The first entry that does not hold is the one that checking each
 * by itself would name, with the same reason: what is found later waits until everything before it was checked.
 */
import { type Fault, isFault } from "../base/fault.ts";
import { checkSigners } from "../kernels/signature.ts";
import type { SignatureCheck } from "../kernels/signature-group.ts";
import { postingsOf } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { brokenEntry, GENESIS, openEntry, type StoredEntry } from "./entry.ts";
import { type Claim, type Evidence, gather, type LaneTotal, newEvidence } from "./evidence.ts";
import type { Entry, Head } from "./journal.ts";

export type Verified = {
  /** How many entries hold: all of them. */
  readonly held: number;
  readonly signatures: number;
  readonly head: Head;
};

/** Signatures that are checked together: two of the kernels' largest batches. */
const GROUP = 2_048;

/** Says of each whether it was made by whom it names: `checkSigners`, or a pool's. */
export type CheckSignatures = (checks: readonly SignatureCheck[]) => Promise<readonly boolean[]>;

/** What a journal says of the lanes of its gateway. */
export type LanesSaid = {
  readonly market: Market | null;
  /** By payer, of lanes to the gateway. */
  readonly incoming: ReadonlyMap<string, LaneTotal>;
  /** By payee, of lanes from the gateway. */
  readonly outgoing: ReadonlyMap<string, LaneTotal>;
};

/**
 * Recomputes every hash, decodes every fact, and checks that indices have no gap, that the postings of each record
 * sum to zero, and that each signature is its signer's over the terms that the earlier facts give.
 *
 * Streams: memory grows with open tasks and devices. A cut-off tail is a shorter journal that holds: compare the
 * head with one kept elsewhere.
 *
 * @param entries - from the first one on
 * @param onProgress - called now and then with how many hold
 * @throws {@link Fault} `journal_broken` with the facts `{ index, why }` of the first entry that does not hold
 */
export function verifyJournal(
  entries: Iterable<StoredEntry>,
  onProgress: (held: number) => void = () => undefined,
): Verified {
  const walk = new JournalWalk();
  for (const part of walk.parts(entries)) {
    part.conclude(checkSigners(part.claims));
    onProgress(walk.verified.held);
  }
  return walk.verified;
}

/** A walk from the first entry on, which can go on when there are more. */
export class JournalWalk {
  readonly #memory: Evidence = newEvidence();
  #read: Head = GENESIS;
  #verified: Verified = { held: 0, signatures: 0, head: GENESIS };

  /** What is checked so far. */
  get verified(): Verified {
    return this.#verified;
  }

  /** What the entries that were read say of lanes. */
  get lanes(): LanesSaid {
    return this.#memory;
  }

  /**
   * Verifies more entries; reads on while signatures are checked elsewhere.
   *
   * @param entries - those after the newest that was read
   * @throws {@link Fault} `journal_broken` as {@link verifyJournal}, and whatever `check` rejects with
   */
  async follow(
    entries: Iterable<StoredEntry>,
    check: CheckSignatures,
    onProgress: (verified: Verified) => void,
  ): Promise<Verified> {
    let under: Promise<() => void> = Promise.resolve(() => undefined);
    for (const part of this.parts(entries)) {
      (await under)();
      under = check(part.claims).then(
        (verdicts) => () => {
          part.conclude(verdicts);
          onProgress(this.#verified);
        },
        (cause: unknown) => () => {
          throw cause;
        },
      );
    }
    (await under)();
    return this.#verified;
  }

  /** Reads entries in parts, each to be concluded before the one after the next is read. */
  *parts(entries: Iterable<StoredEntry>): Iterable<Part> {
    const memory = this.#memory;
    let found: Fault | null = null;
    let befores: Head[] = [];
    const note = (before: Head) => {
      while (befores.length < memory.claims.length) befores.push(before);
    };
    const cut = () => {
      const part = this.#part(memory.claims, befores, found);
      memory.claims = [];
      befores = [];
      return part;
    };
    try {
      for (const stored of entries) {
        const before = this.#read;
        this.#take(stored);
        note(before);
        if (memory.claims.length >= GROUP) yield cut();
      }
    } catch (fault) {
      if (!isFault(fault)) throw fault;
      found = fault;
      note(this.#read);
    }
    yield cut();
  }

  #take(stored: StoredEntry): void {
    const entry = openEntry(stored, this.#read);
    const sum = postingsOf(entry.facts).reduce((total, { change }) => total + change, 0n);
    if (sum !== 0n) throw brokenEntry(entry.index, `its postings sum to ${sum}, not to zero`);
    const why = this.#gather(entry);
    if (why !== null) throw brokenEntry(entry.index, why);
    this.#read = { index: entry.index, hash: entry.hash };
  }

  #gather({ facts }: Entry): string | null {
    try {
      return gather(this.#memory, facts);
    } catch (fault) {
      // Numbers that a record can write and a signature cannot cover.
      if (isFault(fault, "impossible") || isFault(fault, "amount_range")) return fault.message;
      throw fault;
    }
  }

  /** @param befores - of each claim, the entry before the one that it is of */
  #part(claims: readonly Claim[], befores: readonly Head[], found: Fault | null): Part {
    const read = this.#read;
    return {
      claims,
      conclude: (verdicts) => {
        const wrong = claims.findIndex((_, at) => verdicts[at] !== true);
        const head = befores[wrong] ?? read;
        const right = wrong === -1 ? claims.length : wrong;
        const signatures = this.#verified.signatures + right;
        this.#verified = { held: head.index, signatures, head };
        if (wrong !== -1) throw brokenEntry(head.index + 1, claims[wrong]?.wrong ?? "");
        if (found) throw found;
      },
    };
  }
}

/** Entries that were read, and what is still to be checked of them. */
export type Part = {
  readonly claims: readonly SignatureCheck[];
  /**
   * @param verdicts - of each claim
   * @throws {@link Fault} `journal_broken` with the first entry, of those up to here, that does not hold
   */
  conclude(verdicts: readonly boolean[]): void;
};
