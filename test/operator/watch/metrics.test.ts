/** The metrics: names, the text format, what is counted, and what bounds the labels. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import { refuse } from "../../../src/base/refusal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { countedChain } from "../../../src/operator/watch/metrics/counted-chain.ts";
import { Meter } from "../../../src/operator/watch/metrics/meter.ts";
import { metricsText } from "../../../src/operator/watch/metrics/metrics-text.ts";
import { ProcessGauge } from "../../../src/operator/watch/metrics/process.ts";
import { Durations, FirmwareNames } from "../../../src/operator/watch/metrics/series.ts";
import {
  METRIC_NAMES,
  METRICS,
  type MetricName,
  metricsTable,
} from "../../../src/operator/watch/metrics/table.ts";
import { writeFamilies } from "../../../src/operator/watch/metrics/text.ts";
import type { Vitals } from "../../../src/operator/watch/vitals.ts";
import type { Chain } from "../../../src/settlement/chain.ts";
import { buildLife } from "../../journal/life.ts";
import { MARKET, ROBOT, START } from "../../journal/signed-facts.ts";
import { readExposition } from "./exposition.ts";
import { account, ago, device, endingLane, HOUR, NOW, spend, well } from "./vitals-fixture.ts";

/** What graphs and rules of others are built on: none of these may go or change its labels. */
const PROMISED = {
  hirewire_build_info: "version,node",
  hirewire_devices: "link,state",
  hirewire_link_frames_total: "link,direction",
  hirewire_link_discarded_bytes_total: "link",
  hirewire_link_rejected_messages_total: "link,code",
  hirewire_session_last_message_timestamp_seconds: "device",
  hirewire_tasks_total: "firmware,outcome",
  hirewire_tasks_running: "firmware",
  hirewire_task_duration_seconds: "firmware",
  hirewire_firmware_timeouts_total: "firmware",
  hirewire_verifications_total: "verdict",
  hirewire_earned_usdt_total: "",
  hirewire_spent_usdt_total: "",
  hirewire_settled_usdt_total: "",
  hirewire_fees_usdt_total: "",
  hirewire_unsettled_usdt: "",
  hirewire_wallet_usdt: "",
  hirewire_wallet_gas_native: "",
  hirewire_lanes: "state",
  hirewire_lane_expiry_timestamp_seconds: "",
  hirewire_settlements_total: "outcome",
  hirewire_settlement_last_success_timestamp_seconds: "",
  hirewire_chain_head_timestamp_seconds: "",
  hirewire_chain_requests_total: "method,outcome",
  hirewire_journal_entries_total: "",
  hirewire_journal_intact: "",
  hirewire_journal_verified_timestamp_seconds: "",
  hirewire_faults_total: "code",
  hirewire_store_bytes: "",
  hirewire_store_written_bytes_total: "",
  hirewire_disk_free_bytes: "",
  process_cpu_seconds_total: "",
  process_resident_memory_bytes: "",
  nodejs_eventloop_lag_seconds: "",
} as const satisfies Partial<Record<MetricName, string>>;

const firmware = (fill: number): Hex => `0x${fill.toString(16).padStart(8, "0").repeat(8)}`;

function newMeter(tasks: Parameters<typeof meterOf>[0] = () => undefined): Meter {
  return meterOf(tasks);
}

function meterOf(taskOf: ConstructorParameters<typeof Meter>[0]["taskOf"]): Meter {
  return new Meter({ decimals: 6, lanes: [], transactions: new Map(), taskOf });
}

function read(meter: Meter, vitals: Vitals = well()) {
  const gauge = new ProcessGauge({ now: () => NOW });
  const text = metricsText({ vitals, meter, figures: gauge.read(), node: process.versions.node });
  gauge.stop();
  const families = readExposition(text);
  const value = (name: MetricName, labels: Record<string, string> = {}) =>
    families
      .get(name)
      ?.samples.find((one) => Object.entries(labels).every(([label, text]) => one.labels[label] === text))
      ?.value;
  return { text, families, value };
}

/** A whole life, in which every kind of fact occurs; signed once. */
const LIFE = buildLife();

/** A meter that has heard it. */
async function lived(): Promise<Meter> {
  const journal = memoryJournal();
  const { drafts } = await LIFE;
  const tasks = new Map<Hex, ReturnType<ConstructorParameters<typeof Meter>[0]["taskOf"]>>();
  for (const { at, facts } of drafts) {
    for (const fact of facts) {
      if (fact.kind === "offered") tasks.set(fact.task, { ...fact, offeredAt: instant(at) });
    }
  }
  const meter = newMeter((id) => tasks.get(id));
  meter.noteEntries(journal.append(drafts));
  return meter;
}

describe("the table", () => {
  it("has every promised metric, with its labels", () => {
    for (const [name, labels] of Object.entries(PROMISED)) {
      expect(METRICS[name as MetricName].labels.join(","), name).toBe(labels);
    }
  });

  it("names by the book: counters end in _total and nothing else does, units are base units", () => {
    for (const name of METRIC_NAMES) {
      expect(name.endsWith("_total"), name).toBe(METRICS[name].type === "counter");
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/);
      expect(METRICS[name].help.endsWith("."), name).toBe(true);
    }
  });

  it("stands in README where README has it", () => {
    const section = readFileSync("README.md", "utf8").split("\n### Metrics\n")[1]?.split(/\n#/)[0];
    expect(metricsTable()).toContain("| `hirewire_devices{link,state}` | gauge |");
    if (section !== undefined) expect(section).toContain(metricsTable().trim());
  });
});

describe("the text", () => {
  it("is Prometheus' format, strictly read, with every metric in it and labels as in the table", async () => {
    const { families } = read(await lived());
    expect([...families.keys()]).toEqual(METRIC_NAMES);
    for (const [name, { type, samples }] of families) {
      const metric = METRICS[name as MetricName];
      expect(type).toBe(metric.type);
      for (const { labels } of samples) {
        expect(Object.keys(labels).filter((label) => label !== "le")).toEqual([...metric.labels]);
      }
    }
  });

  it("escapes quotes, backslashes and line feeds, in labels and in help", () => {
    const sample = { name: "a", labels: { b: 'x"y\\z\n{,}' }, value: 1e21 };
    const text = writeFamilies([{ name: "a", type: "gauge", help: 'a\\b\nc "d"', samples: [sample] }]);
    expect(text).toBe('# HELP a a\\\\b\\nc "d"\n# TYPE a gauge\na{b="x\\"y\\\\z\\n{,}"} 1e+21\n');
  });

  it("gives back any label and any number, whatever is in them", () => {
    const unit = fc.constantFrom(
      ...['"', "\\", "\n", "\r", "\u2028", "\0", "{", "}", ",", "=", "#", " ", "n", "é", "💡"],
    );
    const anyText = fc.string({ unit, maxLength: 20 });
    const anyLabels = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), anyText, { maxKeys: 3 });
    fc.assert(
      fc.property(anyLabels, fc.double(), anyText, (labels, value, help) => {
        const name = "a_metric";
        const text = writeFamilies([{ name, type: "gauge", help, samples: [{ name, labels, value }] }]);
        const family = readExposition(text).get(name);
        expect(family?.samples).toEqual([{ name, labels: { ...labels }, value: value === 0 ? 0 : value }]);
        expect(family?.help).toBe(help);
      }),
    );
  });

  it("is refused by the strict reader when it is not that", () => {
    const head = "# HELP a x\n# TYPE a gauge\n";
    expect(readExposition(`${head}a{b="c"} 1\n`).get("a")?.samples).toHaveLength(1);
    const wrong = [
      `${head}a 1`,
      `${head}a{b="c} 1\n`,
      `${head}a{b="\\t"} 1\n`,
      `${head}a 1\na 2\n`,
      `${head}b 1\n`,
      `${head}a one\n`,
      `${head}\na 1\n`,
      "# TYPE a gauge\na 1\n",
    ];
    for (const text of wrong) expect(() => readExposition(text), text).toThrow();
  });
});

describe("what is counted", () => {
  it("is what the journal says", async () => {
    const { value } = read(await lived());
    // legs of 990 and 500, 792, 297; prices 1,500, 800 and 300; fees 10, 8 and 3; claims of 12,500, 990 and 500
    expect(value("hirewire_earned_usdt_total")).toBeCloseTo(0.002_579, 9);
    expect(value("hirewire_spent_usdt_total")).toBeCloseTo(0.0026, 9);
    expect(value("hirewire_fees_usdt_total")).toBeCloseTo(0.000_021, 9);
    expect(value("hirewire_settled_usdt_total")).toBeCloseTo(0.013_99, 9);
    expect(value("hirewire_tasks_total", { outcome: "paid" })).toBe(2);
    expect(value("hirewire_tasks_total", { outcome: "cancelled" })).toBe(1);
    expect(value("hirewire_verifications_total", { verdict: "accepted" })).toBe(2);
    expect(value("hirewire_settlements_total", { outcome: "claimed" })).toBe(1);
    expect(value("hirewire_settlements_total", { outcome: "dropped" })).toBe(1);
  });

  it("counts as earned what becomes credit for want of room on a lane, and not what goes back to the requester", () => {
    const meter = newMeter();
    const postings = [
      { account: `held:${ROBOT.address}`, change: 100n },
      { account: `credit:${account(7)}`, change: -60n },
      { account: `credit:${ROBOT.address}`, change: -35n },
      { account: "fee", change: -5n },
    ];
    const bill = { requester: ROBOT.address, price: 65n, fee: 5n, legs: [], postings };
    meter.noteEntries([{ at: START, facts: [{ kind: "paid", task: "0x01", ...bill }] } as never]);
    const { value } = read(meter);
    expect(value("hirewire_earned_usdt_total")).toBeCloseTo(60e-6, 12);
    expect(value("hirewire_spent_usdt_total")).toBeCloseTo(65e-6, 12);
    expect(value("hirewire_fees_usdt_total")).toBeCloseTo(5e-6, 12);
  });

  it("counts the time of each task once, at its answer or its end", async () => {
    const { families } = read(await lived());
    const samples = families.get("hirewire_task_duration_seconds")?.samples ?? [];
    const counts = samples.filter(({ name }) => name.endsWith("_count"));
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(4);
    const inTen = samples.filter(({ name, labels }) => name.endsWith("_bucket") && labels["le"] === "10");
    // the first paid task takes eight records of one second each, the others fewer
    expect(inTen.reduce((sum, { value }) => sum + value, 0)).toBe(4);
  });

  it("counts what a lane has settled once, whoever tells it first", () => {
    const meter = newMeter();
    const lane = {
      payer: ROBOT.address,
      payee: MARKET.gateway,
      token: MARKET.token,
      epoch: 0,
      deposit: 100n,
    };
    const seen = (settled: bigint) => ({ ...lane, settled, closeAt: 0, window: 1 }) as never;
    const note = (fact: object) => meter.noteEntries([{ at: START, facts: [fact] } as never]);
    note({ kind: "laneObserved", ...(seen(40n) as object) });
    expect(meter.samples("hirewire_settled_usdt_total")[0]?.value).toBe(0);
    note({ kind: "laneObserved", ...(seen(60n) as object) });
    note({ kind: "claimed", transaction: "0x", lanes: [seen(60n)] });
    expect(meter.samples("hirewire_settled_usdt_total")[0]?.value).toBeCloseTo(20e-6, 12);
  });

  it("puts a duration in every bucket whose bound it does not pass", () => {
    const durations = new Durations();
    for (const seconds of [0.1, 0.11, 2_000, -5]) durations.observe({ firmware: "x" }, seconds);
    const samples = durations.samples("d");
    const below = (le: string) => samples.find(({ labels }) => labels["le"] === le)?.value;
    expect([below("0.1"), below("0.25"), below("1800"), below("+Inf")]).toEqual([2, 3, 3, 4]);
    expect(samples.find(({ name }) => name === "d_sum")?.value).toBeCloseTo(2_000.21, 6);
  });

  it("counts refusals by link and code, faults by code, and requests to the chain", async () => {
    const meter = newMeter();
    meter.noteRefusal(refuse("bad_json"), "mqtt");
    meter.noteRefusal(refuse("bad_json"), null);
    meter.noteFault(new Fault("gas_low", "low"));
    meter.noteFault(new TypeError("a defect"));
    const chain = {
      chainId: 1,
      head: () => Promise.resolve("the head"),
      fees: () => Promise.reject(new Fault("chain_unreachable", "gone")),
    } as unknown as Chain;
    const counted = countedChain(chain, (method, outcome) => meter.noteRequest(method, outcome));
    await expect(counted.head()).resolves.toBe("the head");
    await expect(counted.fees()).rejects.toThrow("gone");
    expect(counted.chainId).toBe(1);
    const { value } = read(meter);
    expect(value("hirewire_link_rejected_messages_total", { link: "mqtt", code: "bad_json" })).toBe(1);
    expect(value("hirewire_link_rejected_messages_total", { link: "unknown", code: "bad_json" })).toBe(1);
    expect(value("hirewire_faults_total", { code: "gas_low" })).toBe(1);
    expect(value("hirewire_faults_total", { code: "impossible" })).toBe(1);
    expect(value("hirewire_chain_requests_total", { method: "head", outcome: "ok" })).toBe(1);
    expect(value("hirewire_chain_requests_total", { method: "fees", outcome: "chain_unreachable" })).toBe(1);
  });

  it("takes nothing back when a serial line goes and comes again", () => {
    const meter = newMeter();
    const line = (framesReceived: number) => ({
      path: "/dev/a",
      framesReceived,
      framesSent: 0,
      discardedBytes: 2,
    });
    const frames = () => read(meter).value("hirewire_link_frames_total", { link: "serial", direction: "in" });
    const traffic = { heard: 3, said: 4 };
    meter.noteLinks(traffic, [line(10)]);
    meter.noteLinks(traffic, [line(15)]);
    meter.noteLinks(traffic, []);
    expect(frames()).toBe(15);
    meter.noteLinks(traffic, [line(2)]);
    expect(frames()).toBe(17);
    // opened anew between two looks
    meter.noteLinks(traffic, [line(1)]);
    expect(frames()).toBe(18);
    expect(read(meter).value("hirewire_link_frames_total", { link: "mqtt", direction: "out" })).toBe(4);
    expect(read(meter).value("hirewire_link_discarded_bytes_total")).toBe(4);
  });

  it("forgets verdicts after an hour", () => {
    const meter = newMeter();
    const verified = (verdict: string, at: number) =>
      meter.noteEntries([
        { at, facts: [{ kind: "verified", task: "0x00", verdict, rechecked: false }] } as never,
      ]);
    verified("rejected", NOW);
    verified("accepted", NOW + HOUR / 2);
    expect(meter.verdicts(NOW + HOUR / 2)).toEqual({ accepted: 1, rejected: 1 });
    expect(meter.verdicts(NOW + HOUR)).toEqual({ accepted: 1, rejected: 0 });
    verified("accepted", NOW);
    expect(meter.verdicts(NOW + HOUR / 2)).toEqual({ accepted: 2, rejected: 1 });
    expect(meter.verdicts(NOW + 2 * HOUR)).toEqual({ accepted: 0, rejected: 0 });
  });
});

describe("what bounds the labels", () => {
  it("calls firmware by its manifest or by eight digits, and the hundred and first other", () => {
    const names = new FirmwareNames(3);
    expect(names.of(firmware(1), "path-plan")).toBe("path-plan");
    expect(names.of(firmware(2), null)).toBe("00000002");
    // somebody else's module may not hide behind a name that is in use, or stand for all others
    expect(names.of(firmware(3), "path-plan")).toBe("00000003");
    expect(names.of(firmware(4), "new")).toBe("other");
    expect(names.of(firmware(1), "renamed")).toBe("path-plan");
    expect(new FirmwareNames(3).of(firmware(5), "other")).toBe("00000005");
  });

  it("shows a hundred devices: those heard of last, and those silent longest", () => {
    const devices = Array.from({ length: 150 }, (_, at) =>
      device({
        device: account(at),
        name: `d${at}`,
        state: "silent",
        since: ago(at * 1_000),
        heardAt: ago(at * 1_000),
      }),
    );
    const { families, value } = read(newMeter(), well({ devices }));
    const names = (name: MetricName) => families.get(name)?.samples.map(({ labels }) => labels["device"]);
    const heard = names("hirewire_session_last_message_timestamp_seconds");
    expect(heard).toHaveLength(100);
    expect(heard?.[0]).toBe("d0");
    const silent = names("hirewire_device_silent_since_timestamp_seconds");
    expect(silent).toHaveLength(100);
    expect(silent?.[0]).toBe("d149");
    expect(value("hirewire_devices", { link: "mqtt", state: "silent" })).toBe(150);
  });

  it("shows a name once, whatever the roster says", () => {
    const devices = [
      device(),
      device({ device: account(2) }),
      device({ device: account(3), heardAt: null, link: null }),
    ];
    const { families } = read(newMeter(), well({ devices }));
    expect(families.get("hirewire_session_last_message_timestamp_seconds")?.samples).toHaveLength(1);
  });
});

describe("the gauges", () => {
  it("show the vitals in base units", () => {
    const vitals = well({
      endingLanes: [
        endingLane({ unsettled: 0n, closesAt: instant(NOW - 1) }),
        endingLane({ closesAt: instant(NOW + 1_000) }),
      ],
      spending: [spend({ spent: 1n, cap: 3n }), spend({ spent: 2n, cap: 3n })],
    });
    const running = new Map([[firmware(1), { runs: 2, name: "path-plan" }]]);
    const { value } = read(newMeter(), { ...vitals, tasks: { ...vitals.tasks, running } });
    expect(value("hirewire_unsettled_usdt")).toBe(1.9024);
    expect(value("hirewire_wallet_usdt")).toBe(52.114);
    expect(value("hirewire_wallet_gas_native")).toBe(0.0412);
    expect(value("hirewire_lane_expiry_timestamp_seconds")).toBe((NOW + 1_000) / 1_000);
    expect(value("hirewire_spend_cap_used_ratio")).toBeCloseTo(2 / 3, 5);
    expect(value("hirewire_tasks_running", { firmware: "path-plan" })).toBe(2);
    expect(value("hirewire_clock_offset_seconds")).toBe(0.4);
    expect(value("hirewire_journal_intact")).toBe(1);
    expect(value("hirewire_build_info", { version: "0.1.0" })).toBe(1);
  });

  it("show the process: its memory, its time, its open files", () => {
    const { value } = read(newMeter());
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(value("process_open_fds")).toBeGreaterThan(3);
    expect(value("process_max_fds")).toBeGreaterThan(value("process_open_fds") ?? Number.NaN);
    expect(value("process_virtual_memory_bytes")).toBeGreaterThan(
      value("process_resident_memory_bytes") ?? Number.NaN,
    );
    expect(value("process_start_time_seconds")).toBeLessThan(NOW / 1_000);
  });
});
