/**
 * Operations: what the people see and do who run the gateway. Read tables, alerts, metrics and the log look at the rooms;
 * the desk answers for page, API and command line. No money waits for any of it.
 */
import { join } from "node:path";
import type { Hex } from "./base/bytes.ts";
import { type Clock, type Instant, instant } from "./base/clock.ts";
import { Fault, isFault } from "./base/fault.ts";
import type { Refusal } from "./base/refusal.ts";
import { type Config, limitsOf, marketRules, SETTINGS } from "./config.ts";
import type { Custody } from "./custody.ts";
import { askVerb, settlementClerks } from "./desk.ts";
import type { Door } from "./door.ts";
import type { Enrolment } from "./enrolment.ts";
import type { ClockObstacle, Obstacle } from "./exchange/state.ts";
import type { Entry, Journal } from "./journal/journal.ts";
import type { Office } from "./office.ts";
import type { Opened } from "./opening.ts";
import { actionClerks } from "./operator/action/clerks.ts";
import { TestTasks } from "./operator/action/test-tasks.ts";
import type { Desk } from "./operator/api/desk.ts";
import type { List } from "./operator/api/live.ts";
import { type Archivist, openArchivist } from "./operator/archive/archivist.ts";
import type { Verb } from "./operator/control/server.ts";
import { Feed } from "./operator/feed.ts";
import { overviewClerks } from "./operator/overview/clerks.ts";
import { statusText } from "./operator/overview/status-text.ts";
import { TaskTimes } from "./operator/overview/task-times.ts";
import { projectRoot } from "./operator/project-root.ts";
import { backupByProcess } from "./operator/recovery/backup-process.ts";
import { BackupSchedule } from "./operator/recovery/backup-schedule.ts";
import { settingsClerks } from "./operator/setup/clerk.ts";
import { settingsOf } from "./operator/setup/origins.ts";
import { verifyClerks } from "./operator/verify/clerks.ts";
import { Walks } from "./operator/verify/walk.ts";
import { openViews, type Views } from "./operator/views/views.ts";
import type { Log } from "./operator/watch/log/log.ts";
import type { Vitals } from "./operator/watch/vitals.ts";
import { Access } from "./operator/web/access.ts";
import { loginLink, loginVerb } from "./operator/web/login-verb.ts";
import { startWeb, type Web } from "./operator/web/web.ts";
import type { Reception } from "./reception.ts";
import type { Chain } from "./settlement/chain.ts";
import { chainName, nativeCoin } from "./settlement/native-coin.ts";
import type { Settlement } from "./settlement/settlement.ts";
import { Watch } from "./watch.ts";

/** The rooms that are looked at. They are made after operations, which count what the chain is asked. */
export type Rooms = {
  readonly reception: Reception;
  readonly enrolment: Enrolment;
  readonly custody: Custody;
  readonly settlement: Settlement;
  readonly office: Office;
  /** Null until it is open. */
  readonly door: Door | null;
};

export type OperationsOptions = {
  readonly config: Config;
  readonly house: Opened;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly readSecret: (path: string) => string;
  readonly onFault: (fault: unknown) => void;
  readonly rooms: () => Rooms;
  /** What keeps this machine from taking new work on, and what of it is for the sake of time. Without them, nothing is. */
  readonly obstacle?: () => Obstacle | null;
  readonly clockObstacle?: () => ClockObstacle | null;
};

/** What a record may change that somebody looks at. */
const CHANGED: readonly List[] = ["settlements", "tasks", "lanes", "devices", "prices", "logs"];

export class Operations {
  /** The chain with its requests counted: what the rooms are to use. */
  readonly chain: Chain;
  readonly #options: OperationsOptions;
  readonly #watch: Watch;
  readonly #feed: Feed;
  readonly #access: Access;
  readonly #walks: Walks;
  readonly #taskTimes: TaskTimes;
  readonly #backups: BackupSchedule;
  #archivist: Archivist | null = null;
  #views: Views | null = null;
  #isStopped: boolean = false;
  #desk: Desk | null = null;
  #web: Web | null = null;

  constructor(options: OperationsOptions) {
    const { config, house, clock, onFault } = options;
    this.#options = options;
    this.#feed = new Feed({ clock });
    this.#access = new Access({ folder: config.data, clock, onFault });
    this.#watch = this.#openWatch();
    this.chain = this.#watch.chain;
    this.#taskTimes = new TaskTimes(house.state.market.tasks);
    this.#walks = new Walks({
      ...{ data: config.data, clock, onFault },
      lanes: (keys) => this.chain.lanes(keys),
      onProgress: () => this.#feed.note("verification"),
    });
    this.#backups = new BackupSchedule({
      ...{ settings: config, gateway: house.market.gateway, clock, onFault },
      head: () => house.journal.head(),
      make: backupByProcess(config.file),
      onMade: (folder) => this.#options.log.say("operator", "info", `a backup is in ${folder}`),
    });
  }

  /** Where the page is; null while there is none. */
  get url(): string | null {
    return this.#web?.url ?? null;
  }

  /** The newest block seen, and when; null before the first. */
  get newestBlock(): Watch["newestBlock"] {
    return this.#watch.newestBlock;
  }

  /** A link that opens the page once, as an operator, within ten minutes; null while there is no page. */
  invite(): string | null {
    if (this.url === null) return null;
    return loginLink(this.url, this.#access.invite({ role: "operator", owner: null }).token);
  }

  /** What only operations answer on the control socket. */
  get verbs(): Readonly<Record<"ask" | "login", Verb>> {
    return { ask: askVerb(this.#openedDesk()), ...loginVerb(this.#access, () => this.url) };
  }

  /** Begins to look and to keep the store in order, and opens the page; one that cannot be opened is told, and the gateway goes on without it. */
  async start(): Promise<void> {
    const { config, onFault } = this.#options;
    this.#watch.start();
    this.#backups.start();
    if (config.disk.archive === "month") this.#archivist = this.#openArchivist();
    if (config.operator.listen === "") return;
    try {
      this.#web = await this.#openWeb();
      if (this.#web.notice !== null) this.#options.log.say("operator", "warn", this.#web.notice);
      this.#walks.onceIdle();
    } catch (fault) {
      onFault(fault);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#web?.close();
    this.#feed.close();
    await Promise.all([this.#walks.close(), this.#backups.stop(), this.#archivist?.close()]);
    await this.#watch.stop();
    await this.#views?.close();
  }

  /** What the journal has taken in, once it is in the state. */
  noteEntries(entries: readonly Entry[]): void {
    this.#taskTimes.note(entries);
    this.#watch.noteEntries(entries);
    const newest = entries.at(-1);
    if (!newest) return;
    this.#views?.noted(newest.index);
    this.#feed.note(...CHANGED);
  }

  noteRefusal(refusal: Refusal, by: Hex | null, topic: string): void {
    this.#watch.noteRefusal(refusal, by, topic);
    this.#feed.note("devices", "logs");
  }

  noteFault(fault: unknown): void {
    this.#watch.noteFault(fault);
    this.#feed.note("logs");
  }

  /** A device is in session, or is no more. */
  noteSession(what: "began" | "ended", session: { readonly device: Hex; readonly origin: string }): void {
    this.#watch.noteSession(what, session);
    this.#feed.note("devices", "logs");
  }

  #openArchivist(): Archivist {
    const { config, clock, log, onFault } = this.#options;
    return openArchivist({
      ...{ data: config.data, reserve: config.disk.reserve, clock, onFault },
      onDone: ({ periods }) => {
        for (const { first, last, file } of periods)
          log.say("operator", "info", `entries ${first} to ${last} are in ${file} of the archive`);
      },
    });
  }

  #openWatch(): Watch {
    const { config, house, clock, log, version, rooms } = this.#options;
    const { market, state, journal, token, chain } = house;
    return new Watch({
      ...{ config, version, market, clock, chain, state, log },
      token: { decimals: token.decimals, symbol: "USDT" },
      head: () => journal.head(),
      devices: { of: (device) => rooms().reception.devices.of(device) },
      sessions: () => rooms().door?.broker.sessions().length ?? 0,
      lines: () => rooms().door?.lines ?? [],
      traffic: () => rooms().reception.traffic,
      refusals: () => rooms().reception.refusals,
      placeOf: (device) => this.#placeOf(device),
      keptCap: (device) => rooms().enrolment.keptWallet(device)?.cap ?? null,
      limits: this.#limits(),
      verification: () => this.#walks.newest(),
      finalized: () => rooms().settlement.sight().confirmed || null,
      clockObstacle: () => this.#options.clockObstacle?.() ?? null,
      onAlerts: () => this.#feed.note("alerts"),
      onSigns: (vitals) => this.#tellSight(vitals),
    });
  }

  #placeOf(device: Hex): "enrolled" | "disabled" | "gone" {
    const { enrolment } = this.#options.rooms();
    if (enrolment.isDisabled(device)) return "disabled";
    return enrolment.isEnrolled(device) ? "enrolled" : "gone";
  }

  #limits() {
    const { config, house, rooms } = this.#options;
    return limitsOf(config, house.token.decimals, (device) => rooms().enrolment.perDay(device));
  }

  /** Read tables are made when they are first asked for: a gateway that nobody looks at has none. */
  #openedViews(): Views {
    const { config, house, clock, onFault } = this.#options;
    // a question that came before the stop must not open what nobody closes any more
    if (this.#isStopped && this.#views === null) throw new Fault("executor_died", "the gateway stops");
    this.#views ??= openViews({
      ...{ data: config.data, clock, explorer: config.operator.explorer, onFault },
      onRead: () => this.#feed.note("settlements", "tasks"),
    });
    this.#views.noted(house.journal.head().index);
    return this.#views;
  }

  /** What the journal does not tell yet: how deep the transaction lies that waits to count. */
  #tellSight({ chain: { head } }: Vitals): void {
    const { mined } = this.#options.rooms().settlement.sight();
    const { confirmations } = this.#options.config.chain;
    if (head === null) return;
    this.#views?.sight({
      head: head.block,
      needed: confirmations === "finalized" ? null : confirmations,
      mined,
    });
  }

  #openedDesk(): Desk {
    this.#desk ??= this.#newDesk();
    return this.#desk;
  }

  #newDesk(): Desk {
    const { config, house, clock, onFault, rooms } = this.#options;
    const { market, state, journal, token, store } = house;
    const { reception, enrolment, custody, settlement, office } = rooms();
    const { decimals } = token;
    const tests = new TestTasks({
      ...{ data: config.data, market, decimals, rules: marketRules(config), state, clock, store },
      ...{ reception, custody, enrolment, onFault },
      obstacle: () => this.#options.obstacle?.() ?? null,
    });
    const limits = this.#limits();
    const views = lazily(() => this.#openedViews());
    return {
      ...settlementClerks(views),
      ...overviewClerks({
        place: {
          ...{
            name: config.name,
            chainName: chainName(market.chainId),
            gasSymbol: nativeCoin(market.chainId),
          },
          ...{ market, beganAt: beginningOf(journal, clock) },
        },
        ...{ clock, state, devices: reception.devices, views, limits, taskTimes: this.#taskTimes, onFault },
        lines: () => rooms().door?.lines ?? [],
        asks: () => reception.asks(),
        vitals: () => this.#watch.vitals(),
        alerts: (viewer) => this.#watch.board.alerts(viewer),
        standingOf: (device) => this.#placeOf(device),
        keptCap: (device) => enrolment.keptWallet(device)?.cap ?? null,
        claimBy: (lane) => settlement.claimBy(lane),
        testTask: (device) => tests.readiness(device),
      }),
      ...verifyClerks({ walks: this.#walks, journal }),
      ...this.#watch.clerks(),
      ...settingsClerks(config.file, () => settingsOf(config, SETTINGS, config.origins)),
      ...actionClerks({
        ...{ data: config.data, market, decimals, chain: this.chain, state, settlement, tests },
        ...{ ownerPerDay: limits.ownerPerDay, switches: office, pair: (request) => office.pair(request) },
        waiting: () => rooms().door?.broker.waiting() ?? [],
        refresh: () => enrolment.refresh(),
      }),
    };
  }

  #openWeb(): Promise<Web> {
    const { config, clock, onFault, readSecret } = this.#options;
    const desk = this.#openedDesk();
    const folder = join(projectRoot(), "build");
    return startWeb({
      ...{
        settings: config.operator,
        desk,
        feed: this.#feed,
        access: this.#access,
        clock,
        onFault,
        readSecret,
      },
      ...{ pageFolder: join(folder, "page"), kernelFolder: join(folder, "kernels") },
      exportRows: (query, { owner }) => this.#openedViews().exportRows(query, owner),
      metricsText: () => this.#watch.metrics(),
      statusText: async (viewer, language) => {
        const asked = { params: {}, input: { period: "day" as const, offset: 0 } };
        return statusText(await desk.overview(asked, viewer), language);
      },
    });
  }
}

/** When the journal begins; now where its oldest entries are in an archive file that is not here. */
function beginningOf(journal: Pick<Journal, "entry">, clock: Clock): Instant {
  try {
    return instant(journal.entry(1)?.at ?? clock.now());
  } catch (fault) {
    if (!isFault(fault)) throw fault;
    return clock.now();
  }
}

/** Views that are opened by the first question. */
function lazily(open: () => Views): Pick<Views, LazyQuestion> {
  return {
    read: () => open().read(),
    page: (...asked) => open().page(...asked),
    choices: (...asked) => open().choices(...asked),
    detail: (...asked) => open().detail(...asked),
    story: (...asked) => open().story(...asked),
    endedTasks: (...asked) => open().endedTasks(...asked),
    sums: (...asked) => open().sums(...asked),
    slices: (...asked) => open().slices(...asked),
    perDevice: (...asked) => open().perDevice(...asked),
    prices: (...asked) => open().prices(...asked),
  };
}

type LazyQuestion =
  | ("page" | "choices" | "detail" | "story" | "endedTasks")
  | ("sums" | "slices" | "perDevice" | "prices" | "read");
