/**
 * Some records of a journal, checked as far as they go: each hash, the chain where two stand next to each other, and
 * every signature whose terms are among them. Runs in a browser as well.
 */
import type { Hex } from "../base/bytes.ts";
import { isFault } from "../base/fault.ts";
import { sha256 } from "../kernels/digest.ts";
import { type Fact, postingsOf } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { voucherPayer } from "../protocol/voucher.ts";
import { decodeEntry } from "./entry.ts";
import {
  type Claim,
  concludeRecord,
  type Evidence,
  type Gap,
  gatherFact,
  partialEvidence,
} from "./evidence.ts";
import type { Entry } from "./journal.ts";

/** A record as it is handed on; `text` is null where whoever asked may not read it. */
export type RecordText = {
  readonly index: number;
  readonly hash: string;
  readonly previous: string;
  readonly text: string | null;
};

/** What was found of one record, before its signatures are checked. */
export type RecordFound = {
  /** The hash of its text; null without one. */
  readonly computed: Hex | null;
  /** Whether it names the hash of the record before it; unknown where that one is not here. */
  readonly follows: "yes" | "no" | "unknown";
  /** All that does not hold. */
  readonly wrong: readonly string[];
  /** Empty where there is no record to read. */
  readonly facts: readonly Fact[];
  readonly claims: readonly Claim[];
  readonly gaps: readonly Gap[];
};

export class Excerpt {
  readonly #memory: Evidence;
  #before: RecordText | null = null;

  /** @param market - of the gateway whose journal it is; null when that is not known beforehand */
  constructor(market: Market | null) {
    this.#memory = partialEvidence(market);
  }

  /** Of the gateway whose journal it is, as it was given or as the records have named it so far. */
  get market(): Market | null {
    return this.#memory.market;
  }

  /** Takes the next record, in the order of the journal. */
  take(record: RecordText): RecordFound {
    const before = this.#before;
    this.#before = record;
    const wrong: string[] = [];
    const isNext = before !== null && record.index === before.index + 1;
    const follows = isNext ? (record.previous === before.hash ? "yes" : "no") : "unknown";
    if (before && record.index <= before.index) wrong.push(`it stands after entry ${before.index}`);
    if (follows === "no") wrong.push(`it does not follow entry ${record.index - 1}`);
    const { text } = record;
    if (text === null) return { computed: null, follows, wrong, facts: [], claims: [], gaps: [HIDDEN] };
    const computed = sha256(text);
    if (computed !== record.hash) wrong.push("its text does not have its hash");
    const entry = this.#read(record, text, wrong);
    if (entry) this.#gather(entry.facts, wrong);
    const { claims, gaps } = this.#memory;
    this.#memory.claims = [];
    this.#memory.gaps = [];
    return { computed, follows, wrong, facts: entry?.facts ?? [], claims, gaps };
  }

  #read({ index, hash, previous }: RecordText, text: string, wrong: string[]): Entry | null {
    try {
      const entry = decodeEntry({ index, hash, text });
      if (entry.index !== index) wrong.push(`it was written as entry ${entry.index}`);
      if (entry.previous !== previous) wrong.push("its text names another entry before it");
      return entry;
    } catch {
      wrong.push("its text is no record");
      return null;
    }
  }

  #gather(facts: readonly Fact[], wrong: string[]): void {
    const sum = postingsOf(facts).reduce((total, { change }) => total + change, 0n);
    if (sum !== 0n) wrong.push(`its postings sum to ${sum}, not to zero`);
    for (const fact of facts) {
      try {
        this.#memory.market ??= marketNamedBy(fact);
        const why = gatherFact(this.#memory, fact);
        if (why !== null) wrong.push(why);
      } catch (fault) {
        // Numbers that a record can write and a signature cannot cover.
        if (!isFault(fault)) throw fault;
        wrong.push(fault.message);
      }
    }
    concludeRecord(this.#memory, facts);
  }
}

/** The market that a voucher is of. The gateway is its payee; of its own vouchers it is whoever has signed them. */
function marketNamedBy(fact: Fact): Market | null {
  const received = fact.kind === "voucherReceived";
  const voucher = "voucher" in fact ? fact.voucher : "legs" in fact ? fact.legs[0]?.voucher : undefined;
  const gateway = voucher && (received ? voucher.payee : voucherPayer(voucher));
  if (!gateway) return null;
  const { chainId, vault, token } = voucher;
  return { gateway, chainId, vault, token };
}

const HIDDEN: Gap = { what: "record", by: null, why: "its text is not here" };
