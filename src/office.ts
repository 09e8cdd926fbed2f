/**
 * The office: what an operator can ask of a running gateway, through its control socket.
 *
 * Stopping and going on, paying nothing and paying again, settling, its own lanes; and draining, which is how a key or a
 * vault is left behind: no new offers, credit given back, everything claimed, every lane closed.
 */
import type { Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import { Fault } from "./base/fault.ts";
import { formatAmount } from "./base/money.ts";
import type { State } from "./exchange/state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { LineReport } from "./link/serial/lines.ts";
import { openTasks } from "./market/market.ts";
import { clearHalt, readHalt, writeHalt } from "./operator/control/halt-file.ts";
import { type Control, type ControlRequest, startControl, type Verb } from "./operator/control/server.ts";
import { clearStop, dropResume, readStop, stopInForce, writeStop } from "./operator/control/stop-file.ts";
import { reasonText } from "./operator/control/switch-file.ts";
import { type PairParts, pairVerbs } from "./operator/device/pair-verbs.ts";
import { rowOf } from "./operator/doctor/line-row.ts";
import { moneyVerbs } from "./operator/money/verbs.ts";
import { clearRestoredMark, restoredMark, restoredReason } from "./operator/recovery/restored-mark.ts";
import { totalOf } from "./payment/books.ts";
import { claimable, creditOf } from "./payment/payment.ts";
import type { Ask } from "./protocol/ask.ts";
import type { Fact } from "./protocol/facts.ts";
import type { Market } from "./protocol/typed-data.ts";
import type { Settlement } from "./settlement/settlement.ts";

export type OfficeOptions = {
  /** Where the socket and the marks are. */
  readonly data: string;
  readonly market: Market;
  readonly decimals: number;
  readonly clock: Pick<Clock, "now">;
  readonly state: State;
  readonly heartbeat: Pick<Heartbeat, "tell" | "idle">;
  readonly settlement: Settlement;
  /** Opens the wallet in a file. */
  readonly readWallet: PairParts["readWallet"];
  /** Reads roster and wallets again. */
  readonly refresh: PairParts["refresh"];
  /** What connected providers stand by. */
  readonly asks: () => ReadonlyMap<Hex, Ask>;
  /** The serial lines, as they are now. */
  readonly lines: () => readonly LineReport[];
};

export class Office {
  readonly #options: OfficeOptions;
  #control: Control | null = null;
  #pair: Verb = () => Promise.reject(new Fault("usage", "the gateway does not serve yet"));

  constructor(options: OfficeOptions) {
    this.#options = options;
  }

  /**
   * Puts the switches as the folder says: an operator may have turned them while the gateway was off, and a journal that is
   * not the newest there was must not be signed on before others have shown what they hold.
   */
  async heed(): Promise<void> {
    const { data, heartbeat, state } = this.#options;
    await this.#heedStop();
    const mark = restoredMark(data);
    const reason = mark ? restoredReason(mark) : readHalt(data);
    if (reason !== null) await heartbeat.tell({ topic: "halt", reason });
    else await heartbeat.tell({ topic: "resume", reason: "by the operator, while it was off" });
    if (!mark) return;
    for (const { id: task } of [...openTasks(state.market)]) {
      await heartbeat.tell({ topic: "abandoned", task, reason: "the gateway's books were restored" });
    }
  }

  /**
   * Answers from now on.
   *
   * @param boards - know who waits to be paired
   * @param more - what others answer on the control socket
   */
  async open(boards: PairParts["boards"], more: Readonly<Record<string, Verb>>): Promise<void> {
    const { settlement, market, decimals, data, state, clock, readWallet, refresh } = this.#options;
    const transact = settlement.transact.bind(settlement);
    const verbs = moneyVerbs({ settlement, transact, market, decimals });
    const pairing = pairVerbs({ data, market, decimals, clock, boards, readWallet, refresh });
    this.#pair = pairing.pair;
    this.#control = await startControl(data, {
      ...{ ...more, ...verbs, ...pairing },
      status: () => Promise.resolve(this.#status()),
      lines: () => Promise.resolve({ lines: this.#options.lines().map(rowOf) }),
      halt: (request) => this.halt(reasonText(wordIn(request, "reason"))),
      resume: () => this.resume(),
      stopPaying: (request) => this.stopPaying(reasonText(wordIn(request, "reason"))),
      resumePaying: () => this.resumePaying(),
      drain: () => this.#drain(),
      asks: () => Promise.resolve(this.#asks()),
    });
    // whoever found nobody to ask while the gateway started has left a file
    const { stopped } = state.payment;
    if ((stopInForce(data, stopped) === null) !== (stopped === null)) await this.#heedStop();
    // what a stop, or a life that ended early, has left to be paid
    this.#payWages();
  }

  /** Pairs a board that waits, as the verb does. Rejects with `usage` before the office is open. */
  pair(request: ControlRequest): Promise<object> {
    return this.#pair(request);
  }

  async close(): Promise<void> {
    await this.#control?.stop();
  }

  #status(): object {
    const { state, market, decimals } = this.#options;
    const money = (count: bigint) => formatAmount(count, decimals);
    const { books } = state.payment;
    return {
      gateway: market.gateway,
      halted: state.halted,
      stopped: state.payment.stopped,
      openTasks: unfinished(state),
      unclaimedLanes: claimable(state.payment).length,
      openLanes: [...state.payment.outgoing.values()].filter(({ deposit }) => deposit > 0n).length,
      credit: money(totalOf(books, "credit")),
      held: money(totalOf(books, "held")),
      owed: money(totalOf(books, "owed")),
    };
  }

  /** One row for each provider and memory class; of asks that have not expired. */
  #asks(): object {
    const { asks, state, decimals, clock } = this.#options;
    const live = [...asks()].filter(([, { expires }]) => expires > clock.now());
    const rows = live.flatMap(([device, { rates, fuelPerSecond, expires }]) =>
      rates.map(({ memoryMiB, rate }) => {
        const speed = fuelPerSecond.find((one) => one.memoryMiB === memoryMiB)?.fuel ?? null;
        const name = state.roster.get(device)?.name ?? device;
        return { device, name, memoryMiB, rate: rate.toString(), fuelPerSecond: speed, expires };
      }),
    );
    return { decimals, asks: rows };
  }

  /** What the journal says of the switches: the folder's files follow, and what was kept back goes out. */
  note(fact: Fact): void {
    const { data } = this.#options;
    if (fact.kind === "halted") writeHalt(data, fact.reason);
    if (fact.kind === "resumed") clearHalt(data);
    if (fact.kind === "payingStopped") writeStop(data, fact.reason);
    if (fact.kind === "payingResumed") clearStop(data);
    if (fact.kind === "resumed" || fact.kind === "payingResumed") this.#payWages();
  }

  /** Takes no new offers. Throws as `halt-file.ts` does. */
  async halt(reason: string): Promise<object> {
    await this.#options.heartbeat.tell({ topic: "halt", reason });
    return this.#status();
  }

  /** Takes offers again. */
  async resume(): Promise<object> {
    const { data, heartbeat } = this.#options;
    await heartbeat.tell({ topic: "resume", reason: "by the operator" });
    clearRestoredMark(data);
    return this.#status();
  }

  /** Pays nothing from now on. The file comes first: a crash in between rather stops too early than not at all. */
  async stopPaying(reason: string): Promise<object> {
    const { data, heartbeat, state } = this.#options;
    if (state.payment.stopped === null) writeStop(data, reason);
    await heartbeat.tell({ topic: "stopPaying", reason });
    return this.#status();
  }

  /** Pays again, first what is owed; and whoever could not bid is asked again. */
  async resumePaying(): Promise<object> {
    const { heartbeat, state, clock } = this.#options;
    if (state.payment.stopped === null) return this.#status();
    await heartbeat.tell({ topic: "resumePaying", reason: "by the operator" });
    for (const { id: task, state: now } of [...openTasks(state.market)]) {
      if (now === "announced") await heartbeat.tell({ topic: "reopened", task, from: clock.now() });
    }
    return this.#status();
  }

  async #heedStop(): Promise<void> {
    const { data, heartbeat, state } = this.#options;
    const reason = stopInForce(data, state.payment.stopped);
    if (reason === null) {
      await heartbeat.tell({ topic: "resumePaying", reason: "by the operator, while it was off" });
      dropResume(data);
      return;
    }
    await heartbeat.tell({ topic: "stopPaying", reason });
    // a folder that was restored has what the journal says, and no file
    if (readStop(data) === null) writeStop(data, reason);
  }

  #payWages(): void {
    const { state, heartbeat } = this.#options;
    for (const device of state.payment.wages.keys())
      void heartbeat.tell({ topic: "payOut", device, all: false });
  }

  /** One step of a draining; to be repeated until nothing is left. */
  async #drain(): Promise<object> {
    const { state, heartbeat, settlement } = this.#options;
    this.#requirePaying();
    await heartbeat.tell({ topic: "halt", reason: "draining: everything is paid out, claimed and closed" });
    const open = unfinished(state);
    if (open > 0) return { ...this.#status(), closing: 0 };
    // settling tops lanes up, which is over once they begin to close: until then credit goes out lane by lane
    for (let before = 0n, left = this.#credit(); left > 0n && left !== before; ) {
      await settlement.settle({ force: true });
      for (const device of state.roster.keys()) {
        if (creditOf(state.payment, device) > 0n)
          await heartbeat.tell({ topic: "payOut", device, all: true });
      }
      before = left;
      left = this.#credit();
    }
    // what is credit by a stop that came meanwhile needs these lanes
    this.#requirePaying();
    const closing = await settlement.drain();
    return { ...this.#status(), closing: closing.length };
  }

  #requirePaying(): void {
    if (this.#options.state.payment.stopped === null) return;
    throw new Fault("usage", "nothing is paid out while paying is stopped: hirewire resume-paying");
  }

  #credit(): bigint {
    return totalOf(this.#options.state.payment.books, "credit");
  }
}

function wordIn(request: ControlRequest, key: string): string {
  const word = request[key];
  if (typeof word === "string") return word;
  throw new Fault("usage", `expected ${key} to be a text`);
}

/** Tasks that somebody still works on; an unpaid invoice may stay so for ever and holds nothing up. */
function unfinished({ market }: State): number {
  return [...openTasks(market)].filter(({ state }) => state !== "invoiced").length;
}
