/**
 * The meter: counts what happens, from the journal's entries and from what rooms tell. All counts are since the start.
 *
 * It reads no room and no clock: what it is told is all it knows.
 */
import type { Hex } from "../../../base/bytes.ts";
import { type FaultCode, isFault } from "../../../base/fault.ts";
import type { Refusal } from "../../../base/refusal.ts";
import type { Entry } from "../../../journal/journal.ts";
import type { Task } from "../../../market/task.ts";
import type { Fact, FactNamed } from "../../../protocol/facts.ts";
import { type SettledLane, SettledLanes } from "../settled-lanes.ts";
import type { LineVital, Link } from "../vitals.ts";
import { Counts, Durations, FirmwareNames, OTHER } from "./series.ts";
import type { MetricName } from "./table.ts";
import type { Labels, Sample } from "./text.ts";
import { VerdictHour } from "./verdict-hour.ts";

/** Firmware with a name of its own in labels. */
const MOST_FIRMWARE = 100;

/** Claims that may be under way: one at a time, with its replacements. */
const MOST_CLAIMS = 1_000;

export type MeterOptions = {
  /** Decimals of the token. */
  readonly decimals: number;
  /** Lanes as they are at the start: what they have settled before is not counted. */
  readonly lanes: Iterable<SettledLane>;
  /** Transactions that are prepared and not over at the start. */
  readonly transactions: ReadonlyMap<Hex, { readonly purpose: string }>;
  /** A task as it is after the entries that are noted. */
  readonly taskOf: (id: Hex) => Pick<Task, "firmware" | "manifest" | "offeredAt"> | undefined;
};

export class Meter {
  readonly #options: MeterOptions;
  readonly #counts = new Map<MetricName, Counts>();
  readonly #durations = new Durations();
  readonly #firmware = new FirmwareNames(MOST_FIRMWARE);
  readonly #verdicts = new VerdictHour();
  readonly #faults = new Map<FaultCode, number>();
  readonly #settled: SettledLanes;
  readonly #claims = new Set<Hex>();
  readonly #lines = new Map<string, LineVital>();
  readonly #traffic = { heard: 0, said: 0 };
  /** Exact, so that a year of small sums loses nothing. */
  readonly #money = { earned: 0n, spent: 0n, settled: 0n, fees: 0n };

  constructor(options: MeterOptions) {
    const { lanes, transactions } = options;
    this.#options = options;
    this.#settled = new SettledLanes(lanes);
    for (const [hash, { purpose }] of transactions) if (purpose === "claim") this.#claims.add(hash);
  }

  /** Faults by code. */
  get faults(): ReadonlyMap<FaultCode, number> {
    return this.#faults;
  }

  /** Verdicts of the hour before `now`, to within a minute. */
  verdicts(now: number): { readonly accepted: number; readonly rejected: number } {
    return this.#verdicts.at(now);
  }

  /** What the journal has taken in, once it is in the state. */
  noteEntries(entries: readonly Entry[]): void {
    for (const { at, facts } of entries) for (const fact of facts) this.#note(fact, at);
  }

  /** A refusal, and by which link it came; null where that is not known. */
  noteRefusal({ refused: code }: Pick<Refusal, "refused">, link: Link | null): void {
    this.#count("hirewire_link_rejected_messages_total", { link: link ?? "unknown", code });
  }

  noteFault(fault: unknown): void {
    const code = isFault(fault) ? fault.code : "impossible";
    this.#faults.set(code, (this.#faults.get(code) ?? 0) + 1);
  }

  /** A request to the chain is answered, or has failed. */
  noteRequest(method: string, outcome: string): void {
    this.#count("hirewire_chain_requests_total", { method, outcome });
  }

  /**
   * Messages and frames so far. A line that has gone, or that begins anew, takes nothing back.
   *
   * @param traffic - of MQTT, since the start
   */
  noteLinks(traffic: { readonly heard: number; readonly said: number }, lines: readonly LineVital[]): void {
    const frames = (link: Link, direction: "in" | "out", by: number) =>
      this.#count("hirewire_link_frames_total", { link, direction }, by);
    frames("mqtt", "in", grown(traffic.heard, this.#traffic.heard));
    frames("mqtt", "out", grown(traffic.said, this.#traffic.said));
    Object.assign(this.#traffic, traffic);
    const known = new Map(this.#lines);
    this.#lines.clear();
    for (const line of lines) {
      const before = known.get(line.path);
      frames("serial", "in", grown(line.framesReceived, before?.framesReceived ?? 0));
      frames("serial", "out", grown(line.framesSent, before?.framesSent ?? 0));
      const discarded = grown(line.discardedBytes, before?.discardedBytes ?? 0);
      this.#count("hirewire_link_discarded_bytes_total", { link: "serial" }, discarded);
      this.#lines.set(line.path, line);
    }
  }

  /**
   * What firmware is called in labels.
   *
   * @param manifest - the name that its author gives it; null without one
   */
  nameOf(firmware: Hex, manifest: string | null): string {
    return this.#firmware.of(firmware, manifest);
  }

  /** The samples of one of the counted metrics. */
  samples(name: MetricName): readonly Sample[] {
    if (name === "hirewire_task_duration_seconds") return this.#durations.samples(name);
    if (name === "hirewire_faults_total") {
      return [...this.#faults].map(([code, value]) => ({ name, labels: { code }, value }));
    }
    const sum = this.#sumOf(name);
    if (sum !== null) return [{ name, labels: {}, value: Number(sum) / 10 ** this.#options.decimals }];
    return this.#counts.get(name)?.samples(name) ?? [];
  }

  #sumOf(name: MetricName): bigint | null {
    const { earned, spent, settled, fees } = this.#money;
    if (name === "hirewire_earned_usdt_total") return earned;
    if (name === "hirewire_spent_usdt_total") return spent;
    if (name === "hirewire_settled_usdt_total") return settled;
    return name === "hirewire_fees_usdt_total" ? fees : null;
  }

  #count(name: MetricName, labels: Labels, by = 1): void {
    const counts = this.#counts.get(name) ?? new Counts();
    this.#counts.set(name, counts);
    counts.add(labels, by);
  }

  #note(fact: Fact, at: number): void {
    if ("legs" in fact) this.#money.earned += earnedIn(fact);
    if ("postings" in fact) {
      for (const { account, change } of fact.postings) if (account === "fee") this.#money.fees -= change;
    }
    switch (fact.kind) {
      case "withdrawn":
        if (fact.how === "run_timeout") {
          this.#count("hirewire_firmware_timeouts_total", { firmware: this.#firmwareOf(fact.task) });
        }
        break;
      case "verified":
        this.#count("hirewire_verifications_total", { verdict: fact.verdict });
        this.#verdicts.note(fact.verdict, at);
        break;
      case "invoiced":
        this.#noteAnswer(fact, at);
        break;
      case "paid":
        // an invoice has paid its providers before, and its requester has had the answer ready since
        if (fact.legs.length > 0) this.#noteAnswer(fact, at);
        this.#noteEnd(fact, "paid");
        break;
      case "ended":
        this.#noteAnswer(fact, at);
        this.#noteEnd(fact, fact.state);
        break;
      case "transactionPrepared":
        if (fact.purpose === "claim" && this.#claims.size < MOST_CLAIMS) this.#claims.add(fact.transaction);
        break;
      case "transactionMined":
        if (!fact.succeeded) this.#noteClaim(fact.transaction, "reverted");
        break;
      case "transactionDropped":
        this.#noteClaim(fact.transaction, "dropped");
        break;
      case "claimed":
        this.#claims.add(fact.transaction);
        this.#noteClaim(fact.transaction, "claimed");
        for (const lane of fact.lanes) this.#money.settled += this.#settled.note(lane);
        break;
      case "laneObserved":
        this.#noteSeen(fact);
        break;
      default:
    }
  }

  #noteAnswer({ task: id }: { readonly task: Hex }, at: number): void {
    const task = this.#options.taskOf(id);
    if (task) this.#durations.observe({ firmware: this.#firmwareOf(id) }, (at - task.offeredAt) / 1_000);
  }

  #noteEnd({ task, price }: Pick<FactNamed<"paid">, "task" | "price">, outcome: string): void {
    this.#money.spent += price;
    this.#count("hirewire_tasks_total", { firmware: this.#firmwareOf(task), outcome });
  }

  #noteClaim(transaction: Hex, outcome: string): void {
    if (this.#claims.delete(transaction)) this.#count("hirewire_settlements_total", { outcome });
  }

  /** A look may see a claim before its own record comes; what a lane had before it was known is nobody's claim. */
  #noteSeen(lane: SettledLane): void {
    const isKnown = this.#settled.has(lane);
    const gain = this.#settled.note(lane);
    if (isKnown) this.#money.settled += gain;
  }

  #firmwareOf(id: Hex): string {
    const task = this.#options.taskOf(id);
    return task ? this.nameOf(task.firmware, task.manifest?.name ?? null) : OTHER;
  }
}

/** What a payment gives to those who worked: by vouchers, and as credit where their lanes have no room or nothing is paid. */
function earnedIn({ requester, legs, postings }: FactNamed<"paid" | "invoiced" | "ended">): bigint {
  const owed = postings.filter(
    ({ account }) => account.startsWith("credit:") && account !== `credit:${requester}`,
  );
  const credit = owed.reduce((sum, { change }) => sum - change, 0n);
  return legs.reduce((sum, { amount }) => sum + amount, credit);
}

/** How much a counter has grown; one that fell has begun anew. */
function grown(now: number, before: number): number {
  return now >= before ? now - before : now;
}
