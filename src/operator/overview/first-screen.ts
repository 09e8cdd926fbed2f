/** The first screen: is it working, did I earn, is my money safe, what needs me. */
import { formatAmount } from "../../base/money.ts";
import type { Device } from "../../market/roster.ts";
import type { Viewer } from "../api/access.ts";
import type { Overview, OverviewQuery } from "../api/overview.ts";
import type { DeviceSums, Views } from "../views/views.ts";
import { bestOf } from "./best.ts";
import { type DeviceState, deviceRow, devicesInView, stateOfDevice } from "./device-rows.ts";
import { balancesInView, capOf, type LaneSums, laneSumsInView } from "./holdings.ts";
import { laneRow } from "./lane-rows.ts";
import type { OverviewParts, ScreenVitals } from "./parts.ts";
import { type Period, periodOf } from "./period.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { liveRow, liveTasks } from "./task-rows.ts";

/** Rows that the first screen shows; the lists behind it have all of them. */
const FIRST = { tasks: 10, devices: 12, lanes: 8 } as const;

/** Native coins are counted in 10^18. */
const COIN_DECIMALS = 18;

/** Why an owner's devices do not work, where the gateway itself was stopped: the reason may speak of others. */
const NOT_YOURS = {
  halted: "the gateway takes no new offers just now: ask who runs it",
  stopped: "the gateway pays nothing just now: ask who runs it",
} as const;

/** What the settlement log says of a period; nothing of it where it does not answer. */
export type Turnover = {
  readonly period: Period;
  readonly sums: Awaited<ReturnType<Views["sums"]>> | null;
  readonly before: Awaited<ReturnType<Views["sums"]>> | null;
  readonly chart: Awaited<ReturnType<Views["slices"]>>;
  readonly devices: readonly DeviceSums[];
};

/**
 * What the settlement log says, read at once.
 *
 * @throws {@link Fault} what the log's reader throws: `journal_broken`, `executor_died`
 */
export async function turnoverOf(
  { views, clock, place }: Pick<OverviewParts, "views" | "clock" | "place">,
  query: OverviewQuery,
  { owner }: Viewer,
): Promise<Turnover> {
  const period = periodOf(query, clock.now(), place.beganAt);
  const { from, to, starts } = period;
  const [sums, before, chart, devices] = await Promise.all([
    views.sums(owner, from, to),
    period.before && views.sums(owner, period.before.from, period.before.to),
    views.slices(owner, from, to, starts),
    views.perDevice(owner, from, to),
  ]);
  return { period, sums, before, chart, devices };
}

/** The turnover of a period of which the settlement log has said nothing. */
export function unknownTurnover(
  { clock, place }: Pick<OverviewParts, "clock" | "place">,
  query: OverviewQuery,
): Turnover {
  return {
    period: periodOf(query, clock.now(), place.beganAt),
    sums: null,
    before: null,
    chart: [],
    devices: [],
  };
}

/** The first screen, from what is in memory and what the settlement log has said. */
export function firstScreen(
  parts: OverviewParts,
  { owner }: Viewer,
  turnover: Turnover,
  alerts: Overview["alerts"],
): Overview {
  const { state, clock, taskTimes } = parts;
  const scope = scopeOf(state.roster, owner);
  const vitals = parts.vitals();
  const { decimals } = vitals;
  const money = (count: bigint) => formatAmount(count, decimals);
  const now = clock.now();
  const { sums, before, period } = turnover;
  const lanes = laneSumsInView(state.payment, scope, FIRST.lanes, parts.claimBy);
  const tasks = liveTasks(state.market, scope);
  const newest = tasks.slice(-FIRST.tasks).reverse();
  const devices = devicesInView(parts, scope);
  const cap = capOf(
    devices.filter(({ address }) => parts.standingOf(address) === "enrolled"),
    parts.limits,
  );
  return {
    at: now,
    ...identity(parts, vitals, owner !== null),
    period: { from: period.from, to: period.to },
    log: sums && parts.views.read(),
    earned: {
      amount: sums?.earned ?? null,
      before: before?.earned ?? null,
      tasks: sums?.earnedTasks ?? null,
    },
    spent: {
      amount: sums?.spent ?? null,
      cap: cap === null ? null : money(cap),
      tasks: sums?.spentTasks ?? null,
    },
    fees: owner === null && sums ? sums.fee : null,
    unsettled: unsettledFor(lanes, owner !== null, money),
    wallet: owner === null ? walletOf(vitals, parts.place.gasSymbol, money) : null,
    funds: fundsOf(parts, scope, lanes, money),
    alerts,
    tasks: { live: newest.map((task) => liveRow(task, scope, taskTimes, decimals)), open: tasks.length },
    devices: devicesOf(parts, devices, sums && turnover.devices, now, decimals),
    lanes: {
      rows: lanes.first.map((lane) => laneRow(lane, scope, decimals)),
      ...{ open: lanes.open, closing: lanes.closing },
    },
    chart: [...turnover.chart],
  };
}

function identity({ place }: OverviewParts, vitals: ScreenVitals, isOwner: boolean) {
  const { version, startedAt, symbol, decimals, isPlayMoney, halted, stopped, journal } = vitals;
  const { name, chainName, market } = place;
  const state = stopped ? "stopped" : halted ? "halted" : "working";
  const reason = (stopped ?? halted)?.reason ?? null;
  return {
    ...{ name, version, startedAt, gateway: market.gateway, vault: market.vault },
    chain: { id: market.chainId, name: chainName, isPlayMoney },
    token: { address: market.token, symbol, decimals },
    state,
    reason: state === "working" ? null : isOwner ? NOT_YOURS[state] : reason,
    journal: {
      entries: journal.entries,
      hash: journal.hash,
      intact: journal.intact,
      verifiedAt: journal.verifiedAt,
    },
  } as const;
}

/** To the gateway for whoever sees all of it; an owner is on the other end of the same lanes. */
function unsettledFor(
  lanes: LaneSums,
  isOwner: boolean,
  money: (count: bigint) => string,
): Overview["unsettled"] {
  const { toGateway, fromGateway, unsettled, nextAt } = lanes;
  const [incoming, outgoing] = isOwner ? [fromGateway, toGateway] : [toGateway, fromGateway];
  return { incoming: money(incoming), outgoing: money(outgoing), lanes: unsettled, nextAt };
}

function walletOf(
  { wallet }: ScreenVitals,
  gasSymbol: string,
  money: (count: bigint) => string,
): Overview["wallet"] {
  const { vault, lanes, gas, settlementsLeft, gasAlarm } = wallet;
  return {
    vault: vault === null ? null : money(vault),
    lanes: money(lanes),
    gas: gas === null ? null : formatAmount(gas, COIN_DECIMALS),
    gasSymbol,
    settlementsLeft,
    isEnough: settlementsLeft === null ? null : settlementsLeft >= gasAlarm,
  };
}

function fundsOf(
  { state }: OverviewParts,
  scope: Scope,
  { deposited }: LaneSums,
  money: (count: bigint) => string,
): Overview["funds"] {
  const { credit, held, owed } = balancesInView(state.payment.books, scope);
  return { deposited: money(deposited), credit: money(credit), held: money(held), owed: money(owed) };
}

/** Where there are more than are shown, those come first that should be there and are silent, then those that earn most. */
function devicesOf(
  parts: OverviewParts,
  devices: readonly Device[],
  sums: readonly DeviceSums[] | null,
  now: number,
  decimals: number,
): Overview["devices"] {
  const counts = { live: 0, silent: 0, disabled: 0 };
  const turnover = new Map(sums?.map((one) => [one.device, one]));
  const seen = devices.map((device) => {
    const state = stateOfDevice(parts, device, now);
    counts[state]++;
    const { earned } = turnover.get(device.address) ?? { earned: "" };
    return { device, rank: RANKS[state], earned };
  });
  const shown = bestOf(seen, FIRST.devices, (a, b) => a.rank - b.rank || byAmount(b.earned, a.earned));
  const rows = shown.map(({ device }) => {
    const row = deviceRow(parts, device, turnover.get(device.address), now, decimals);
    return sums ? row : { ...row, earned: null, spent: null, tasks: null };
  });
  return { rows: rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)), ...counts };
}

const RANKS: Readonly<Record<DeviceState, number>> = { silent: 0, live: 1, disabled: 2 };

/** Orders decimals with the same number of places. */
function byAmount(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
