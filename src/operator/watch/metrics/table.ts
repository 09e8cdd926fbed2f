/**
 * Every metric that the gateway shows, in the order in which it shows them.
 *
 * Names and units as Prometheus wants them: base units, the unit in the name, `_total` for what only grows. Labels are of
 * bounded sets; a task, a transaction or an address is never one. Money is in whole tokens and for graphs alone: a number
 * is not exact, the journal is.
 */

export type Metric = {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
};

function counter(help: string, ...labels: readonly string[]): Metric {
  return { type: "counter", labels, help };
}

function gauge(help: string, ...labels: readonly string[]): Metric {
  return { type: "gauge", labels, help };
}

export const METRICS = {
  hirewire_build_info: gauge("Always 1; what runs.", "version", "node"),
  hirewire_devices: gauge("Enrolled devices by link and state.", "link", "state"),
  hirewire_link_frames_total: counter(
    "MQTT messages, whatever carries them, and frames of serial lines; from devices (in), to them (out).",
    ...["link", "direction"],
  ),
  hirewire_link_discarded_bytes_total: counter("Bytes off serial lines that went no further.", "link"),
  hirewire_link_rejected_messages_total: counter("What devices were refused, by code.", "link", "code"),
  hirewire_session_last_message_timestamp_seconds: gauge(
    "When a device was heard of last; of the 100 heard of last.",
    "device",
  ),
  hirewire_device_silent_since_timestamp_seconds: gauge(
    "Since when an enrolled device is silent; of the 100 silent longest. Of others there is no sample.",
    "device",
  ),
  hirewire_tasks_total: counter("Tasks that are over, by how they ended.", "firmware", "outcome"),
  hirewire_tasks_running: gauge("Runs that are under way.", "firmware"),
  hirewire_task_duration_seconds: {
    type: "histogram",
    labels: ["firmware"],
    help: "From a task's offer to its payment, invoice or other end.",
  },
  hirewire_firmware_timeouts_total: counter("Runs that did not deliver in time.", "firmware"),
  hirewire_verifications_total: counter("Verdicts on answers.", "verdict"),
  hirewire_earned_usdt_total: counter("Paid to devices for their work."),
  hirewire_spent_usdt_total: counter("Paid by devices for their tasks, fees included."),
  hirewire_settled_usdt_total: counter("Claimed on chain, on lanes to the gateway and from it."),
  hirewire_fees_usdt_total: counter("The gateway's part of what was paid."),
  hirewire_unsettled_usdt: gauge("Signed to the gateway and not claimed."),
  hirewire_wallet_usdt: gauge("The gateway's, free in the vault."),
  hirewire_wallet_gas_native: gauge("The chain's coins that the gateway has for gas."),
  hirewire_wallet_settlements_left: gauge("Settlements that those coins pay for at today's price."),
  hirewire_wallet_settlements_alarm: gauge("Settlements that they should pay for: settlement.gas_alarm."),
  hirewire_spend_cap_used_ratio: gauge("Of the cap that is used most, the part that is used."),
  hirewire_lanes: gauge("Lanes by state, both ways.", "state"),
  hirewire_lane_expiry_timestamp_seconds: gauge(
    "When the first closing lane ends that has unclaimed money on it.",
  ),
  hirewire_settlements_total: counter("Claim transactions that are over.", "outcome"),
  hirewire_settlement_last_success_timestamp_seconds: gauge("When a claim was confirmed last."),
  hirewire_settlement_waiting_since_timestamp_seconds: gauge(
    "Since when the oldest voucher waits that is worth its gas; no sample while none does.",
  ),
  hirewire_settlement_interval_seconds: gauge("How long vouchers may wait: settlement.every_ms."),
  hirewire_chain_head_timestamp_seconds: gauge("Time of the chain's newest block; none on play money."),
  hirewire_chain_requests_total: counter("Requests to the chain, by what was asked.", "method", "outcome"),
  hirewire_clock_offset_seconds: gauge(
    "How far this machine's clock is ahead of the chain's; none on play money.",
  ),
  hirewire_clock_trusted: gauge("0 while the clock is not synchronised or was set: no offers are taken."),
  hirewire_journal_entries_total: counter("Entries of the journal."),
  hirewire_journal_intact: gauge("What the newest walk of the journal found; no sample before the first."),
  hirewire_journal_verified_timestamp_seconds: gauge("When that walk ended."),
  hirewire_halted: gauge("1 while no new offers are taken."),
  hirewire_stopped: gauge("1 while nothing is paid and claimed."),
  hirewire_faults_total: counter("What needed somebody or was tried again, by code.", "code"),
  hirewire_store_bytes: gauge("Size of the data folder."),
  hirewire_store_written_bytes_total: counter("Bytes that this process has had written to disks."),
  hirewire_disk_free_bytes: gauge("Free on the data folder's disk."),
  hirewire_disk_size_bytes: gauge("Size of the data folder's disk."),
  hirewire_disk_reserve_bytes: gauge("Kept free there: with less new offers are not taken."),
  process_cpu_seconds_total: counter("User and system CPU time."),
  process_resident_memory_bytes: gauge("Resident memory."),
  process_virtual_memory_bytes: gauge("Virtual memory."),
  process_heap_bytes: gauge("Heap of JavaScript."),
  process_open_fds: gauge("Open file descriptors."),
  process_max_fds: gauge("Most that may be open."),
  process_start_time_seconds: gauge("When the process started."),
  nodejs_eventloop_lag_seconds: gauge("Mean delay of the event loop since the reading before."),
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** The table of README: name with labels, type, meaning. */
export function metricsTable(): string {
  const rows = METRIC_NAMES.map((name) => {
    const { labels, type, help }: Metric = METRICS[name];
    return `| \`${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`}\` | ${type} | ${help} |`;
  });
  return ["| metric | type | meaning |", "|---|---|---|", ...rows, ""].join("\n");
}
