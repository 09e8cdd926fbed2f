/** The board: which alerts there are now, and since when. It remembers what was on it at the look before. */
import type { Hex } from "../../../base/bytes.ts";
import type { Instant } from "../../../base/clock.ts";
import type { Viewer } from "../../api/access.ts";
import type { AlertRow } from "../../api/alert.ts";
import type { Vitals } from "../vitals.ts";
import { ASK, type Finding } from "./rule.ts";
import { RULE_NAMES, RULES, type RuleName } from "./rules.ts";

export type AlertBoardOptions = {
  readonly vitals: () => Vitals;
  /** An alert has come or gone. */
  readonly onChange?: () => void;
};

type Posted = { readonly row: AlertRow; readonly concern: Finding["concern"] };

export class AlertBoard {
  readonly #options: AlertBoardOptions;
  /** Since when each alert is on the board, by id. */
  #since: ReadonlyMap<string, Instant> = new Map();
  #posted: readonly Posted[] = [];
  #at: Instant | null = null;

  constructor(options: AlertBoardOptions) {
    this.#options = options;
  }

  /** Looks at the vitals and brings the board up to date; the same vitals are looked at once. */
  look(): void {
    const { vitals: take, onChange } = this.#options;
    const vitals = take();
    if (vitals.at === this.#at) return;
    this.#at = vitals.at;
    const before = this.#since;
    const since = new Map<string, Instant>();
    const posted = RULE_NAMES.flatMap((rule) => {
      const isOn = (subject: string | null) => before.has(idOf(rule, subject));
      return RULES[rule].find(vitals, isOn).map((finding) => {
        const id = idOf(rule, finding.subject);
        const from = finding.since ?? before.get(id) ?? vitals.at;
        since.set(id, from);
        return { row: rowOf(rule, id, from, finding), concern: finding.concern };
      });
    });
    this.#since = since;
    this.#posted = posted.toSorted((a, b) => a.row.since - b.row.since).toSorted(pagesFirst);
    const isSame = since.size === before.size && [...since.keys()].every((id) => before.has(id));
    if (!isSame) onChange?.();
  }

  /** The alerts that are a viewer's business, those first that should wake somebody, then by age. */
  alerts({ owner }: Pick<Viewer, "owner">): readonly AlertRow[] {
    this.look();
    if (owner === null) return this.#posted.map(({ row }) => row);
    return this.#posted.flatMap(({ row, concern }) => {
      const told = toldTo(owner, row, concern);
      if (!told) return [];
      // what an action does it does for the whole gateway
      return told.remedy?.kind === "action" ? [{ ...told, mend: ASK, remedy: null }] : [told];
    });
  }
}

function idOf(rule: RuleName, subject: string | null): string {
  return subject === null ? rule : `${rule} ${subject}`;
}

function rowOf(rule: RuleName, id: string, since: Instant, finding: Finding): AlertRow {
  const { what, costs, mend, facts, remedy } = finding;
  return { id, rule, severity: RULES[rule].severity, what, since, costs, mend, facts, remedy };
}

function pagesFirst(a: Posted, b: Posted): number {
  return Number(a.row.severity !== "page") - Number(b.row.severity !== "page");
}

/** The alert as an owner hears of it; null when it is not the owner's business. */
function toldTo(owner: Hex, row: AlertRow, concern: Finding["concern"]): AlertRow | null {
  if (concern === "gateway") return null;
  if ("owners" in concern) return { ...row, ...concern.owners };
  return concern.owner === owner ? row : null;
}
