/** Clerks of the first screen over a real exchange: two fleets on one gateway, or one alone. */
import type { Hex } from "../../../src/base/bytes.ts";
import { type Instant, instant } from "../../../src/base/clock.ts";
import { amount, formatAmount } from "../../../src/base/money.ts";
import { Traffic } from "../../../src/link/broker/traffic.ts";
import type { Viewer } from "../../../src/operator/api/access.ts";
import type { Clerk, DeskRoute } from "../../../src/operator/api/desk.ts";
import { type Answered, ROUTES } from "../../../src/operator/api/routes.ts";
import { askedOf } from "../../../src/operator/asked.ts";
import { type OverviewRoute, overviewClerks } from "../../../src/operator/overview/clerks.ts";
import type { OverviewParts, ScreenVitals } from "../../../src/operator/overview/parts.ts";
import { TaskTimes } from "../../../src/operator/overview/task-times.ts";
import type { Lane } from "../../../src/payment/lane.ts";
import type { Ask } from "../../../src/protocol/ask.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { type Counter, openCounter } from "../../exchange/counter.ts";
import {
  accept,
  bid,
  FUEL,
  funded,
  hash32,
  LIMITS,
  MARKET,
  METER,
  manifest,
  offer,
  offerTerms,
  result,
  START,
  taskOfOffer,
  voucherOf,
} from "../../exchange/stage.ts";

const DECIMALS = 6;

/** Long enough that lanes are due one after the other. */
const CLAIM_MS = 3_600_000;

export const WHOLE: Viewer = { name: "barn", role: "operator", owner: null };

export const viewerOf = (owner: Hex): Viewer => ({ name: "owner", role: "viewer", owner });

/** What the settlement log is made to say of a device. */
export type Turnover = { readonly earned: bigint; readonly spent: bigint };

export type Member = {
  readonly signer: Signer;
  readonly name: string;
  readonly owner: Hex | null;
  /** Where it is in session from; null while it is not. */
  readonly origin: string | null;
};

export type Stand = Counter & {
  readonly parts: OverviewParts;
  readonly traffic: Traffic;
  /** What was asked of the settlement log, as `sums 0xowner`. */
  readonly asked: string[];
  /** Answers a route as the desk does, its answer checked by the route's shape. */
  ask<Name extends OverviewRoute>(
    route: Name,
    viewer?: Viewer,
    input?: object,
    params?: object,
  ): Promise<Answered<Name>>;
  /** Offers, bids and awards a task; then it runs. */
  trade(requester: Signer, provider: Signer, id: string): Promise<Hex>;
  /** Delivers what a task came to, and it is paid. */
  deliver(provider: Signer, task: Hex): Promise<void>;
};

const VITALS: ScreenVitals = {
  ...{ version: "0.1.0", startedAt: START, symbol: "USDT", decimals: DECIMALS, isPlayMoney: true },
  ...{ halted: null, stopped: null },
  journal: {
    entries: 7,
    hash: hash32(0x70),
    intact: true,
    verifiedAt: instant(START - 60_000),
    broken: null,
  },
  wallet: {
    ...{ vault: 52_114_000n, lanes: 9_000_000n, gas: 41_200_000_000_000_000n, gasPrice: 10n ** 9n },
    ...{ settlementsLeft: 40, gasAlarm: 3 },
  },
};

/** A gateway with these devices, each with 10,000 units on a lane both ways. */
export async function openStand(
  members: readonly Member[],
  turnovers: ReadonlyMap<Hex, Turnover> = new Map(),
  change: Partial<OverviewParts> = {},
): Promise<Stand> {
  const counter = openCounter();
  const { state, clock } = counter;
  const traffic = new Traffic(clock);
  const taskTimes = new TaskTimes(state.market.tasks);
  const asked: string[] = [];
  const parts: OverviewParts = {
    place: {
      ...{ name: "barn-pi", chainName: "local", gasSymbol: "ETH", market: MARKET },
      beganAt: instant(START - 40 * 86_400_000),
    },
    ...{ clock, state, devices: traffic, taskTimes },
    onFault: (fault) => {
      throw fault;
    },
    lines: () => [],
    asks: () => new Map(),
    views: viewsOf(state.roster, turnovers, asked),
    vitals: () => VITALS,
    alerts: () => [],
    standingOf: () => "enrolled",
    keptCap: () => null,
    limits: LIMITS,
    claimBy: ({ signed, settled }: Lane) => (signed > settled ? instant(START + CLAIM_MS) : null),
    testTask: () => ({ ready: false, why: "it has answered nothing yet" }),
    ...change,
  };
  await enrol(counter, members);
  for (const { signer, origin } of members) {
    if (origin !== null) traffic.began(sessionOf(signer.address, origin, START));
  }
  const clerks = overviewClerks(parts);
  const noted = () => {
    for (const event of counter.events.splice(0)) {
      if (event.what === "entries") taskTimes.note(event.entries);
    }
  };
  const awardOf = (task: Hex) => {
    const { run } = state.market.tasks.get(task) ?? {};
    if (!run)
      throw new Error(`nobody has ${task}: ${counter.refused.map((one) => one.refusal.refused).join()}`);
    return run.award;
  };
  return {
    ...counter,
    ...{ parts, traffic, asked },
    ask: async (route, viewer = WHOLE, input = {}, params = {}) => {
      noted();
      const clerk = clerks[route] as Clerk<typeof route>;
      return answerOf(route, await clerk(askedOf(route, params, input), viewer));
    },
    async trade(requester, provider, id) {
      const total = (state.payment.incoming.get(requester.address)?.signed ?? 0n) + 1_200n;
      const voucher = await voucherOf(requester, total);
      const terms = offerTerms(id, { manifest: await manifest(requester), voucher });
      const task = taskOfOffer(requester, terms);
      await counter.send(requester, "offer", await offer(requester, terms));
      await counter.tell({ topic: "blobsHere", task });
      await counter.send(provider, "bid", await bid(provider, `b-${id}`, task, 800n));
      noted();
      clock.set(clock.now() + 100);
      await counter.tell({ topic: "due", task });
      await counter.send(provider, "accept", await accept(provider, `a-${id}`, task, awardOf(task)));
      noted();
      return task;
    },
    async deliver(provider, task) {
      const award = awardOf(task);
      await counter.send(provider, "result", await result(provider, `r-${task.slice(2, 10)}`, task, award));
      await counter.tell({ topic: "inspected", task, award, passed: true, reason: "" });
      noted();
    },
  };
}

/** The answer, if it is one of the route's. */
function answerOf<Name extends DeskRoute>(route: Name, answer: unknown): Answered<Name> {
  return ROUTES[route].answer.parse(JSON.parse(JSON.stringify(answer))) as Answered<Name>;
}

async function enrol(counter: Counter, members: readonly Member[]): Promise<void> {
  await counter.observe(
    members.map(({ signer, name, owner }) => ({
      kind: "deviceEnrolled",
      ...{ device: signer.address, owner, name, manufacturer: "acme", serialNumber: `sn-${name}` },
    })),
  );
  await counter.observe(
    funded(
      members.map(({ signer }) => signer),
      10_000n,
    ),
  );
}

export function sessionOf(device: Hex, origin: string, since: Instant, name = device) {
  const who = { id: `${device}-main`, device, slot: "main", nonce: hash32(9) };
  const way = origin.startsWith("/dev") ? ("wire" as const) : ("listener" as const);
  return { ...who, name: { manufacturer: "acme", serialNumber: name }, way, origin, since };
}

/** An ask of so much for 10^12 of fuel. */
export function askFor(rate: bigint, expires: number = START + 100 * 86_400_000): Ask {
  return {
    ...METER,
    rates: [{ memoryMiB: 1, rate: amount(rate) }],
    fuelPerSecond: [{ memoryMiB: 1, fuel: FUEL }],
    measured: START,
    expires: instant(expires),
    signature: `0x${"00".repeat(65)}`,
  };
}

/** A settlement log of turnovers, scoped as the real one is. */
function viewsOf(
  roster: OverviewParts["state"]["roster"],
  turnovers: ReadonlyMap<Hex, Turnover>,
  asked: string[],
): OverviewParts["views"] {
  const money = (count: bigint) => formatAmount(count, DECIMALS);
  const own = (owner: Hex | null) =>
    [...turnovers].filter(([device]) => owner === null || roster.get(device)?.owner === owner);
  const sumOf = (owner: Hex | null, sort: keyof Turnover) =>
    money(own(owner).reduce((sum, [, turnover]) => sum + turnover[sort], 0n));
  const note = <Answer>(question: string, answer: Answer): Promise<Answer> => {
    asked.push(question);
    return Promise.resolve(answer);
  };
  return {
    sums: (owner, from, to) => {
      const nothing = money(0n);
      const rest = { fee: money(11n), returned: nothing, settled: nothing, gas: "0" };
      const tasks = own(owner).length;
      return note(`sums ${owner} ${from}-${to}`, {
        ...{ rows: tasks, earned: sumOf(owner, "earned"), spent: sumOf(owner, "spent"), ...rest },
        ...{ earnedTasks: tasks, spentTasks: tasks },
      });
    },
    slices: (owner, _from, _to, starts) =>
      note(
        `slices ${owner}`,
        starts.map((from) => ({ from, earned: sumOf(owner, "earned"), spent: money(0n) })),
      ),
    perDevice: (owner, from, to) =>
      note(
        `perDevice ${owner} ${from}-${to}`,
        own(owner).map(([device, { earned, spent }]) => ({
          ...{ device, earned: money(earned), spent: money(spent), returned: money(0n) },
          ...{ tasks: 1, accepted: 1, rejected: 0, lost: 0 },
        })),
      ),
    read: () => ({ entries: 7, of: 7 }),
    prices: (owner) => note(`prices ${owner}`, []),
    endedTasks: ({ device, limit }, owner) =>
      note(`endedTasks ${owner} ${device} ${limit}`, { tasks: [], next: null }),
  };
}
