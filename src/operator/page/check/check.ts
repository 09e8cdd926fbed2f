/**
 * "Check here": recomputes in the browser what a record claims, with the project's own kernels. The server is believed
 * in nothing but which gateway is meant.
 */
import "./jitless.ts";
import type { Hex } from "../../../base/bytes.ts";
import { Excerpt, type RecordFound } from "../../../journal/excerpt.ts";
import { checkSigners } from "../../../kernels/signature.ts";
import type { Market } from "../../../protocol/typed-data.ts";
import type { StoryEntry } from "../../api/task.ts";
import { type FetchKernel, loadForCheck } from "./load.ts";

export type { FetchKernel } from "./load.ts";

export type CheckedEntry = {
  readonly index: number;
  readonly hash: string;
  /** The hash of its text; null where the viewer may not read that. */
  readonly computed: Hex | null;
  /** Whether it names the hash of the entry before it; unknown where that one is not here. */
  readonly follows: "yes" | "no" | "unknown";
  readonly holds: boolean;
  /** All that does not hold, apart from signatures. */
  readonly why: string | null;
};

export type CheckedSignature = {
  readonly entry: number;
  /** `offer`, `manifest`, `bid`, `award`, `accept`, `result`, `voucher`, `invoice` or `receipt`. */
  readonly what: string;
  /** Who has to have signed it; null where that is not known. */
  readonly by: Hex | null;
  /** What was signed; null where it cannot be computed. */
  readonly digest: Hex | null;
  readonly state: "holds" | "wrong" | "unchecked";
  readonly why: string | null;
};

export type CheckResult = {
  /** Whether nothing was found that does not hold. What could not be checked is no such thing. */
  readonly holds: boolean;
  readonly entries: readonly CheckedEntry[];
  readonly signatures: readonly CheckedSignature[];
};

/**
 * Checks entries of one task, or any others.
 *
 * @param market - of the gateway; null to take it from the entries, where its start or a voucher names it
 * @throws {@link Fault} `kernel_failed` when the kernels cannot run here; whatever `fetchKernel` rejects with
 */
export async function checkEntries(
  entries: readonly StoryEntry[],
  market: Market | null,
  fetchKernel: FetchKernel,
): Promise<CheckResult> {
  await loadOnce(fetchKernel);
  const excerpt = new Excerpt(market);
  const ordered = [...entries].sort((a, b) => a.index - b.index);
  const found = ordered.map((entry) => ({ entry, found: excerpt.take(entry) }));
  const verdicts = checkSigners(found.flatMap(({ found: { claims } }) => claims));
  let from = 0;
  const signatures = found.flatMap(({ entry, found: one }) => {
    const own = verdicts.slice(from, from + one.claims.length);
    from += one.claims.length;
    return signaturesOf(entry.index, one, own);
  });
  const checked = found.map(({ entry, found: one }) => checkedEntry(entry, one));
  const holds = checked.every((one) => one.holds) && signatures.every(({ state }) => state !== "wrong");
  return { holds, entries: checked, signatures };
}

let loaded: Promise<void> | null = null;

function loadOnce(fetchKernel: FetchKernel): Promise<void> {
  loaded ??= loadForCheck(fetchKernel).catch((cause: unknown) => {
    loaded = null;
    throw cause;
  });
  return loaded;
}

function checkedEntry({ index, hash }: StoryEntry, { computed, follows, wrong }: RecordFound): CheckedEntry {
  const why = wrong.length > 0 ? wrong.join("; ") : null;
  return { index, hash, computed, follows, holds: why === null, why };
}

function signaturesOf(
  entry: number,
  { claims, gaps }: RecordFound,
  verdicts: readonly boolean[],
): CheckedSignature[] {
  return [
    ...claims.map(({ what, by, digest, wrong }, at): CheckedSignature => {
      const isRight = verdicts[at] === true;
      return { entry, what, by, digest, state: isRight ? "holds" : "wrong", why: isRight ? null : wrong };
    }),
    ...gaps.map(
      ({ what, by, why }): CheckedSignature => ({ entry, what, by, digest: null, state: "unchecked", why }),
    ),
  ];
}
