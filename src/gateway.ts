/**
 * The gateway: builds every room and joins them. Read this first.
 *
 * Bytes come in through the broker and the serial lines, become commands in the heartbeat, facts in the journal, and
 * messages again. Errands and settlement watch the facts and report what they find as commands of their own.
 */

import { Agenda } from "./agenda.ts";
import type { Hex } from "./base/bytes.ts";
import type { Instant } from "./base/clock.ts";
import type { Refusal, RefusalCode } from "./base/refusal.ts";
import { countBlobs } from "./blob-accounts.ts";
import { limitsOf, marketRules } from "./config.ts";
import { Custody } from "./custody.ts";
import { type Door, openDoor } from "./door.ts";
import { Enrolment } from "./enrolment.ts";
import { Errands } from "./errands.ts";
import { isHouse } from "./exchange/addressee.ts";
import { ReadingRights } from "./exchange/readable.ts";
import type { State } from "./exchange/state.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Entry, Journal } from "./journal/journal.ts";
import { BlobCourier } from "./link/blob-courier.ts";
import type { BrokerCallbacks } from "./link/broker/broker.ts";
import type { MarketRules } from "./market/rules.ts";
import { Obstacles } from "./obstacles.ts";
import { Office } from "./office.ts";
import { type Opened, openHouse } from "./opening.ts";
import { Operations } from "./operations.ts";
import { settlementTerms } from "./operator/money/settlement-terms.ts";
import { parseWallet } from "./operator/wallet-folder.ts";
import { allAt, Log } from "./operator/watch/log/log.ts";
import { creditOf } from "./payment/payment.ts";
import type { Fact } from "./protocol/facts.ts";
import type { Market } from "./protocol/typed-data.ts";
import { Reception } from "./reception.ts";
import { type Settled, Settlement } from "./settlement/settlement.ts";
import { recheckToken } from "./settlement/token-probe.ts";
import { LOCAL_CHAIN } from "./settlement/token-registry.ts";
import { Snapshots } from "./snapshots.ts";

/** How long a group of commands gathers for each open task, milliseconds: one alone hardly waits, fifty share a commit. */
const BREATH_MS = 2;

export class Gateway {
  readonly market: Market;
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #state: State;
  readonly #journal: Journal;
  readonly #house: Opened;
  readonly #heartbeat: Heartbeat;
  readonly #custody: Custody;
  readonly #courier: BlobCourier;
  readonly #errands: Errands;
  readonly #rights: ReadingRights;
  readonly #settlement: Settlement;
  readonly #office: Office;
  readonly #operations: Operations;
  readonly #obstacles: Obstacles;
  readonly #enrolment: Enrolment;
  readonly #snapshots: Snapshots;
  readonly #boot: Instant;
  readonly #reception: Reception;
  #door: Door | null = null;
  readonly #agenda: Agenda;

  /** Opens everything a gateway needs, and starts serving. Throws what {@link openHouse} throws, and `port_busy`. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { config, signer, clock, version = "" } = options;
    const log = options.log ?? new Log({ clock, levels: allAt("info"), form: "json", write: null });
    const onFault = (fault: unknown) => options.onFault?.(fault);
    const say = (line: string) => {
      log.say("gateway", "info", line);
      options.onOpening?.(line);
    };
    const house = await openHouse({ config, signer, clock, version, say, onFault });
    try {
      const gateway = new Gateway(options, house, log);
      await gateway.#serve().catch(async (fault: unknown) => {
        await gateway.#quiet();
        throw fault;
      });
      return gateway;
    } catch (fault) {
      await house.close();
      throw fault;
    }
  }

  private constructor(options: GatewayOptions, house: Opened, log: Log) {
    const { config, signer, clock, draw, salt } = options;
    const { market, journal, state, store, executor, signatures, token } = house;
    const { decimals } = token;
    const rules = marketRules(config);
    const limits = limitsOf(config, decimals, (device) => this.#enrolment.perDay(device));
    const onFault = this.#told.bind(this);
    this.#options = options;
    this.#log = log;
    this.market = market;
    this.#house = house;
    this.#journal = journal;
    this.#state = state;
    this.#snapshots = new Snapshots({ journal, state, onFault });
    this.#boot = clock.now();
    this.#operations = this.#openOperations(onFault);
    this.#obstacles = this.#watchObstacles(rules.acceptMs + rules.runMs);
    const obstacle = () => this.#obstacles.current;
    const { chain } = this.#operations;
    this.#enrolment = new Enrolment({
      ...{ config, market, decimals, state, chain, clock, onFault },
      readSecret: options.readSecret,
      record: (facts) => this.#heartbeat.tell({ topic: "observed", facts }),
      onChange: (isGrown) => this.#rosterChanged(isGrown),
    });
    this.#reception = this.#openReception(rules);
    const publish = this.#reception.publish.bind(this.#reception);
    this.#heartbeat = new Heartbeat({
      ...{ state, journal, signer, clock },
      checkSigners: (checks) => signatures.check(checks),
      context: { market, rules, draw, salt, limits },
      obstacle,
      bidders: () => this.#reception.bidders(),
      breathMs: () => BREATH_MS * (state.market.tasks.size - state.market.ended.size),
      publish,
      onEntries: (entries) => this.#onEntries(entries),
      onRefused: (refusal, by, topic) => this.#reception.count(refusal, by, topic),
      onBroken: options.onBroken,
    });
    this.#custody = this.#openCustody(onFault);
    const tell = this.#heartbeat.tell.bind(this.#heartbeat);
    this.#rights = new ReadingRights(state.market.tasks);
    const ownerOf = (device: Hex) => this.#ownerOf(device);
    this.#courier = new BlobCourier({
      ...{ store, clock, ownerOf },
      publish: (to, outgoing) => publish({ to, ...outgoing }),
      // our own requester names what is kept here already, and has nothing to hand over
      mayRead: (device, hash) => isHouse(state, device) || this.#rights.mayRead(device, hash),
    });
    const { runMs, inputMs, maxDeadlineMs } = rules;
    const [heartbeat, errands] = [this.#heartbeat, () => this.#errands];
    this.#agenda = new Agenda({ state, clock, heartbeat, errands, inputMs, maxDeadlineMs, obstacle });
    this.#errands = new Errands({
      ...{ courier: this.#courier, store, ownerOf, executor, clock, runMs, inputMs, tell, onFault },
      graceUntil: () => this.#agenda.graceUntil,
      taskOf: (id) => state.market.tasks.get(id),
      onRefused: ({ requester, offerId }, refusal) =>
        this.#reception.refuse(requester, offerId, "offer", refusal),
    });
    this.#settlement = this.#openSettlement(onFault);
    this.#office = this.#openOffice(decimals);
  }

  #openReception({ meter, maxFuel, runMs, feeBasisPoints }: MarketRules): Reception {
    const { market, journal, state, token } = this.#house;
    return new Reception({
      ...{ state, market, clock: this.#options.clock, decimals: token.decimals, feeBasisPoints },
      firmware: { meter: meter.version, costs: meter.costs, maxFuel, runMs },
      journalIndex: () => journal.head().index,
      admission: this.#enrolment,
      onRefused: (refusal, by, topic) => this.#refused(refusal, by, topic),
      onSession: (what, session) => this.#operations.noteSession(what, session),
    });
  }

  #openOffice(decimals: number): Office {
    const { config, clock, readSecret } = this.#options;
    return new Office({
      ...{ data: config.data, market: this.market, decimals, clock, state: this.#state },
      ...{ heartbeat: this.#heartbeat, settlement: this.#settlement, asks: () => this.#reception.asks() },
      lines: () => this.#door?.lines ?? [],
      readWallet: (path) => parseWallet(readSecret(path), path),
      refresh: () => this.#enrolment.refresh(),
    });
  }

  #openOperations(onFault: (fault: unknown) => void): Operations {
    const { config, clock, readSecret, version = "" } = this.#options;
    return new Operations({
      ...{ config, clock, readSecret, version, onFault, house: this.#house, log: this.#log },
      obstacle: () => this.#obstacles.current,
      clockObstacle: () => this.#obstacles.ofClock,
      rooms: () => ({
        ...{ reception: this.#reception, enrolment: this.#enrolment, custody: this.#custody },
        ...{ settlement: this.#settlement, office: this.#office, door: this.#door },
      }),
    });
  }

  #watchObstacles(longestRunMs: number): Obstacles {
    const { config, clock, time = null } = this.#options;
    const isLocal = this.market.chainId === LOCAL_CHAIN;
    return new Obstacles({
      ...{ config, clock, time, state: this.#state, longestRunMs },
      newestBlock: () => (isLocal ? null : this.#operations.newestBlock),
      onFault: (fault) => this.#told(fault),
      onChange: () => this.#agenda.look(),
      onStep: () => void this.#agenda.stepped(),
      say: (line) => this.#log.say("gateway", "info", line),
    });
  }

  #openCustody(onFault: (fault: unknown) => void): Custody {
    const { state, market, token } = this.#house;
    return new Custody({
      ...{ state, market, decimals: token.decimals, heartbeat: this.#heartbeat, onFault },
      keptWallet: (device) => this.#enrolment.keptWallet(device),
      refuse: (device, id, topic, refusal) => this.#reception.refuse(device, id, topic, refusal),
    });
  }

  #openSettlement(onFault: (fault: unknown) => void): Settlement {
    const { config, clock, transactionSigner } = this.#options;
    const { token, state, market } = this.#house;
    const { chain } = this.#operations;
    return new Settlement({
      ...{ chain, market, clock, onFault, signer: transactionSigner },
      ...settlementTerms(config, token.decimals),
      ledger: {
        ...{ payment: state.payment, transactions: state.transactions },
        devices: () => [...state.roster.keys()],
        isFunded: (device) => this.#enrolment.isFunded(device),
        claimedAt: () => state.claimedAt,
      },
      since: BigInt(state.lookedAt),
      recheckToken: async () => void (await recheckToken(chain, token)),
      record: (facts) => this.#heartbeat.tell({ topic: "observed", facts }),
    });
  }

  /** The port of the broker's first listener. */
  get port(): number {
    return this.#door?.broker.port ?? 0;
  }

  /** Where devices reach the gateway, a URL each. */
  get urls(): readonly string[] {
    return this.#door?.broker.urls ?? [];
  }

  /** Where the page is; null while there is none. */
  get page(): string | null {
    return this.#operations.url;
  }

  /** A link that opens the page once, as an operator, within ten minutes; null while there is no page. */
  invite(): string | null {
    return this.#operations.invite();
  }

  /** What the gateway knows; read it, never change it. */
  get state(): State {
    return this.#state;
  }

  /** Refusals by code since the start. */
  get refusals(): ReadonlyMap<RefusalCode, number> {
    return this.#reception.refusals;
  }

  /** Messages from and to devices since the start. */
  get traffic(): { readonly heard: number; readonly said: number } {
    return this.#reception.traffic;
  }

  /** How it is, in one line. */
  get status(): string {
    const { tasks, ended } = this.#state.market;
    const sessions = this.#door?.broker.sessions().length ?? 0;
    const entries = this.#journal.head().index.toLocaleString("en-US");
    const held = this.#obstacles.current;
    const open = tasks.size - ended.size;
    return `${open} tasks open, ${sessions} sessions, ${entries} entries${held ? `; no offers are taken: ${held}` : ""}`;
  }

  /** Resolves once a command has gone through the whole heartbeat. It writes nothing. */
  probe(): Promise<void> {
    return this.#heartbeat.tell({ topic: "observed", facts: [] });
  }

  /** Claims every voucher that is worth more than the chain has paid. */
  async settle(): Promise<Settled[]> {
    await this.#heartbeat.idle();
    return this.#settlement.settle({ force: true });
  }

  /** Stops admitting, finishes what is being written, and frees everything. */
  async stop(): Promise<void> {
    await this.#quiet();
    this.#snapshots.save();
    await this.#house.close();
  }

  async #quiet(): Promise<void> {
    this.#agenda.close();
    await this.#obstacles.stop();
    await this.#enrolment.stop();
    await this.#office.close();
    this.#errands.stop();
    // each may wait for a chain that does not answer: not one after the other
    await Promise.all([this.#operations.stop(), this.#settlement.stop()]);
    await this.#door?.close();
    this.#custody.stop();
    await this.#heartbeat.idle();
  }

  async #serve(): Promise<void> {
    const { config, clock } = this.#options;
    const obstaclesKnown = this.#obstacles.start();
    await this.#heartbeat.tell({ topic: "observed", facts: [this.#started()] });
    await this.#office.heed();
    await this.#enrolment.start();
    await this.#settlement.start();
    const { market } = this;
    const { readSecret } = this.#options;
    const onFault = this.#told.bind(this);
    const secretOf = (device: Hex) => this.#custody.secretOf(device);
    const open = (callbacks: BrokerCallbacks) => {
      const all = { ...callbacks, secretOf };
      return openDoor({ config, market, clock, boot: this.#boot, callbacks: all, readSecret, onFault });
    };
    await obstaclesKnown;
    this.#door = await this.#reception.open(open, { commands: this.#custody, courier: this.#courier });
    await this.#agenda.open();
    await countBlobs(this.#house.store, this.#state.market, (device) => this.#ownerOf(device));
    await this.#operations.start();
    await this.#office.open(this.#door.broker, this.#operations.verbs);
  }

  #started(): Fact {
    const { gateway, chainId, vault, token } = this.market;
    const { decimals } = this.#house.token;
    const { fee_basis_points: feeBasisPoints } = this.#options.config.market;
    return { kind: "gatewayStarted", gateway, chainId, vault, token, decimals, feeBasisPoints };
  }

  #told(fault: unknown): void {
    this.#operations.noteFault(fault);
    this.#options.onFault?.(fault);
  }

  #refused(refusal: Refusal, by: Hex | null, topic: string): void {
    this.#operations.noteRefusal(refusal, by, topic);
    this.#options.onRefused?.(refusal, by, topic);
  }

  async #rosterChanged(isGrown: boolean): Promise<void> {
    this.#reception.dismiss((device) => this.#custody.isEstranged(device));
    this.#custody.forgetFormer();
    if (isGrown && this.#door) await this.#settlement.refresh();
  }

  /** On whose account a device's blobs are kept: who owns it, or the device itself. */
  #ownerOf(device: Hex): string {
    return this.#state.roster.get(device)?.owner ?? device;
  }

  #onEntries(entries: readonly Entry[]): void {
    for (const entry of entries) {
      for (const fact of entry.facts) {
        this.#office.note(fact);
        const task = "task" in fact ? this.#state.market.tasks.get(fact.task) : undefined;
        if (task) {
          this.#rights.note(task);
          this.#errands.consider(task);
        }
        const lanes = fact.kind === "claimed" ? fact.lanes : fact.kind === "laneObserved" ? [fact] : [];
        for (const lane of lanes) this.#laneChanged(lane);
      }
    }
    this.#snapshots.note(entries.length);
    this.#operations.noteEntries(entries);
    this.#options.onEntries?.(entries);
    this.#agenda.look();
  }

  /** A device hears what its lane is like; and credit may go back to it that had no room before. */
  #laneChanged({ payer, payee }: { readonly payer: Hex; readonly payee: Hex }): void {
    const device = payer === this.market.gateway ? payee : payer;
    this.#reception.laneChanged(device);
    if (creditOf(this.#state.payment, device) > 0n) {
      void this.#heartbeat.tell({ topic: "payOut", device, all: false });
    }
  }
}
