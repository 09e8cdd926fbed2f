/** The watch: everything that only looks at the gateway and tells of it. It changes nothing, and nothing waits for it. */
import type { Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import type { Refusal } from "./base/refusal.ts";
import type { State } from "./exchange/state.ts";
import type { Entry } from "./journal/journal.ts";
import type { Desk } from "./operator/api/desk.ts";
import { AlertBoard } from "./operator/watch/alert/board.ts";
import { alertClerks } from "./operator/watch/alert/clerk.ts";
import { logClerks } from "./operator/watch/log/clerks.ts";
import { JournalLog } from "./operator/watch/log/journal-log.ts";
import type { Log } from "./operator/watch/log/log.ts";
import { countedChain } from "./operator/watch/metrics/counted-chain.ts";
import { Meter } from "./operator/watch/metrics/meter.ts";
import { metricsText } from "./operator/watch/metrics/metrics-text.ts";
import { ProcessGauge } from "./operator/watch/metrics/process.ts";
import type { Vitals } from "./operator/watch/vitals.ts";
import type { Chain } from "./settlement/chain.ts";
import { type VitalParts, VitalSigns } from "./vitals.ts";

export type WatchOptions = Omit<VitalParts, "meter"> & {
  readonly chain: Chain;
  readonly log: Log;
  /** Alerts have come or gone. */
  readonly onAlerts: () => void;
  /** Signs were taken, as they are every few seconds. */
  readonly onSigns: (vitals: Vitals) => void;
};

export class Watch {
  readonly board: AlertBoard;
  /** The chain, with its requests counted: what the rooms are to use. */
  readonly chain: Chain;
  readonly #meter: Meter;
  readonly #signs: VitalSigns;
  readonly #journalLog: JournalLog;
  readonly #process: ProcessGauge;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onSigns: WatchOptions["onSigns"];
  readonly #linkOf: (device: Hex) => "mqtt" | "serial" | null;

  constructor(options: WatchOptions) {
    const { state, token, clock, log, market, devices, onAlerts } = options;
    const { decimals } = token;
    const taskOf = (id: Hex) => state.market.tasks.get(id);
    const lanes = [...state.payment.incoming.values(), ...state.payment.outgoing.values()];
    const meter = new Meter({ decimals, lanes, transactions: state.transactions, taskOf });
    this.#meter = meter;
    this.#clock = clock;
    this.#log = log;
    this.#onSigns = options.onSigns;
    this.#linkOf = (device) => devices.of(device)?.link ?? null;
    this.chain = countedChain(options.chain, (method, outcome) => meter.noteRequest(method, outcome));
    this.#signs = new VitalSigns({ ...options, chain: this.chain, meter });
    this.board = new AlertBoard({ vitals: () => this.#signs.take(), onChange: onAlerts });
    this.#process = new ProcessGauge(clock);
    const nameOf = (account: Hex) => nameIn(state, market.gateway, account);
    this.#journalLog = new JournalLog({
      ...{ log, clock, decimals, lanes, taskOf, nameOf },
      ...{ gateway: market.gateway, tasks: state.market.tasks.values() },
    });
  }

  /** Begins to look at what nobody tells. */
  start(): void {
    this.#signs.start(() => {
      this.board.look();
      this.#onSigns(this.#signs.take());
    });
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#process.stop();
    await this.#signs.stop();
  }

  /** The newest block seen, and when; null before the first. */
  get newestBlock(): VitalSigns["newestBlock"] {
    return this.#signs.newestBlock;
  }

  /** The signs of this second. */
  vitals(): Vitals {
    return this.#signs.take();
  }

  /** What the journal has taken in, once it is in the state. */
  noteEntries(entries: readonly Entry[]): void {
    this.#meter.noteEntries(entries);
    this.#journalLog.entries(entries);
  }

  noteRefusal(refusal: Refusal, by: Hex | null, topic: string): void {
    this.#meter.noteRefusal(refusal, by === null ? null : this.#linkOf(by));
    this.#journalLog.refused(refusal, by, topic);
  }

  noteFault(fault: unknown): void {
    this.#meter.noteFault(fault);
    this.#log.fault(fault);
  }

  /** A device is in session, or is no more. */
  noteSession(what: "began" | "ended", session: { readonly device: Hex; readonly origin: string }): void {
    this.#journalLog.session(what, session);
  }

  /** What `/metrics` answers. */
  metrics(): string {
    const figures = this.#process.read();
    return metricsText({ vitals: this.vitals(), meter: this.#meter, figures, node: process.versions.node });
  }

  /** The clerks of alerts and of the log. */
  clerks(): Pick<Desk, "alerts" | "logs" | "setLevel"> {
    return { ...alertClerks({ board: this.board, clock: this.#clock }), ...logClerks(this.#log) };
  }
}

function nameIn({ roster }: State, gateway: Hex, account: Hex): string {
  return account === gateway ? "gateway" : (roster.get(account)?.name ?? account);
}
