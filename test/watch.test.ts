/** The watch as the gateway has it: signs from its rooms, and what it makes of entries, refusals, faults and sessions. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Hex } from "../src/base/bytes.ts";
import { instant } from "../src/base/clock.ts";
import { Fault } from "../src/base/fault.ts";
import { amount } from "../src/base/money.ts";
import { refuse } from "../src/base/refusal.ts";
import { readConfig } from "../src/config.ts";
import { emptyState } from "../src/exchange/state.ts";
import { memoryJournal } from "../src/journal/memory-journal.ts";
import type { DeviceTraffic } from "../src/link/broker/traffic.ts";
import { emptyStatistics } from "../src/link/serial/statistics.ts";
import { logQuery } from "../src/operator/api/log.ts";
import type { Verification } from "../src/operator/api/settlement.ts";
import type { DevicePlace } from "../src/operator/overview/parts.ts";
import { allAt, Log } from "../src/operator/watch/log/log.ts";
import type { Chain } from "../src/settlement/chain.ts";
import { Watch, type WatchOptions } from "../src/watch.ts";
import { BOARD, MARKET, ROBOT } from "./journal/signed-facts.ts";
import { readExposition } from "./operator/watch/exposition.ts";
import { ManualClock } from "./settlement/manual-clock.ts";

const MINUTE = 60_000;

const NEVER: Verification = {
  ...{ state: "never", startedAt: null, endedAt: null, checked: 0, total: 0 },
  ...{ signatures: 0, head: null, broken: null, chain: null },
};

function traffic(change: Partial<DeviceTraffic>): DeviceTraffic {
  const counts = { messagesIn: 0, messagesOut: 0, sessions: 1, refused: new Map() };
  const session = {
    link: "mqtt",
    origin: "127.0.0.1",
    sessionSince: null,
    goneAt: null,
    heardAt: null,
  } as const;
  return { ...counts, ...session, isWatched: true, ...change };
}

function stand(change: Partial<WatchOptions> = {}) {
  const data = mkdtempSync(join(tmpdir(), "hirewire-watch-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const file = join(data, "gateway.toml");
  const [vault, token] = [MARKET.vault, MARKET.token];
  writeFileSync(
    file,
    `version = 1\ndata = "."\n[chain]\nid = 5\nrpc = "http://127.0.0.1:1"\nvault = "${vault}"\ntoken = "${token}"\n`,
  );
  const clock = new ManualClock();
  const state = emptyState();
  for (const [at, { address }] of [ROBOT, BOARD].entries()) {
    const names = { name: `d${at}`, manufacturer: "maker", serialNumber: String(at) };
    state.roster.set(address, { ...names, address, owner: null });
  }
  const devices = new Map<Hex, DeviceTraffic>();
  const journal = memoryJournal();
  const log = new Log({ clock, levels: allAt("debug"), form: "json", write: null });
  const walk = { newest: NEVER };
  const places = new Map<Hex, DevicePlace>();
  const calls = { alerts: 0, signs: 0 };
  const chain = {
    head: () => Promise.resolve({ number: 7n, hash: "0x" as Hex, time: Math.floor(clock.now() / 1_000) }),
    fees: () => Promise.resolve({ maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n }),
    gasBalance: () => Promise.resolve(31_000n * 10n ** 9n * 2n),
    vaultBalance: () => Promise.resolve(amount(52n)),
  } as unknown as Chain;
  const watch = new Watch({
    ...{ config: readConfig(file), version: "0.1.0", market: { ...MARKET, chainId: 5 } },
    ...{ token: { decimals: 6, symbol: "USDT" }, clock, chain, state, log, sessions: () => 1 },
    head: () => journal.head(),
    devices: { of: (device) => devices.get(device) ?? null },
    ...{
      lines: () => [],
      traffic: () => ({ heard: 3, said: 4 }),
      refusals: () => new Map([["bad_json", 2]]),
    },
    placeOf: (device) => places.get(device) ?? "enrolled",
    ...{ keptCap: () => null, limits: { devicePerDay: () => amount(9n), ownerPerDay: null } },
    ...{ verification: () => walk.newest, finalized: () => 5, onAlerts: () => calls.alerts++ },
    onSigns: () => calls.signs++,
    ...change,
  });
  onTestFinished(() => watch.stop());
  return { watch, clock, state, devices, places, walk, log, calls, journal };
}

it("takes signs from the rooms, once a second at most", async () => {
  const { watch, clock, state } = stand();
  watch.start();
  await clock.advance(0);
  const first = watch.vitals();
  expect(first).toMatchObject({ startedAt: clock.now(), decimals: 6, isPlayMoney: false, sessions: 1 });
  expect(first.wallet).toMatchObject({ vault: 52n, settlementsLeft: 2, gasAlarm: 3 });
  expect(first.chain).toMatchObject({ head: { block: 7 }, finalized: 5 });
  expect(first.disk?.sizeBytes).toBeGreaterThan(0);
  expect(first.spending).toHaveLength(2);
  state.halted = "by the operator";
  await clock.advance(900);
  expect(watch.vitals()).toBe(first);
  await clock.advance(100);
  expect(watch.vitals().halted).toEqual({ reason: "by the operator", since: clock.now() });
});

it("looks at the alerts by itself, and tells when one comes or goes", async () => {
  const { watch, clock, state, calls } = stand();
  watch.start();
  await clock.advance(5_000);
  expect(calls.signs).toBe(2);
  // its coins pay for two settlements
  expect(calls.alerts).toBe(1);
  expect(watch.board.alerts({ owner: null }).map(({ rule }) => rule)).toEqual(["gasLow"]);
  state.payment.stopped = "a key was seen";
  await clock.advance(5_000);
  expect(calls.alerts).toBe(2);
  await clock.advance(MINUTE);
  const stopped = watch.board.alerts({ owner: null }).find(({ rule }) => rule === "stopped");
  expect(clock.now() - (stopped?.since ?? 0)).toBeGreaterThan(MINUTE - 1);
  expect(calls.alerts).toBe(2);
});

it("says of each device whether it is here, and since when it is not", async () => {
  const { watch, clock, devices, places, state } = stand();
  const began = clock.now();
  const states = () => watch.vitals().devices.map((one) => [one.state, one.since]);
  expect(states()).toEqual([
    ["silent", began],
    ["silent", began],
  ]);
  await clock.advance(MINUTE);
  const now = clock.now();
  devices.set(ROBOT.address, traffic({ sessionSince: now, heardAt: now }));
  devices.set(BOARD.address, traffic({ goneAt: instant(now - 5), heardAt: instant(now - 20) }));
  expect(states()).toEqual([
    ["live", now],
    ["silent", now - 5],
  ]);
  // in session, and nothing is heard of it: a cable that nobody has noticed
  await clock.advance(5 * MINUTE + 1);
  expect(states()[0]).toEqual(["silent", now]);
  places.set(ROBOT.address, "disabled");
  await clock.advance(MINUTE);
  const disabled = clock.now();
  expect(states()[0]).toEqual(["disabled", disabled]);
  await clock.advance(MINUTE);
  expect(states()[0]).toEqual(["disabled", disabled]);
  places.set(BOARD.address, "gone");
  state.roster.set("0x01", {
    address: "0x01",
    name: "g",
    owner: null,
    manufacturer: "guest",
    serialNumber: "1",
  });
  await clock.advance(MINUTE);
  expect(watch.vitals().devices.map(({ device }) => device)).toEqual([ROBOT.address]);
});

it("knows what the newest walk of the journal found, also while another one goes on", async () => {
  const { watch, clock, walk } = stand();
  const journal = async () => {
    await clock.advance(1_000);
    const { intact, verifiedAt, broken } = watch.vitals().journal;
    return { intact, verifiedAt, broken };
  };
  expect(await journal()).toEqual({ intact: null, verifiedAt: null, broken: null });
  const broken = { index: 3, why: "torn" };
  walk.newest = { ...NEVER, state: "broken", endedAt: clock.now(), broken };
  const found = { intact: false, verifiedAt: clock.now(), broken };
  expect(await journal()).toEqual(found);
  walk.newest = { ...NEVER, state: "running" };
  expect(await journal()).toEqual(found);
  walk.newest = { ...NEVER, state: "holds", endedAt: clock.now() };
  expect(await journal()).toEqual({ intact: true, verifiedAt: clock.now() - 1_000, broken: null });
});

it("counts and tells entries, refusals, faults and sessions", async () => {
  const statistics = { ...emptyStatistics(), framesReceived: 11 };
  const line = {
    path: "/dev/a",
    baud: 1,
    profile: "reliable",
    usb: null,
    roundTripMs: null,
    statistics,
  } as const;
  const { watch, clock, log, devices, journal } = stand({
    lines: () => [{ ...line, state: { state: "session" } }],
  });
  devices.set(ROBOT.address, traffic({ link: "serial" }));
  const cause = { by: null, topic: "", id: "", digest: "", refused: null };
  const task = `0x${"ab".repeat(16)}` as const;
  const facts = [{ kind: "verified", task, verdict: "accepted", rechecked: false }] as const;
  watch.noteEntries(journal.append([{ at: clock.now(), cause, facts }]));
  watch.noteRefusal(refuse("bad_json"), ROBOT.address, "offer");
  watch.noteFault(new Fault("link_lost", "gone"));
  watch.noteSession("began", { device: ROBOT.address, origin: "/dev/a" });
  watch.start();
  await clock.advance(0);
  const families = readExposition(watch.metrics());
  const value = (name: string, at = 0) => families.get(name)?.samples[at]?.value;
  const labels = (name: string) =>
    families.get(name)?.samples.map((sample) => Object.values(sample.labels).join(" "));
  expect(value("hirewire_verifications_total")).toBe(1);
  expect(labels("hirewire_link_rejected_messages_total")).toEqual(["serial bad_json"]);
  expect(labels("hirewire_faults_total")).toEqual(["link_lost"]);
  expect(labels("hirewire_link_frames_total")).toContain("serial in");
  expect(labels("hirewire_chain_requests_total")).toContain("head ok");
  expect(value("hirewire_journal_entries_total")).toBe(1);
  const messages = log.ring.find(logQuery.parse({})).map(({ room, msg }) => `${room}: ${msg}`);
  expect(messages).toEqual([
    "verdict: verdict",
    expect.stringMatching(/^link: refused: /),
    "link: gone",
    "link: session began",
  ]);
  const viewer = { name: "console", role: "viewer", owner: null } as const;
  const { alerts } = await watch.clerks().alerts({ params: {}, input: {} }, viewer);
  expect(alerts.map(({ rule }) => rule)).toEqual(["gasLow"]);
});
