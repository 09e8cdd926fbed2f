/** Takes the gateway's vital signs: what its rooms are like now, as one plain value. Reads no chain and no journal. */
import { statfsSync } from "node:fs";
import type { Hex } from "./base/bytes.ts";
import { type Clock, type Instant, instant } from "./base/clock.ts";
import type { Amount } from "./base/money.ts";
import type { RefusalCode } from "./base/refusal.ts";
import type { Config } from "./config.ts";
import type { ClockObstacle, State } from "./exchange/state.ts";
import type { Head } from "./journal/journal.ts";
import { isLive, type Traffic } from "./link/broker/traffic.ts";
import type { LineReport } from "./link/serial/lines.ts";
import type { Device } from "./market/roster.ts";
import { isOpen, TASK_STATES, type TaskState } from "./market/task.ts";
import type { Verification } from "./operator/api/settlement.ts";
import { settlementTerms } from "./operator/money/settlement-terms.ts";
import type { DevicePlace } from "./operator/overview/parts.ts";
import { ChainSigns } from "./operator/watch/chain-signs.ts";
import { FolderSize } from "./operator/watch/folder-size.ts";
import type { Meter } from "./operator/watch/metrics/meter.ts";
import { writtenBytes } from "./operator/watch/metrics/process.ts";
import { isLookedAfter, laneSigns, spendSigns } from "./operator/watch/money-signs.ts";
import type { DeviceVital, LineVital, Vitals } from "./operator/watch/vitals.ts";
import { WaitingClaims } from "./operator/watch/waiting-claims.ts";
import { claimable } from "./payment/payment.ts";
import type { Limits } from "./payment/standing.ts";
import type { Market } from "./protocol/typed-data.ts";
import type { Chain } from "./settlement/chain.ts";
import { LOCAL_CHAIN } from "./settlement/token-registry.ts";

export type VitalParts = {
  readonly config: Config;
  readonly version: string;
  readonly market: Market;
  readonly token: { readonly decimals: number; readonly symbol: string };
  readonly clock: Clock;
  readonly chain: Pick<Chain, "head" | "fees" | "gasBalance" | "vaultBalance">;
  readonly state: State;
  readonly head: () => Head;
  readonly meter: Pick<Meter, "faults" | "verdicts" | "noteLinks">;
  readonly devices: Pick<Traffic, "of">;
  /** How many devices are in session. */
  readonly sessions: () => number;
  readonly lines: () => readonly LineReport[];
  readonly traffic: () => { readonly heard: number; readonly said: number };
  readonly refusals: () => ReadonlyMap<RefusalCode, number>;
  readonly placeOf: (device: Hex) => DevicePlace;
  /** All that may ever be signed for a wallet that is kept here; null for a device with its own key. */
  readonly keptCap: (device: Hex) => Amount | null;
  readonly limits: Pick<Limits, "devicePerDay" | "ownerPerDay">;
  /** How the newest walk of the journal went. */
  readonly verification: () => Verification;
  /** The newest block that counts, as settlement has it; null before its first look. */
  readonly finalized: () => number | null;
  /** Why no offers are taken for the sake of time. Without it, nothing ever is in the way. */
  readonly clockObstacle?: () => ClockObstacle | null;
};

/** For how long signs are as good as new, milliseconds. */
const FRESH_MS = 1_000;

/** Of the time, the part that taking signs may need: where there are thousands of lanes they are taken more rarely. */
const PART = 1 / 20;

/** How often they are taken though nobody asks, milliseconds: so that it is known since when something is so. */
const TAKE_EVERY_MS = 5_000;

type Switch = Vitals["halted"];

export class VitalSigns {
  readonly #parts: VitalParts;
  readonly #startedAt: Instant;
  readonly #chain: ChainSigns;
  readonly #folder: FolderSize;
  readonly #waiting: WaitingClaims;
  readonly #terms: ReturnType<typeof settlementTerms>;
  #halted: Switch = null;
  #stopped: Switch = null;
  #newest: Vitals | null = null;
  #freshMs: number = FRESH_MS;
  #stopTimer: () => void = () => undefined;

  constructor(parts: VitalParts) {
    const { config, market, clock, chain, token } = parts;
    this.#parts = parts;
    this.#startedAt = clock.now();
    this.#terms = settlementTerms(config, token.decimals);
    const { pollMs, settleEveryMs: everyMs } = this.#terms;
    this.#chain = new ChainSigns({ chain, clock, account: market.gateway, token: market.token, pollMs });
    this.#folder = new FolderSize(config.data, clock);
    this.#waiting = new WaitingClaims({ everyMs, gateway: market.gateway, startedAt: this.#startedAt });
  }

  /**
   * Goes on looking at what nobody tells: the chain and the size of the folder.
   *
   * @param onTaken - called every few seconds, after signs were taken
   */
  start(onTaken: () => void): void {
    this.#chain.start();
    this.#folder.start();
    const turn = () => {
      this.take();
      onTaken();
      this.#stopTimer = this.#parts.clock.after(TAKE_EVERY_MS, turn);
    };
    this.#stopTimer = this.#parts.clock.after(0, turn);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopTimer();
    await Promise.all([this.#chain.stop(), this.#folder.stop()]);
  }

  /** The newest block seen, and when; null before the first. Costs nothing. */
  get newestBlock(): { readonly time: Instant; readonly readAt: Instant } | null {
    const { head, readAt } = this.#chain.sight;
    return head === null || readAt === null ? null : { time: head.time, readAt };
  }

  /** The signs of this second. */
  take(): Vitals {
    const { clock } = this.#parts;
    const now = clock.now();
    const age = this.#newest === null ? Number.POSITIVE_INFINITY : now - this.#newest.at;
    if (this.#newest !== null && age >= 0 && age < this.#freshMs) return this.#newest;
    this.#newest = this.#read(now);
    this.#freshMs = Math.max(FRESH_MS, (clock.now() - now) / PART);
    return this.#newest;
  }

  #read(now: Instant): Vitals {
    const { state, version, market, token, meter, traffic, refusals, limits, keptCap, config } = this.#parts;
    const here = [...state.roster.values()].filter(({ address }) => this.#parts.placeOf(address) !== "gone");
    const lines = this.#parts.lines().map(lineVital);
    meter.noteLinks(traffic(), lines);
    this.#halted = switched(this.#halted, state.halted, now);
    this.#stopped = switched(this.#stopped, state.payment.stopped, now);
    const { own, claimGas, ...lanes } = laneSigns(state, market.gateway);
    return {
      ...{ at: now, startedAt: this.#startedAt, version, gateway: market.gateway },
      ...{ decimals: token.decimals, symbol: token.symbol, isPlayMoney: market.chainId === LOCAL_CHAIN },
      ...{ halted: this.#halted, stopped: this.#stopped },
      ...{ journal: this.#journal(), ...this.#chainVitals(), ...lanes },
      clockObstacle: this.#parts.clockObstacle?.() ?? null,
      ...{ wallet: this.#wallet(own, claimGas), settlement: this.#settlement(now) },
      sessions: this.#parts.sessions(),
      devices: here.filter(isLookedAfter).map((device) => this.#device(device, now)),
      ...{ lines, traffic: traffic(), disk: diskOf(config) },
      store: { bytes: this.#folder.bytes, writtenBytes: writtenBytes() },
      tasks: taskVitals(state),
      verdicts: meter.verdicts(now),
      ...spendSigns(state, here, { limits, keptCap, now }),
      faults: new Map(meter.faults),
      refusals: new Map(refusals()),
    };
  }

  #journal(): Vitals["journal"] {
    const { head, verification } = this.#parts;
    const { index: entries, hash } = head();
    const { state, endedAt, broken } = verification();
    const intact =
      state === "holds" ? true : state === "broken" ? false : (this.#newest?.journal.intact ?? null);
    const isOver = state === "holds" || state === "broken";
    // while another walk goes on, the one before it still says what is known
    const known = this.#newest?.journal ?? { verifiedAt: null, broken: null };
    const verifiedAt = isOver && endedAt !== null ? instant(endedAt) : known.verifiedAt;
    return { entries, hash, intact, verifiedAt, broken: isOver ? broken : known.broken };
  }

  #chainVitals(): Pick<Vitals, "chain" | "clockOffsetMs"> {
    const { market, finalized } = this.#parts;
    const { head, readAt, clockOffsetMs } = this.#chain.sight;
    const chain = { id: market.chainId, head, finalized: finalized(), readAt };
    return { chain, clockOffsetMs: market.chainId === LOCAL_CHAIN ? null : clockOffsetMs };
  }

  #wallet(lanes: bigint, claimGas: bigint): Vitals["wallet"] {
    const { vault, gas, gasPrice } = this.#chain.sight;
    const price = gasPrice === null ? 0n : gasPrice * claimGas;
    const settlementsLeft = gas === null || price === 0n ? null : Number(gas / price);
    return { vault, lanes, gas, gasPrice, settlementsLeft, gasAlarm: this.#terms.gasAlarm };
  }

  #settlement(now: Instant): Vitals["settlement"] {
    const { state } = this.#parts;
    const { settleEveryMs: everyMs, coinPrice } = this.#terms;
    const { gasPrice } = this.#chain.sight;
    // before gas has a price everything is worth it
    const terms = { gasPrice: gasPrice ?? 0n, coinPrice: gasPrice === null ? null : coinPrice };
    const { since, until } = this.#waiting.note(claimable(state.payment), terms, state.claimedAt, now);
    return {
      everyMs,
      lastAt: state.claimedAt === 0 ? null : state.claimedAt,
      waitingSince: since,
      nextAt: until,
      pending: state.transactions.size,
    };
  }

  #device({ address: device, name, owner }: Device, now: Instant): DeviceVital {
    const traffic = this.#parts.devices.of(device);
    const { link = null, heardAt = null, goneAt = null, sessionSince = null } = traffic ?? {};
    const known = { device, name, owner, link, heardAt };
    if (this.#parts.placeOf(device) === "disabled") {
      const before = this.#newest?.devices.find((one) => one.device === device);
      return { ...known, state: "disabled", since: before?.state === "disabled" ? before.since : now };
    }
    if (isLive(traffic, now)) return { ...known, state: "live", since: sessionSince ?? now };
    return { ...known, state: "silent", since: goneAt ?? heardAt ?? sessionSince ?? this.#startedAt };
  }
}

function switched(before: Switch, reason: string | null, now: Instant): Switch {
  if (reason === null) return null;
  return before?.reason === reason ? before : { reason, since: now };
}

function lineVital({ path, statistics }: LineReport): LineVital {
  const { framesReceived, framesSent, discarded } = statistics;
  const discardedBytes = Object.values(discarded).reduce((sum, bytes) => sum + bytes, 0);
  return { path, framesReceived, framesSent, discardedBytes };
}

function diskOf({ data, disk }: Config): Vitals["disk"] {
  try {
    const { bavail, blocks, bsize } = statfsSync(data);
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize, reserveBytes: disk.reserve };
  } catch {
    return null;
  }
}

function taskVitals({ market }: State): Vitals["tasks"] {
  const states = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>;
  const running = new Map<Hex, { runs: number; name: string | null }>();
  let open = 0;
  for (const task of market.tasks.values()) {
    states[task.state]++;
    if (!isOpen(task)) continue;
    open++;
    const runs = [task.run, task.check].filter((one) => one?.stage === "running").length;
    if (runs === 0) continue;
    const before = running.get(task.firmware);
    running.set(task.firmware, { runs: (before?.runs ?? 0) + runs, name: task.manifest?.name ?? null });
  }
  return { open, states, running };
}
