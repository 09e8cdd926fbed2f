/** Clerks of the first screen and of the lists that are about this moment. */
import { openTasks } from "../../market/market.ts";
import type { Viewer } from "../api/access.ts";
import type { Desk } from "../api/desk.ts";
import type { Answered, Asked } from "../api/routes.ts";
import type { DeviceSums } from "../views/views.ts";
import { deviceDetail, lastDay, pricesOf } from "./device-detail.ts";
import { deviceRow, devicesInView, findDevice } from "./device-rows.ts";
import { firstScreen, type Turnover, turnoverOf, unknownTurnover } from "./first-screen.ts";
import { byUrgency, laneRow, lanesInView } from "./lane-rows.ts";
import type { OverviewParts } from "./parts.ts";
import { Recent } from "./recent.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { liveList } from "./task-list.ts";
import { partiesOf } from "./task-rows.ts";

/** How long the first screen waits for the settlement log, milliseconds: what is in memory is shown without it then. */
const PATIENCE_MS = 2_000;

export type OverviewRoute = "overview" | "devices" | "device" | "lanes" | "tasks" | "prices";

/**
 * The clerks of what happens now. Each tells a viewer of its own scope alone.
 *
 * They throw {@link Fault}: `not_found` for a device that is not there or not the viewer's, `usage` for a place in a list
 * that cannot be, and whatever the settlement log's reader throws.
 */
export function overviewClerks(parts: OverviewParts): Pick<Desk, OverviewRoute> {
  const turnovers = new Recent<Turnover>(parts.clock);
  const answerOf = patiently(parts);
  const deviceSums = new Recent<readonly DeviceSums[]>(parts.clock);
  const sumsFor =
    ({ owner }: Viewer, isRecent: boolean) =>
    (from: number, to: number) => {
      const ask = () => parts.views.perDevice(owner, from, to);
      // a list of the last day is asked for each second
      return isRecent ? deviceSums.get(`${owner}`, ask) : ask();
    };
  return {
    overview: async ({ input }, viewer) => {
      const key = `${viewer.owner} ${input.period} ${input.offset}`;
      const asked = turnovers.get(key, () => turnoverOf(parts, input, viewer));
      const turnover = (await answerOf(asked)) ?? unknownTurnover(parts, input);
      return firstScreen(parts, viewer, turnover, [...parts.alerts(viewer)]);
    },
    devices: async ({ input }, viewer) => devicesFor(parts, input, viewer, sumsFor(viewer, isOpen(input))),
    device: (asked, viewer) => deviceDetail(parts, asked, viewer, sumsFor(viewer, isOpen(asked.input))),
    lanes: async ({ input }, viewer) => lanesFor(parts, input, viewer),
    tasks: async ({ input }, viewer) => tasksFor(parts, input, viewer),
    prices: async ({ input }, viewer) => pricesFor(parts, input, viewer),
  };
}

/**
 * Waits for an answer of the settlement log: null when it fails or takes too long, as alerts and lanes are to be seen all
 * the same. Of faults in a row that say the same the first is told.
 */
function patiently({ clock, onFault }: Pick<OverviewParts, "clock" | "onFault">) {
  let told = "";
  return async <Answer>(answer: Promise<Answer>): Promise<Answer | null> => {
    const late = Promise.withResolvers<null>();
    const cancel = clock.after(PATIENCE_MS, () => late.resolve(null));
    try {
      const found = await Promise.race([answer, late.promise]);
      if (found !== null) told = "";
      return found;
    } catch (fault) {
      if (told !== String(fault)) onFault(fault);
      told = String(fault);
      return null;
    } finally {
      cancel();
    }
  };
}

/** Whether a period is the last 24 hours. */
function isOpen({ from, to }: Asked<"devices">["input"]): boolean {
  return from === undefined && to === undefined;
}

async function devicesFor(
  parts: OverviewParts,
  input: Asked<"devices">["input"],
  { owner }: Viewer,
  sumsOf: (from: number, to: number) => Promise<readonly DeviceSums[]>,
): Promise<Answered<"devices">> {
  const now = parts.clock.now();
  const { from, to } = lastDay(input, now);
  const sums = new Map((await sumsOf(from, to)).map((one) => [one.device, one]));
  const { decimals } = parts.vitals();
  const rows = devicesInView(parts, scopeOf(parts.state.roster, owner))
    .map((device) => deviceRow(parts, device, sums.get(device.address), now, decimals))
    .filter(({ state }) => input.state === undefined || state === input.state);
  return { at: now, devices: rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) };
}

function lanesFor(
  parts: OverviewParts,
  { direction, state, device }: Asked<"lanes">["input"],
  { owner }: Viewer,
): Answered<"lanes"> {
  const scope = scopeOf(parts.state.roster, owner);
  const wanted = device === undefined ? null : findDevice(parts, scope, device);
  const { decimals } = parts.vitals();
  const lanes = [...lanesInView(parts.state.payment, scope)]
    .filter((one) => device === undefined || one.device === wanted?.address)
    .sort(byUrgency)
    .map((one) => laneRow(one, scope, decimals))
    .filter((row) => direction === undefined || row.direction === direction)
    .filter((row) => state === undefined || row.state === state);
  return { at: parts.clock.now(), lanes };
}

async function tasksFor(
  parts: OverviewParts,
  input: Asked<"tasks">["input"],
  { owner }: Viewer,
): Promise<Answered<"tasks">> {
  const at = parts.clock.now();
  if (input.view === "ended") return { at, ...(await parts.views.endedTasks(input, owner)) };
  return { at, ...liveList(parts, input, scopeOf(parts.state.roster, owner)) };
}

async function pricesFor(
  parts: OverviewParts,
  input: Asked<"prices">["input"],
  { owner }: Viewer,
): Promise<Answered<"prices">> {
  const now = parts.clock.now();
  const scope = scopeOf(parts.state.roster, owner);
  const { from, to } = lastDay(input, now);
  const paid = await parts.views.prices(owner, from, to);
  const { decimals } = parts.vitals();
  const shown = providersInView(parts, scope);
  const asks = [...parts.asks()]
    .filter(([device]) => shown === null || shown.has(device))
    .flatMap(([device, ask]) =>
      pricesOf(ask, now, decimals).map((row) => ({ device: scope.party(device), ...row })),
    );
  return { at: now, asks, paid };
}

/**
 * Whose asks a viewer sees, null for everybody's: an owner those of its own devices and of whoever works on its tasks
 * just now. What others ask is like a bid of theirs, which it does not see either.
 */
function providersInView({ state }: OverviewParts, scope: Scope): ReadonlySet<string> | null {
  if (scope.owner === null) return null;
  const shown = new Set<string>(scope.devices().map(({ address }) => address));
  for (const task of openTasks(state.market)) {
    const parties = partiesOf(task, scope);
    if (parties.some((one) => scope.has(one))) for (const one of parties) shown.add(one);
  }
  return shown;
}
