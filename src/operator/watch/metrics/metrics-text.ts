/** The gateway's metrics as text: counts from the meter, the rest from its vitals and from the process. */
import { spentPart } from "../alert/money-rules.ts";
import type { DeviceVital, Vitals } from "../vitals.ts";
import type { Meter } from "./meter.ts";
import type { ProcessFigures } from "./process.ts";
import { METRIC_NAMES, METRICS, type MetricName } from "./table.ts";
import { type Labels, type Sample, writeFamilies } from "./text.ts";

export type MetricParts = {
  readonly vitals: Vitals;
  readonly meter: Pick<Meter, "samples" | "nameOf">;
  readonly figures: ProcessFigures;
  /** Of Node, `"24.15.0"`. */
  readonly node: string;
};

/** Devices with a label of their own. */
const MOST_DEVICES = 100;

const WEI_PER_COIN = 1e18;

/** One answer of `/metrics`: every metric of the table, those that nothing is known of without a sample. */
export function metricsText(parts: MetricParts): string {
  const read = readings(parts);
  return writeFamilies(
    METRIC_NAMES.map((name) => {
      const { type, help } = METRICS[name];
      return { name, type, help, samples: read[name]?.(name) ?? parts.meter.samples(name) };
    }),
  );
}

type Reading = (name: MetricName) => readonly Sample[];

function readings(parts: MetricParts): Partial<Record<MetricName, Reading>> {
  const { vitals, figures } = parts;
  const money = (count: bigint | null) => (count === null ? null : Number(count) / 10 ** vitals.decimals);
  const { chain, wallet, settlement, journal, disk, store, isPlayMoney } = vitals;
  const ofProcess = Object.entries(figures).map(([name, value]) => [name, one(value)] as const);
  const caps = vitals.spending.map(spentPart);
  return {
    ...Object.fromEntries(ofProcess),
    hirewire_build_info: labelled([[{ version: vitals.version, node: parts.node }, 1]]),
    hirewire_devices: labelled(devicesByState(vitals.devices)),
    hirewire_session_last_message_timestamp_seconds: labelled(
      newest(
        vitals.devices.flatMap(({ name, heardAt }) => (heardAt === null ? [] : [[name, heardAt] as const])),
      ),
    ),
    hirewire_device_silent_since_timestamp_seconds: labelled(
      oldest(
        vitals.devices.flatMap(({ name, state, since }) =>
          state === "silent" ? [[name, since] as const] : [],
        ),
      ),
    ),
    hirewire_tasks_running: labelled(runningByFirmware(parts)),
    hirewire_unsettled_usdt: one(money(vitals.unsettled.incoming)),
    hirewire_wallet_usdt: one(money(wallet.vault)),
    hirewire_wallet_gas_native: one(wallet.gas === null ? null : Number(wallet.gas) / WEI_PER_COIN),
    hirewire_wallet_settlements_left: one(wallet.settlementsLeft),
    hirewire_wallet_settlements_alarm: one(wallet.gasAlarm),
    hirewire_spend_cap_used_ratio: one(caps.length === 0 ? null : Math.max(...caps)),
    hirewire_lanes: labelled(Object.entries(vitals.lanes).map(([state, count]) => [{ state }, count])),
    hirewire_lane_expiry_timestamp_seconds: one(
      seconds(vitals.endingLanes.find(({ unsettled }) => unsettled > 0n)?.closesAt ?? null),
    ),
    hirewire_settlement_last_success_timestamp_seconds: one(seconds(settlement.lastAt)),
    hirewire_settlement_waiting_since_timestamp_seconds: one(seconds(settlement.waitingSince)),
    hirewire_settlement_interval_seconds: one(settlement.everyMs / 1_000),
    hirewire_chain_head_timestamp_seconds: one(isPlayMoney ? null : seconds(chain.head?.time ?? null)),
    hirewire_clock_offset_seconds: one(seconds(vitals.clockOffsetMs)),
    hirewire_clock_trusted: one(Number(vitals.clockObstacle === null)),
    hirewire_journal_entries_total: one(journal.entries),
    hirewire_journal_intact: one(journal.intact === null ? null : Number(journal.intact)),
    hirewire_journal_verified_timestamp_seconds: one(seconds(journal.verifiedAt)),
    hirewire_halted: one(Number(vitals.halted !== null)),
    hirewire_stopped: one(Number(vitals.stopped !== null)),
    hirewire_store_bytes: one(store.bytes),
    hirewire_store_written_bytes_total: one(store.writtenBytes),
    hirewire_disk_free_bytes: one(disk?.freeBytes ?? null),
    hirewire_disk_size_bytes: one(disk?.sizeBytes ?? null),
    hirewire_disk_reserve_bytes: one(disk?.reserveBytes ?? null),
  };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

/** A metric without labels; without a sample where nothing is known. */
function one(value: number | null): Reading {
  return (name) => (value === null ? [] : [{ name, labels: {}, value }]);
}

function labelled(values: readonly (readonly [Labels, number])[]): Reading {
  return (name) => values.map(([labels, value]) => ({ name, labels, value }));
}

function devicesByState(devices: readonly DeviceVital[]): [Labels, number][] {
  const counts = new Map<string, [Labels, number]>();
  for (const { link, state } of devices) {
    const labels = { link: link ?? "none", state };
    const key = JSON.stringify(labels);
    counts.set(key, [labels, (counts.get(key)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}

type Named = readonly (readonly [name: string, at: number])[];

function newest(devices: Named): [Labels, number][] {
  return ofDevices(devices.toSorted(([, a], [, b]) => b - a));
}

function oldest(devices: Named): [Labels, number][] {
  return ofDevices(devices.toSorted(([, a], [, b]) => a - b));
}

/** A name stands for one device at a time; of two that share it, which a roster does not allow, the first counts. */
function ofDevices(devices: Named): [Labels, number][] {
  const first = new Map(devices.toReversed());
  return devices
    .filter(([name, at]) => first.get(name) === at && first.delete(name))
    .slice(0, MOST_DEVICES)
    .map(([device, at]) => [{ device }, at / 1_000]);
}

function runningByFirmware({ vitals, meter }: MetricParts): [Labels, number][] {
  const counts = new Map<string, number>();
  for (const [firmware, { runs, name: manifest }] of vitals.tasks.running) {
    const name = meter.nameOf(firmware, manifest);
    counts.set(name, (counts.get(name) ?? 0) + runs);
  }
  return [...counts].map(([firmware, count]) => [{ firmware }, count]);
}
