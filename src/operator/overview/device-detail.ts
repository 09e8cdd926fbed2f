/** One device with everything that its operator may ask about it. */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import type { LineReport } from "../../link/serial/lines.ts";
import { openTasks } from "../../market/market.ts";
import type { Device } from "../../market/roster.ts";
import { creditOf, heldOf, owedBy } from "../../payment/payment.ts";
import { spentOn } from "../../payment/standing.ts";
import type { Ask } from "../../protocol/ask.ts";
import type { Viewer } from "../api/access.ts";
import type { DeviceDetail } from "../api/device.ts";
import type { Asked } from "../api/routes.ts";
import type { TaskRow } from "../api/task.ts";
import type { DeviceSums } from "../views/views.ts";
import { deviceRow, findDevice } from "./device-rows.ts";
import type { OverviewParts } from "./parts.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { liveRow, partiesOf } from "./task-rows.ts";

/** Tasks of a device that are shown with it. */
const MOST_TASKS = 20;

const NOT_THEIRS = { ready: false, why: "only the gateway's own operator sends one" } as const;

/**
 * The device that is asked for.
 *
 * @param sums - of the asked period, of every device in view
 * @throws {@link Fault} `not_found` when there is none, or it is not the viewer's
 */
export async function deviceDetail(
  parts: OverviewParts,
  { params, input }: Asked<"device">,
  viewer: Viewer,
  sumsOf: (from: number, to: number) => Promise<readonly DeviceSums[]>,
): Promise<DeviceDetail> {
  const scope = scopeOf(parts.state.roster, viewer.owner);
  const device = findDevice(parts, scope, params.device);
  if (!device) throw new Fault("not_found", `there is no device ${params.device}`);
  const now = parts.clock.now();
  const { decimals } = parts.vitals();
  const { from, to } = lastDay(input, now);
  const own = (await sumsOf(from, to)).find((one) => one.device === device.address);
  const traffic = parts.devices.of(device.address);
  const line = traffic?.link === "serial" ? lineAt(parts, traffic.origin) : null;
  return {
    device: deviceRow(parts, device, own, now, decimals),
    counters: {
      messagesIn: traffic?.messagesIn ?? 0,
      messagesOut: traffic?.messagesOut ?? 0,
      sessions: traffic?.sessions ?? 0,
      refused: Object.fromEntries(traffic?.refused ?? []),
    },
    line: line && lineFigures(line),
    roundTripMs: line?.roundTripMs ?? null,
    prices: pricesOf(parts.asks().get(device.address), now, decimals),
    money: moneyOf(parts, device.address, now, decimals),
    runs: { accepted: own?.accepted ?? 0, rejected: own?.rejected ?? 0, lost: own?.lost ?? 0 },
    messages: parts.devices.messages(device.address).map((message) => ({ ...message })),
    tasks: await tasksOf(parts, device, scope, decimals),
    // the gateway's wallet pays for it: what is in that is no owner's to know
    testTask: viewer.owner === null ? { ...parts.testTask(device.address) } : NOT_THEIRS,
  };
}

/** The period that is asked for; the last 24 hours where nothing else is. */
export function lastDay(
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
  now: number,
): { readonly from: number; readonly to: number } {
  const end = to ?? now + 1;
  return { from: from ?? Math.max(0, end - 86_400_000), to: end };
}

/** One row for each memory class of an ask that stands. */
export function pricesOf(ask: Ask | undefined, now: number, decimals: number): DeviceDetail["prices"] {
  if (!ask || ask.expires <= now) return [];
  const { rates, fuelPerSecond, expires } = ask;
  return rates.map(({ memoryMiB, rate }) => ({
    memoryMiB,
    rate: formatAmount(rate, decimals),
    fuelPerSecond: fuelPerSecond.find((one) => one.memoryMiB === memoryMiB)?.fuel ?? null,
    expires,
  }));
}

function moneyOf(parts: OverviewParts, device: Hex, now: Instant, decimals: number): DeviceDetail["money"] {
  const { payment } = parts.state;
  const money = (count: bigint) => formatAmount(count, decimals);
  const perDay = parts.limits.devicePerDay(device);
  const cap = parts.keptCap(device);
  return {
    credit: money(creditOf(payment, device)),
    held: money(heldOf(payment, device)),
    owed: money(owedBy(payment, device)),
    perDay: perDay === null ? null : money(perDay),
    spentToday: money(spentOn(payment.standings, device, now)),
    cap: cap === null ? null : money(cap),
  };
}

/** Its live tasks, newest first, then those of it that ended last. */
async function tasksOf(
  { state, taskTimes, views }: OverviewParts,
  { address }: Device,
  scope: Scope,
  decimals: number,
): Promise<TaskRow[]> {
  const live = [];
  for (const task of openTasks(state.market)) if (partiesOf(task, scope).includes(address)) live.push(task);
  const rows = live
    .slice(-MOST_TASKS)
    .reverse()
    .map((task) => liveRow(task, scope, taskTimes, decimals));
  if (rows.length === MOST_TASKS) return rows;
  const query = { view: "ended", device: address, limit: MOST_TASKS - rows.length } as const;
  return [...rows, ...(await views.endedTasks(query, scope.owner)).tasks];
}

function lineAt({ lines }: OverviewParts, path: string | null): LineReport | null {
  return lines().find((line) => line.path === path) ?? null;
}

/** The line by names, as `hirewire doctor` has them; what is counted by cause is named `discarded.badCheck` and so on. */
function lineFigures({ path, baud, profile, usb, state, statistics }: LineReport): DeviceDetail["line"] {
  const { discarded, dropped, ...counts } = statistics;
  const byCause = (name: string, causes: Readonly<Record<string, number>>) =>
    Object.entries(causes).map(([cause, bytes]) => [`${name}.${cause}`, bytes] as const);
  return {
    ...{ path, baud, profile, usb, state: state.state },
    why: state.state === "session" ? null : (state.fault?.message ?? null),
    ...counts,
    ...Object.fromEntries([...byCause("discarded", discarded), ...byCause("dropped", dropped)]),
  };
}
