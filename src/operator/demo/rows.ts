/** The demo's table, from the gateway's facts: one row per task that ended. */
import type { Hex } from "../../base/bytes.ts";
import { decodeFact, type Fact } from "../../protocol/facts.ts";
import type { TaskRow } from "./report.ts";
import { usdt } from "./report.ts";

/** Stands where a name would be. */
export const NOBODY = "–";

/** Follows the facts and gives a row whenever a task ends. */
export class Rows {
  readonly #nameOf: (address: Hex) => string;
  readonly #requesters = new Map<Hex, Hex>();
  readonly #verdicts = new Map<Hex, { rechecked: boolean; by: string }>();
  #count = 0;

  constructor(nameOf: (address: Hex) => string) {
    this.#nameOf = nameOf;
  }

  /** Takes one fact as the gateway has printed it. */
  take(encoded: unknown): TaskRow | null {
    const fact = decodeFact(encoded);
    if (!("task" in fact)) return null;
    this.#note(fact);
    if (fact.kind !== "paid" && fact.kind !== "ended") return null;
    this.#count++;
    const verdict = this.#verdicts.get(fact.task);
    const requester = this.#name(this.#requesters.get(fact.task));
    const common = { number: this.#count, task: fact.task.slice(2, 10), requester };
    this.#verdicts.delete(fact.task);
    this.#requesters.delete(fact.task);
    if (fact.kind === "ended") {
      return {
        ...common,
        provider: NOBODY,
        fuel: 0,
        price: 0n,
        verdict: fact.state,
        payment: `returned: ${fact.reason}`,
      };
    }
    const [answer, ...checks] = fact.legs;
    const extra = checks.map((leg) => ` + ${usdt(leg.amount)} ${this.#name(leg.payee)}`).join("");
    return {
      ...common,
      provider: this.#name(answer?.payee),
      fuel: fact.fuel,
      price: fact.price - fact.checks,
      verdict: verdict?.rechecked ? `accepted, ${verdict.by}` : "accepted",
      payment: `${usdt(answer?.amount ?? 0n)}${extra}`,
    };
  }

  #note(fact: Fact): void {
    if (fact.kind === "offered") this.#requesters.set(fact.task, fact.requester);
    if (fact.kind === "verified") {
      const by = this.#verdicts.get(fact.task)?.by ?? "";
      this.#verdicts.set(fact.task, { rechecked: fact.rechecked, by });
    }
    if (fact.kind === "checked" && fact.rung !== "checker") {
      const by = fact.rung === "rerun" ? "re-run" : "referee";
      this.#verdicts.set(fact.task, { rechecked: false, by });
    }
  }

  #name(address: Hex | undefined): string {
    return address ? this.#nameOf(address) : NOBODY;
  }
}
