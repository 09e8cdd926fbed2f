/**
 * A gateway that starts quickly, for stories that kill it a thousand times: journal, replay, heartbeat, reception, broker,
 * errands and blobs are the real ones, wired as `gateway.ts` does. What a start waits longest for is left out: the
 * chain stands still, and nothing is run; every module gives the digest of its input.
 *
 * `node lean-gateway.ts FOLDER OPTIONS` says one JSON line when it serves: the port, and the journal's head at the start.
 */
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { type Instant, instant, systemClock } from "../../../src/base/clock.ts";
import { isFault } from "../../../src/base/fault.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { folderStore } from "../../../src/blob/folder-store.ts";
import { Errands } from "../../../src/errands.ts";
import { firstDue } from "../../../src/exchange/course.ts";
import { ReadingRights } from "../../../src/exchange/readable.ts";
import { replay, saveSnapshot } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import type { Executor } from "../../../src/firmware/executor.ts";
import { Heartbeat } from "../../../src/heartbeat.ts";
import type { Entry, Journal } from "../../../src/journal/journal.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { checkSigners, signDigest } from "../../../src/kernels/signature.ts";
import { BlobCourier } from "../../../src/link/blob-courier.ts";
import type { Broker, BrokerCallbacks } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import { openTasks } from "../../../src/market/market.ts";
import { DEFAULT_RULES, type MarketRules } from "../../../src/market/rules.ts";
import type { Task } from "../../../src/market/task.ts";
import type { Limits } from "../../../src/payment/standing.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { Reception } from "../../../src/reception.ts";

/** The second argument, as JSON. */
export type LeanOptions = {
  readonly market: Market;
  /** Signs for the market's gateway; its address is not computed, which would take a part of every start. */
  readonly key: Hex;
  readonly devices: readonly Hex[];
  readonly meter: MarketRules["meter"];
};

/** The manufacturer of every device; its serial number is the digits of its address. */
export const MAKER = "acme";
/** On every lane, atomic units: more than a story spends. */
const DEPOSIT = amount(1_000_000_000n);
/** Whoever is awarded something has the time of many lives for it. */
const LEAN_RULES = {
  ...DEFAULT_RULES,
  bidWindowMs: 150,
  acceptMs: 60_000,
  runMs: 60_000,
  inputMs: 60_000,
  maxOpen: 256,
};
const LIMITS: Limits = {
  ...{ onResult: ZERO, credit: amount(1_000_000n), devicePerDay: () => null, ownerPerDay: null },
  ...{ leastWindow: 1, closeMarginMs: 1_000, invoiceMs: 60_000 },
};
const NEVER = instant(Number.MAX_SAFE_INTEGER);
/** Fuel that every run burns. */
export const BURNT = 5 * 10 ** 11;
/** Tasks are announced again once so many providers are there; `gateway.ts` waits for a second, whoever comes. */
const PROVIDERS = 2;
const LOOK_MS = 5;
/** As in `gateway.ts`, for devices that are back sooner. */
const GRACE_MS = 500;
/** Records between two snapshots, counted over many short lives. */
const SNAPSHOT_EVERY = 100;

/** What every run here comes to, and every honest provider delivers: 8 bytes. */
export function answerTo(input: Hex): Uint8Array {
  return Buffer.from(input.slice(2, 18), "hex");
}

/** Runs nothing. */
const executor = {
  cores: 1,
  inspect: () => Promise.resolve({ verdict: "ok", profile: "task/1", memoryMiB: 1 }),
  verify: () => Promise.resolve({ verdict: "ok", valid: true }),
  run: ({ input }: { readonly input: Uint8Array }) =>
    Promise.resolve({ verdict: "ok", output: answerTo(sha256(input)), fuel: BURNT }),
} as unknown as Executor;

class LeanGateway {
  readonly #options: LeanOptions;
  readonly #state: State;
  readonly #journal: Journal;
  readonly #reception: Reception;
  readonly #heartbeat: Heartbeat;
  readonly #rights: ReadingRights;
  #errands: Errands | null = null;
  #unsaved: number;
  readonly #boot = systemClock.now();
  #bidsFrom: Instant = NEVER;
  #stopTimer: () => void = () => undefined;

  constructor(folder: string, options: LeanOptions) {
    const { market, meter } = options;
    this.#options = options;
    this.#journal = openJournal(folder);
    const [journal, clock] = [this.#journal, systemClock];
    const state = replay(journal, market);
    this.#unsaved = journal.head().index - (journal.newestSnapshot()?.index ?? 0);
    this.#state = state;
    this.#rights = new ReadingRights(state.market.tasks);
    const { maxFuel, runMs, feeBasisPoints } = LEAN_RULES;
    this.#reception = new Reception({
      ...{ state, market, clock, decimals: 6, feeBasisPoints },
      firmware: { meter: meter.version, costs: meter.costs, maxFuel, runMs },
      journalIndex: () => journal.head().index,
      admission: {
        admit: (device) => state.roster.get(device) ?? null,
        isEnrolled: (device) => state.roster.has(device),
        known: () => state.roster.values(),
      },
      onRefused: () => undefined,
    });
    const key = fromHex(options.key);
    const signer: Signer = { address: market.gateway, sign: (digest) => signDigest(digest, key) };
    this.#heartbeat = new Heartbeat({
      ...{ state, journal, signer, clock },
      checkSigners: (checks) => Promise.resolve(checkSigners(checks)),
      context: {
        ...{ market, rules: { ...LEAN_RULES, meter }, limits: LIMITS, draw: Math.random },
        salt: () => toHex(crypto.getRandomValues(new Uint8Array(32))),
      },
      bidders: () => this.#reception.bidders(),
      publish: (outgoing) => this.#reception.publish(outgoing),
      onEntries: (entries) => this.#onEntries(entries),
      onRefused: (refusal, by, topic) => this.#reception.count(refusal, by, topic),
      onBroken: die,
    });
  }

  get head(): number {
    return this.#journal.head().index;
  }

  async serve(folder: string): Promise<Broker> {
    await this.#heartbeat.tell({ topic: "observed", facts: this.#opening() });
    const [clock, ownerOf] = [systemClock, (device: Hex): string => device];
    const store = await folderStore(join(folder, "blobs"), {
      ...{ quota: 1e8, ownerQuota: 1e8, retentionMs: 86_400_000, clock, onFault: die },
    });
    const courier = new BlobCourier({
      ...{ store, clock, ownerOf },
      publish: (to, outgoing) => this.#reception.publish({ to, ...outgoing }),
      mayRead: (device, hash) => this.#rights.mayRead(device, hash),
    });
    const { runMs, inputMs } = LEAN_RULES;
    const errands = new Errands({
      ...{ courier, store, ownerOf, executor, clock, runMs, inputMs },
      // a life may begin after the deadline of what it finds
      onFault: (fault) => isFault(fault, "timed_out") || die(fault),
      tell: (command) => this.#heartbeat.tell(command),
      graceUntil: () => instant(this.#boot + GRACE_MS),
      taskOf: (id) => this.#state.market.tasks.get(id),
      onRefused: ({ requester, offerId }, refusal) =>
        this.#reception.refuse(requester, offerId, "offer", refusal),
    });
    this.#errands = errands;
    const common = { listen: [LOOPBACK], market: this.#options.market, clock, boot: this.#boot };
    const start = async (callbacks: BrokerCallbacks) => {
      return { broker: await startEmbeddedBroker({ ...common, callbacks }) };
    };
    const { broker } = await this.#reception.open(start, { commands: this.#heartbeat, courier });
    for (const task of openTasks(this.#state.market)) errands.consider(task);
    return broker;
  }

  /** Goes on with the tasks that nobody was awarded yet. */
  async pickUp(): Promise<void> {
    while (this.#reception.bidders().length < PROVIDERS) await systemClock.sleep(LOOK_MS);
    const from = systemClock.now();
    this.#bidsFrom = from;
    for (const task of openTasks(this.#state.market)) {
      if (task.state !== "announced") continue;
      await this.#heartbeat.tell({ topic: "reopened", task: task.id, from });
    }
    this.#setTimer();
  }

  /** What the first start writes of the devices and their lanes, and every start of itself. */
  #opening(): Fact[] {
    const { market, devices } = this.#options;
    const started: Fact = {
      kind: "gatewayStarted",
      ...market,
      decimals: 6,
      feeBasisPoints: LEAN_RULES.feeBasisPoints,
    };
    if (this.#state.roster.size > 0) return [started];
    const { gateway, token } = market;
    const lane = (payer: Hex, payee: Hex): Fact => {
      const seen = { deposit: DEPOSIT, settled: ZERO, epoch: 0, closeAt: 0, window: 1, block: 1 };
      return { kind: "laneObserved", payer, payee, token, ...seen };
    };
    const lanes = devices.flatMap((device) => [lane(device, gateway), lane(gateway, device)]);
    return [started, ...devices.map(enrolled), ...lanes];
  }

  #onEntries(entries: readonly Entry[]): void {
    for (const fact of entries.flatMap(({ facts }) => facts)) {
      const task = "task" in fact && fact.task !== null ? this.#state.market.tasks.get(fact.task) : undefined;
      if (!task) continue;
      this.#rights.note(task);
      this.#errands?.consider(task);
    }
    this.#unsaved += entries.length;
    if (this.#unsaved >= SNAPSHOT_EVERY) {
      saveSnapshot(this.#journal, this.#state);
      this.#unsaved = 0;
    }
    this.#setTimer();
  }

  #setTimer(): void {
    this.#stopTimer();
    const notBefore = ({ state }: Task) =>
      state === "announced" ? this.#bidsFrom : instant(this.#boot + GRACE_MS);
    const due = firstDue(this.#state, LEAN_RULES.inputMs, notBefore);
    if (!due || due.at === NEVER) return;
    this.#stopTimer = systemClock.after(Math.max(0, due.at - systemClock.now()), () => {
      void this.#heartbeat.tell({ topic: "due", task: due.task }).then(() => this.#setTimer());
    });
  }
}

const LOOPBACK = { scheme: "mqtt", host: "127.0.0.1", port: 0 } as const;

function enrolled(device: Hex): Fact {
  const serialNumber = device.slice(2);
  return {
    kind: "deviceEnrolled",
    device,
    owner: null,
    name: serialNumber,
    manufacturer: MAKER,
    serialNumber,
  };
}

function die(cause: unknown): never {
  process.stderr.write(`${cause instanceof Error ? cause.stack : cause}\n`);
  process.exit(1);
}

if (import.meta.main) {
  const folder = process.argv[2] ?? "";
  const gateway = new LeanGateway(folder, JSON.parse(process.argv[3] ?? "") as LeanOptions);
  const { head } = gateway;
  const { port } = await gateway.serve(folder);
  process.stdout.write(`${JSON.stringify({ port, head })}\n`);
  // a kill writes no cache, and the next start is to be quick
  flushCompileCache();
  await gateway.pickUp();
}
