import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amount } from "../../../src/base/money.ts";
import type { AlertRow } from "../../../src/operator/api/alert.ts";
import type { Overview } from "../../../src/operator/api/overview.ts";
import { alertText } from "../../../src/operator/overview/alert-text.ts";
import { cut, padded, printable, spread, table, widthOf } from "../../../src/operator/overview/columns.ts";
import { spanText, statusText } from "../../../src/operator/overview/status-text.ts";
import { LANGUAGES, WORDS } from "../../../src/operator/overview/words.ts";
import { RULE_NAMES } from "../../../src/operator/watch/alert/rules.ts";
import { ARM, BOARD, GATEWAY, laneSeen, ROBOT, START } from "../../exchange/stage.ts";
import { type Member, openStand, viewerOf } from "./stand.ts";

const OWNER = `0x${"4e".repeat(20)}` as const;

const members: readonly Member[] = [
  { signer: ROBOT, name: "robot-1", owner: OWNER, origin: "192.0.2.1" },
  { signer: BOARD, name: "board-3", owner: OWNER, origin: "/dev/ttyACM0" },
  { signer: ARM, name: "arm", owner: null, origin: null },
];

const silent: AlertRow = {
  ...{ id: "deviceSilent:arm", rule: "deviceSilent", severity: "warning", since: START, costs: "its tasks" },
  ...{ what: "arm is silent for 6 min", mend: "look at its cable", remedy: null },
  facts: { device: "arm", silent: "6 min" },
};

const urgent: AlertRow = {
  ...{ id: "laneEnding:arm", rule: "laneEnding", severity: "page", since: START, costs: "1.200000 USDT" },
  ...{ what: "the lane of arm ends in 3 h", mend: "hirewire settle --now", remedy: null },
  facts: { device: "arm", left: "3 h", amount: "1.200000 USDT" },
};

async function busy(alerts: readonly AlertRow[] = [silent, urgent]) {
  const stand = await openStand(
    members,
    new Map([
      [BOARD.address, { earned: 4_218_300n, spent: 0n }],
      [ROBOT.address, { earned: 0n, spent: 310_000n }],
    ]),
    { alerts: () => alerts, limits: { devicePerDay: () => amount(2_000_000n), ownerPerDay: null } },
  );
  await stand.deliver(BOARD, await stand.trade(ROBOT, BOARD, "one"));
  await stand.trade(ROBOT, ARM, "two");
  const closeAt = START / 1_000 + 7_200;
  await stand.observe([laneSeen(ARM.address, GATEWAY.address, 10_000n, { closeAt })]);
  stand.clock.set(START + 100_000);
  return stand;
}

/** What a terminal, or a reader's eye, would be led astray by. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

const screen = (...lines: string[]) => `${lines.join("\n")}\n`;

describe("the first screen as text", () => {
  it("in English", async () => {
    const stand = await busy();
    expect(statusText(await stand.ask("overview"))).toBe(
      screen(
        "● barn-pi  working                                             DEMO - play money",
        "journal intact, checked 2 min ago, 7 entries             2026-11-22 10:01:40 UTC",
        "",
        "Earned today      4.218300 USDT  +0.0 % on the day before  2 tasks",
        "Spent today       0.310000 USDT  cap 6.000000 a day  2 tasks  fees 0.000011",
        "Not yet settled   0.002400 USDT  we owe 0.000784  next claim in 58 min",
        "Wallet           52.114000 USDT  + 9.000000 on lanes  gas 0.0412 ETH ● enough",
        "",
        "Needs you (2)",
        "▲ arm is silent for 6 min                                      look at its cable",
        "■ the lane of arm ends in 3 h                              hirewire settle --now",
        "Live tasks (1)",
        "  path-plan          robot-1        arm            running 1 min        0.001000",
        "Devices: 2 live, 1 silent",
        "▲ arm                  -       silent    not seen since the start       0.000000",
        "● board-3              serial  live      heard 1 min ago                4.218300",
        "● robot-1              MQTT    live      heard 1 min ago                0.000000",
        "Lanes: 5 open, 1 closing",
        "▲ arm                  to the gateway    ends in 1 h        0.000000 of 0.010000",
        "  robot-1              to the gateway    open               0.002400 of 0.010000",
        "  board-3              from the gateway  open               0.000784 of 0.010000",
        "  robot-1              from the gateway  open               0.000000 of 0.010000",
        "  board-3              to the gateway    open               0.000000 of 0.010000",
        "  arm                  from the gateway  open               0.000000 of 0.010000",
      ),
    );
  });

  it("in Chinese, whose characters take two columns, for one owner", async () => {
    const stand = await busy([silent]);
    expect(statusText(await stand.ask("overview", viewerOf(OWNER)), "zh")).toBe(
      screen(
        "● barn-pi  运行正常                                        演示模式 - 非真实资金",
        "账本 完整，2 分钟前校验，7 条账目                        2026-11-22 10:01:40 UTC",
        "",
        "今日收入          4.218300 USDT  +0.0 % 较前一天  2 个任务",
        "今日支出          0.310000 USDT  每天上限 4.000000  2 个任务",
        "待结算            0.000784 USDT  我方应付 0.002400  下次兑付：58 分钟后",
        "通道存入额与余额  0.017600 USDT  + 0.000400  预留 0.001200  欠款 0.000000",
        "",
        "需要处理 (1)",
        "▲ arm 已 6 分钟无响应                                          look at its cable",
        "进行中的任务 (1)",
        "  path-plan          robot-1        0xd09a…086c    运行中 1 分钟        0.001000",
        "设备：2 在线",
        "● board-3              串口    在线      1 分钟前有消息                 4.218300",
        "● robot-1              MQTT    在线      1 分钟前有消息                 0.000000",
        "通道：4 开放",
        "  robot-1              付给网关          开放                0.002400 / 0.010000",
        "  board-3              网关付出          开放                0.000784 / 0.010000",
        "  robot-1              网关付出          开放                0.000000 / 0.010000",
        "  board-3              付给网关          开放                0.000000 / 0.010000",
      ),
    );
  });

  it("of a gateway that has just begun", async () => {
    const stand = await openStand([]);
    const journal = { ...stand.parts.vitals().journal, intact: null, verifiedAt: null };
    const wallet = { ...stand.parts.vitals().wallet, vault: null, gas: null, settlementsLeft: null };
    const vitals = { ...stand.parts.vitals(), journal, wallet, isPlayMoney: false };
    const place = { ...stand.parts.place, beganAt: START };
    const fresh = await openStand([], new Map(), { vitals: () => vitals, place });
    expect(statusText(await fresh.ask("overview"))).toBe(
      screen(
        "● barn-pi  working                                                         local",
        "journal not checked yet, 7 entries                       2026-11-22 10:00:00 UTC",
        "",
        "Earned today     0.000000 USDT  0 tasks",
        "Spent today      0.000000 USDT  0 tasks  fees 0.000011",
        "Not yet settled  0.000000 USDT  we owe 0.000000",
        "Wallet           not known yet  + 9.000000 on lanes  gas not known yet",
        "",
        "Nothing needs you.",
        "No task is under way.",
        "No device is enrolled: hirewire device add NAME",
        "No lane is open.",
      ),
    );
  });

  it("says why it does not work, and that gas is low", async () => {
    const stand = await busy();
    const vitals = {
      ...stand.parts.vitals(),
      stopped: { reason: "a leak\u001b[2J of keys", since: START },
      wallet: { ...stand.parts.vitals().wallet, settlementsLeft: 2, gas: 41_200_000_000n },
      journal: { ...stand.parts.vitals().journal, intact: false },
    };
    const other = await openStand(members, new Map(), { vitals: () => vitals });
    const text = statusText(await other.ask("overview"));
    expect(text).toContain("■ barn-pi  stopped: pays nothing");
    expect(text).toContain("\n  a leak [2J of keys\n");
    expect(text).toContain("journal BROKEN");
    expect(text).toContain("gas 0.000000041 ETH ▲ low");
  });

  it("has never more than 24 lines of the width that it is told, and nothing that a terminal obeys", async () => {
    const stand = await busy();
    const base = await stand.ask("overview");
    const odd = [
      "a",
      " ",
      "通",
      "é",
      "\u0301",
      "\u001b[2J",
      "\n",
      "\u202e",
      "\u2028",
      "🤖",
      "\ud800",
      "…",
      "\u00ad",
    ];
    const text = fc.array(fc.constantFrom(...odd), { maxLength: 60 }).map((parts) => parts.join(""));
    const times = <T>(rows: readonly T[], count: number) => Array.from({ length: count }, () => rows).flat();
    const counts = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(9));
    fc.assert(
      fc.property(
        text,
        counts,
        fc.constantFrom(...LANGUAGES),
        fc.integer({ min: 1, max: 132 }),
        (word, many, language, columns) => {
          const [alerts, tasks, devices, lanes] = many;
          const seen: Overview = {
            ...base,
            name: word || "x",
            reason: word,
            token: { ...base.token, symbol: word },
            alerts: times(base.alerts, alerts).map((alert) => ({
              ...alert,
              what: word,
              mend: word,
              rule: word,
            })),
            tasks: {
              open: tasks,
              live: times(base.tasks.live, tasks).map((task) => ({ ...task, state: word })),
            },
            devices: {
              ...base.devices,
              rows: times(base.devices.rows, devices).map((row) => ({ ...row, name: word })),
            },
            lanes: { ...base.lanes, rows: times(base.lanes.rows, lanes) },
          };
          const lines = statusText(seen, language, "week", columns).split("\n");
          expect(lines.pop()).toBe("");
          expect(lines.length).toBeLessThanOrEqual(24);
          const most = Math.max(40, columns);
          expect(lines.filter((line) => widthOf(line) > most || OBEYED.test(line))).toEqual([]);
          // each section has its share of the lines that there are
          if (many.every((count) => count > 0)) expect(lines.length).toBeGreaterThan(12);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("words", () => {
  it("of an alert are there for every rule in Chinese, with all that it is about", () => {
    const facts = {
      ...{
        entry: "7",
        why: "W",
        device: "D",
        left: "3 h",
        amount: "A",
        waiting: "2 d",
        reason: "R",
        coins: "C",
      },
      ...{ block: "9", age: "5 min", way: "ahead", by: "45 s", percent: "9", free: "F", silent: "6 min" },
      ...{ total: "20", rejected: "3", name: "N", spent: "S", cap: "L", kind: "device" },
    };
    for (const rule of RULE_NAMES) {
      const left = rule === "gasLow" ? "2" : facts.left;
      const text = alertText({ ...silent, rule, facts: { ...facts, left } }, "zh");
      expect(text, rule).toMatch(/\p{Script=Han}/u);
      expect(text, rule).not.toMatch(/undefined|\b(min|h|d|s)\b/);
      expect(alertText({ ...silent, rule, facts }, "en")).toBe(silent.what);
    }
    expect(alertText({ ...silent, rule: "unheardOf" }, "zh")).toBe(silent.what);
    expect(alertText({ ...silent, rule: "toString" }, "zh")).toBe(silent.what);
  });

  it("for states are the page's", () => {
    const path = "../../../src/operator/page/words/state.words.ts";
    const page = readFileSync(join(import.meta.dirname, path), "utf8");
    for (const language of LANGUAGES) {
      const { device, lane, direction, link, task } = WORDS[language];
      for (const [key, word] of [device, lane, direction, link, task].flatMap(Object.entries)) {
        expect(page).toContain(`${key}: "${word}"`);
      }
    }
  });

  it("for spans name the largest unit", () => {
    const spans = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000, 86_399_999, 86_400_000, -5];
    expect(spans.map((ms) => spanText(ms, "en"))).toEqual([
      "0 s",
      "0 s",
      "1 s",
      "59 s",
      "1 min",
      "59 min",
      "1 h",
      "23 h",
      "1 d",
      "0 s",
    ]);
    expect(spanText(7_200_000, "zh")).toBe("2 小时");
  });
});

describe("columns", () => {
  it("are as wide as a terminal draws them", () => {
    expect([widthOf("board-3"), widthOf("通道"), widthOf("é"), widthOf("e\u0301"), widthOf("🤖")]).toEqual([
      7, 4, 1, 1, 2,
    ]);
    expect([cut("通道存入额", 10), cut("通道存入额", 9), cut("abc", 2), cut("abc", 0)]).toEqual([
      "通道存入额",
      "通道存入…",
      "a…",
      "",
    ]);
    expect([padded("ab", 4), padded("ab", 4, true), padded("通道", 5)]).toEqual(["ab  ", "  ab", "通道 "]);
    expect([spread("left", "right", 12), spread("very long left", "right", 12), spread("x", "", 3)]).toEqual([
      "left   right",
      "very…  right",
      "x",
    ]);
    expect(
      table(
        [
          ["a", "1.5", "x"],
          ["bbb", "10.5", ""],
        ],
        [1],
      ),
    ).toEqual(["a     1.5  x", "bbb  10.5"]);
  });

  it("have nothing in them that moves a cursor or turns the text around", () => {
    expect(printable("a\u001b[31m\nb\u202ec\u2028d\u0085")).toBe("a [31m b c d");
  });
});
