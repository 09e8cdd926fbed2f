/** Devices as their operator sees them: whether they are there, how they are connected, what they earned and spent. */
import { formatAmount } from "../../base/money.ts";
import { isLive } from "../../link/broker/traffic.ts";
import { type Device, isOperator } from "../../market/roster.ts";
import { balanceOf } from "../../payment/books.ts";
import type { DeviceRow } from "../api/device.ts";
import { freeOn, unsettledOn } from "./lane-rows.ts";
import type { OverviewParts } from "./parts.ts";
import type { Scope } from "./scope.ts";

export type DeviceState = DeviceRow["state"];

/** What the settlement log says of a device in a period. */
export type DeviceTurnover = Pick<DeviceRow, "earned" | "spent" | "tasks">;

type Rows = Pick<OverviewParts, "state" | "devices" | "standingOf" | "keptCap">;

/** The devices in view: all that may be here or are kept out, and of former ones those that still have money here. The operator's own wallet is none: it is never on the line. */
export function devicesInView(parts: Pick<OverviewParts, "state" | "standingOf">, scope: Scope): Device[] {
  const { payment } = parts.state;
  const hasMoney = ({ address }: Device) => {
    for (const lane of [payment.incoming.get(address), payment.outgoing.get(address)]) {
      if (lane && (freeOn(lane) > 0n || unsettledOn(lane) > 0n)) return true;
    }
    return (["credit", "held", "owed"] as const).some(
      (sort) => balanceOf(payment.books, `${sort}:${address}`) > 0n,
    );
  };
  return scope
    .devices()
    .filter((device) => !isOperator(device))
    .filter((device) => parts.standingOf(device.address) !== "gone" || hasMoney(device));
}

/** `live`: in session and heard of lately; `disabled` also for one that is nobody's entry any more. */
export function stateOfDevice(
  { devices, standingOf }: Pick<Rows, "devices" | "standingOf">,
  { address }: Device,
  now: number,
): DeviceState {
  if (standingOf(address) !== "enrolled") return "disabled";
  return isLive(devices.of(address), now) ? "live" : "silent";
}

/** One device as the API has it; nothing earned and spent where the period has nothing of it. */
export function deviceRow(
  parts: Rows,
  device: Device,
  turnover: DeviceTurnover | undefined,
  now: number,
  decimals: number,
): DeviceRow {
  const { address, name, manufacturer, serialNumber, owner } = device;
  const traffic = parts.devices.of(address);
  const nothing = formatAmount(0n, decimals);
  return {
    ...{ address, name, manufacturer, serialNumber, owner },
    state: stateOfDevice(parts, device, now),
    link: traffic?.link ?? null,
    origin: traffic?.origin ?? null,
    isKept: parts.keptCap(address) !== null,
    heardAt: traffic?.heardAt ?? null,
    sessionSince: traffic?.sessionSince ?? null,
    earned: turnover?.earned ?? nothing,
    spent: turnover?.spent ?? nothing,
    tasks: turnover?.tasks ?? 0,
  };
}

/** The device in view of this name or address, in any case; of several of one name whoever may be here. */
export function findDevice(
  parts: Pick<OverviewParts, "standingOf">,
  scope: Scope,
  typed: string,
): Device | null {
  const wanted = typed.toLowerCase();
  const found = scope
    .devices()
    .filter(({ address, name }) => address === wanted || name.toLowerCase() === wanted);
  return found.find(({ address }) => parts.standingOf(address) === "enrolled") ?? found[0] ?? null;
}
