/** A dashboard for Grafana as JSON. It asks whatever Prometheus is chosen at its top: no source is written into it. */
import type { MetricName } from "../metrics/table.ts";

/** Of Grafana's dashboard JSON: what Grafana 11 writes. */
const SCHEMA_VERSION = 39;

/** Columns of Grafana's grid. */
const COLUMNS = 24;

type Target = { readonly expr: string; readonly legend?: string };

type Panel = {
  readonly title: string;
  readonly type: "stat" | "timeseries";
  /** As Grafana calls it. */
  readonly unit: string;
  readonly targets: readonly Target[];
};

/** A metric of the chosen gateways. */
function of(name: MetricName, suffix = "", labels = ""): string {
  return `${name}${suffix}{instance=~"$instance"${labels === "" ? "" : `,${labels}`}}`;
}

function rate(name: MetricName, labels = ""): string {
  return `rate(${of(name, "", labels)}[$__rate_interval])`;
}

/** A quantile of the durations of tasks. */
function took(quantile: number): string {
  const buckets = `rate(${of("hirewire_task_duration_seconds", "_bucket")}[$__rate_interval])`;
  return `histogram_quantile(${quantile}, sum by (le) (${buckets}))`;
}

const STATS: readonly Panel[] = [
  stat("Unsettled", "none", of("hirewire_unsettled_usdt")),
  stat("In the vault", "none", of("hirewire_wallet_usdt")),
  stat("Settlements left in gas", "none", of("hirewire_wallet_settlements_left")),
  stat("Journal intact", "bool_yes_no", of("hirewire_journal_intact")),
  stat(
    "Since the last settlement",
    "s",
    `time() - ${of("hirewire_settlement_last_success_timestamp_seconds")}`,
  ),
  stat("Age of the newest block", "s", `time() - ${of("hirewire_chain_head_timestamp_seconds")}`),
];

const GRAPHS: readonly Panel[] = [
  graph("Earned and spent, per hour", "none", [
    { expr: `3600 * ${rate("hirewire_earned_usdt_total")}`, legend: "earned" },
    { expr: `3600 * ${rate("hirewire_spent_usdt_total")}`, legend: "spent" },
    { expr: `3600 * ${rate("hirewire_fees_usdt_total")}`, legend: "fees" },
  ]),
  graph("Tasks by outcome", "ops", [
    { expr: `sum by (outcome) (${rate("hirewire_tasks_total")})`, legend: "{{outcome}}" },
  ]),
  graph("Time a task takes", "s", [
    { expr: took(0.5), legend: "median" },
    { expr: took(0.95), legend: "95 %" },
  ]),
  graph("Runs under way", "none", [{ expr: of("hirewire_tasks_running"), legend: "{{firmware}}" }]),
  graph("Rejected answers, 1 h", "percentunit", [
    {
      expr: [
        `sum(increase(${of("hirewire_verifications_total", "", 'verdict="rejected"')}[1h]))`,
        `/ sum(increase(${of("hirewire_verifications_total")}[1h]))`,
      ].join(" "),
      legend: "rejected",
    },
  ]),
  graph("Runs that came too late", "ops", [
    { expr: `sum by (firmware) (${rate("hirewire_firmware_timeouts_total")})`, legend: "{{firmware}}" },
  ]),
  graph("Devices", "none", [
    { expr: `sum by (link, state) (${of("hirewire_devices")})`, legend: "{{link}} {{state}}" },
  ]),
  graph("Messages and frames", "ops", [
    { expr: rate("hirewire_link_frames_total"), legend: "{{link}} {{direction}}" },
  ]),
  graph("Refused, by code", "ops", [
    { expr: `sum by (code) (${rate("hirewire_link_rejected_messages_total")})`, legend: "{{code}}" },
  ]),
  graph("Lanes", "none", [{ expr: of("hirewire_lanes"), legend: "{{state}}" }]),
  graph("Settled, per hour", "none", [
    { expr: `3600 * ${rate("hirewire_settled_usdt_total")}`, legend: "USDT" },
    { expr: `3600 * ${rate("hirewire_settlements_total")}`, legend: "{{outcome}}" },
  ]),
  graph("Requests to the chain", "ops", [
    { expr: `sum by (outcome) (${rate("hirewire_chain_requests_total")})`, legend: "{{outcome}}" },
  ]),
  graph("Journal entries", "ops", [{ expr: rate("hirewire_journal_entries_total"), legend: "entries" }]),
  graph("Disk", "bytes", [
    { expr: of("hirewire_disk_free_bytes"), legend: "free" },
    { expr: of("hirewire_store_bytes"), legend: "data folder" },
  ]),
  graph("Written to disk", "Bps", [{ expr: rate("hirewire_store_written_bytes_total"), legend: "written" }]),
  graph("Faults, by code", "ops", [{ expr: rate("hirewire_faults_total"), legend: "{{code}}" }]),
  graph("Memory", "bytes", [
    { expr: of("process_resident_memory_bytes"), legend: "resident" },
    { expr: of("process_heap_bytes"), legend: "heap" },
  ]),
  graph("CPU and event loop", "none", [
    { expr: rate("process_cpu_seconds_total"), legend: "cores" },
    { expr: of("nodejs_eventloop_lag_seconds"), legend: "lag, s" },
  ]),
];

function stat(title: string, unit: string, expr: string): Panel {
  return { title, type: "stat", unit, targets: [{ expr }] };
}

function graph(title: string, unit: string, targets: readonly Target[]): Panel {
  return { title, type: "timeseries", unit, targets };
}

const SOURCE = { type: "prometheus", uid: "$datasource" } as const;

/** The text of `docker/monitoring/dashboard.json`. */
export function dashboardFile(): string {
  const panels = [
    ...STATS.map((panel, at) => placed(panel, at, STAT)),
    ...GRAPHS.map((panel, at) => placed(panel, at, GRAPH)),
  ];
  const dashboard = {
    title: "hirewire",
    uid: "hirewire",
    tags: ["hirewire"],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    refresh: "30s",
    time: { from: "now-24h", to: "now" },
    timezone: "browser",
    templating: { list: [sourceVariable(), instanceVariable()] },
    annotations: { list: [] },
    panels: panels.map((panel, at) => ({ id: at + 1, ...panel })),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

type Place = { readonly width: number; readonly height: number; readonly top: number };

const STAT: Place = { width: 4, height: 4, top: 0 };
const GRAPH: Place = { width: 8, height: 7, top: 4 };

function placed({ title, type, unit, targets }: Panel, at: number, { width, height, top }: Place): object {
  const across = COLUMNS / width;
  return {
    title,
    type,
    datasource: SOURCE,
    gridPos: { x: (at % across) * width, y: top + Math.floor(at / across) * height, w: width, h: height },
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: {},
    targets: targets.map(({ expr, legend = "" }, one) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + one),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

function sourceVariable(): object {
  return {
    name: "datasource",
    label: "Source",
    type: "datasource",
    query: "prometheus",
    hide: 0,
    current: {},
  };
}

function instanceVariable(): object {
  const query = "label_values(hirewire_build_info, instance)";
  return {
    ...{ name: "instance", label: "Gateway", type: "query", datasource: SOURCE, definition: query },
    query: { query, refId: "instances" },
    ...{ refresh: 2, sort: 1, multi: true, includeAll: true, hide: 0, current: {} },
  };
}
