/**
 * Lines from the journal: every step of a task in the room that took it, each task's end, each settlement.
 *
 * Rooms that only decide say nothing of themselves: what they have decided stands in the journal, and is told from there.
 * At info there is one line for a task, at its end, and one for a settlement; everything else is debug.
 */
import type { Hex } from "../../../base/bytes.ts";
import type { Clock } from "../../../base/clock.ts";
import { formatAmount } from "../../../base/money.ts";
import type { Refusal } from "../../../base/refusal.ts";
import { taskNamedBy } from "../../../exchange/state.ts";
import type { Entry } from "../../../journal/journal.ts";
import type { Task } from "../../../market/task.ts";
import type { Fact, FactNamed } from "../../../protocol/facts.ts";
import { LOG_ROOMS } from "../../api/log.ts";
import { refusalLines } from "../../refusal-lines.ts";
import { type SettledLane, SettledLanes } from "../settled-lanes.ts";
import { factLine, type LineTerms } from "./fact-line.ts";
import type { Log } from "./log.ts";
import { traceOf } from "./trace.ts";
import { VoucherTraces } from "./voucher-traces.ts";

export type JournalLogOptions = LineTerms & {
  readonly log: Log;
  readonly clock: Pick<Clock, "after">;
  readonly gateway: Hex;
  /** A task as it is after the entries that are told. */
  readonly taskOf: (id: Hex) => Pick<Task, "firmware" | "manifest" | "offeredAt"> | undefined;
  /** Lanes and tasks as they are at the start. */
  readonly lanes: Iterable<SettledLane>;
  readonly tasks: Iterable<Pick<Task, "id" | "end" | "invoice">>;
};

type Step = { readonly entry: Entry; readonly task: Hex | null };

export class JournalLog {
  /** A refusal, at debug; in a flood only their number by code. */
  readonly refused: (refusal: Refusal, by: Hex | null, topic: string) => void;
  readonly #options: JournalLogOptions;
  readonly #vouchers = new VoucherTraces();
  readonly #settled: SettledLanes;

  constructor(options: JournalLogOptions) {
    this.#options = options;
    this.#settled = new SettledLanes(options.lanes);
    for (const { id: task, end, invoice } of options.tasks) {
      for (const { payee, epoch, cumulative } of end?.paidUpTo ?? invoice?.paidUpTo ?? []) {
        this.#vouchers.add({ payer: options.gateway, payee }, { task, epoch, cumulative });
      }
    }
    this.refused = refusalLines((_kind, what) => this.#sayRefused(what), options.clock);
  }

  /** Tells what the journal has taken in, once it is in the state. */
  entries(entries: readonly Entry[]): void {
    const isTalkative = LOG_ROOMS.some((room) => this.#options.log.says(room, "debug"));
    for (const entry of entries) {
      const step = { entry, task: taskNamedBy(entry.facts) };
      if (isTalkative && entry.cause.by !== null) this.#sayHeard(step, entry.cause.by);
      for (const [part, fact] of entry.facts.entries()) {
        this.#remember(step, fact);
        if (isTalkative) this.#sayStep(step, fact, part);
        if (fact.kind === "paid" || fact.kind === "ended") this.#sayEnd(step, fact);
        if (fact.kind === "claimed") this.#saySettled(step, fact);
      }
    }
  }

  /** A device is in session, or is no more. */
  session(
    what: "began" | "ended",
    { device, origin }: { readonly device: Hex; readonly origin: string },
  ): void {
    const { log, nameOf } = this.#options;
    log.say("link", "debug", `session ${what}`, { device: nameOf(device), origin });
  }

  /** What has come over the link, by the command that the record is of. */
  #sayHeard({ entry, task }: Step, by: Hex): void {
    const { log, nameOf } = this.#options;
    const { topic, id, refused } = entry.cause;
    const facts = { device: nameOf(by), topic, id, entry: String(entry.index) };
    const trace = task === null ? undefined : traceOf(task, `${entry.index} heard`);
    log.say("link", "debug", "heard", refused === null ? facts : { ...facts, refused }, trace);
  }

  #sayStep({ entry, task }: Step, fact: Fact, part: number): void {
    const { log, decimals, nameOf } = this.#options;
    const { room, msg, facts } = factLine(fact, this.#options);
    if (!log.says(room, "debug")) return;
    const about = "task" in fact ? fact.task : task;
    const entryFact = { entry: String(entry.index) };
    const step = `${entry.index} ${part}`;
    log.say(
      room,
      "debug",
      msg,
      { ...facts, ...entryFact },
      about === null ? undefined : traceOf(about, step),
    );
    if (!("legs" in fact)) return;
    for (const [at, { payee, role, amount, voucher }] of fact.legs.entries()) {
      const sums = {
        amount: formatAmount(amount, decimals),
        cumulative: formatAmount(voucher.cumulative, decimals),
      };
      const told = { payee: nameOf(payee), role, ...sums, epoch: String(voucher.epoch), ...entryFact };
      log.say("payment", "debug", "voucher signed", told, traceOf(fact.task, `${step} ${at}`));
    }
  }

  /** For which task each voucher was signed. */
  #remember({ task }: Step, fact: Fact): void {
    const { gateway } = this.#options;
    if (fact.kind === "voucherReceived" && task !== null) {
      const { epoch, cumulative } = fact.voucher;
      this.#vouchers.add({ payer: fact.payer, payee: gateway }, { task, epoch, cumulative });
    }
    if (!("legs" in fact)) return;
    for (const { payee, voucher } of fact.legs) {
      const { epoch, cumulative } = voucher;
      this.#vouchers.add({ payer: gateway, payee }, { task: fact.task, epoch, cumulative });
    }
  }

  #sayEnd({ entry }: Step, fact: FactNamed<"paid" | "ended">): void {
    const { log, decimals, nameOf, taskOf } = this.#options;
    if (!log.says("market", "info")) return;
    const task = taskOf(fact.task);
    const state = fact.kind === "paid" ? "paid" : fact.state;
    const provider = fact.kind === "paid" ? { provider: nameOf(fact.provider), fuel: String(fact.fuel) } : {};
    const run = task && {
      firmware: task.manifest?.name ?? task.firmware,
      took: `${((entry.at - task.offeredAt) / 1_000).toFixed(3)} s`,
    };
    const why = fact.kind === "paid" ? {} : { reason: fact.reason };
    const facts = {
      ...{ requester: nameOf(fact.requester), ...provider, ...run },
      ...{ price: formatAmount(fact.price, decimals), fee: formatAmount(fact.fee, decimals), ...why },
      entry: String(entry.index),
    };
    log.say("market", "info", `task ${state}`, facts, traceOf(fact.task, `${entry.index} end`));
  }

  /** One line for all, and one for each task whose voucher the claim has paid. */
  #saySettled({ entry }: Step, fact: FactNamed<"claimed">): void {
    const { log, decimals, nameOf, gateway } = this.#options;
    const { transaction, gasUsed, gasCost } = fact;
    const mined = { transaction, block: String(fact.block) };
    let [earned, paid, lanes] = [0n, 0n, 0];
    for (const lane of fact.lanes) {
      const gain = this.#settled.note(lane);
      if (gain > 0n) lanes++;
      if (lane.payee === gateway) earned += gain;
      else paid += gain;
      for (const { task, cumulative } of this.#vouchers.claimed(lane)) {
        const told = { ...mined, payer: nameOf(lane.payer), payee: nameOf(lane.payee) };
        const facts = { ...told, cumulative: formatAmount(cumulative, decimals), entry: String(entry.index) };
        const trace = traceOf(task, `${entry.index} ${lane.payer} ${lane.payee} ${cumulative}`);
        log.say("settlement", "debug", "voucher settled", facts, trace);
      }
    }
    log.say("settlement", "info", "settled", {
      ...{
        lanes: String(lanes),
        incoming: formatAmount(earned, decimals),
        outgoing: formatAmount(paid, decimals),
      },
      ...{ ...mined, gasUsed: String(gasUsed), gasCost: String(gasCost), entry: String(entry.index) },
    });
  }

  #sayRefused({ code, hint, by, topic, times }: Record<string, unknown>): void {
    const { log, nameOf } = this.#options;
    const many = typeof times === "number" ? { times: String(times) } : {};
    const who = typeof by === "string" ? { device: nameOf(by as Hex) } : {};
    const where = typeof topic === "string" ? { topic } : {};
    log.say("link", "debug", typeof hint === "string" ? `refused: ${hint}` : "refused", {
      ...{ code: String(code), ...who, ...where, ...many },
    });
  }
}
