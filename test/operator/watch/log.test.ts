/** The log itself: levels, forms, what is censored, what is kept, and what HIREWIRE_LOG says. */
import { describe, expect, it } from "vitest";
import { instant } from "../../../src/base/clock.ts";
import { FAULTS, Fault, type FaultCode } from "../../../src/base/fault.ts";
import { LOG_ROOMS, logLine, logPage, logQuery } from "../../../src/operator/api/log.ts";
import { logClerks } from "../../../src/operator/watch/log/clerks.ts";
import { allAt, type Levels, Log, type LogForm } from "../../../src/operator/watch/log/log.ts";
import { parseLogSpec } from "../../../src/operator/watch/log/log-spec.ts";

const AT = instant(Date.UTC(2026, 10, 22, 10, 3, 4));

function newLog(options: { levels?: Levels; form?: LogForm } = {}) {
  const { levels = allAt("info"), form = "json" } = options;
  const written: string[] = [];
  const log = new Log({ clock: { now: () => AT }, levels, form, write: (text) => written.push(text) });
  return { log, written };
}

const query = (asked: object = {}) => logQuery.parse(asked);

describe("the log", () => {
  it("writes one line of JSON a thing: level, time, room, words, trace, facts as text", () => {
    const { log, written } = newLog();
    const trace = { trace_id: "ab".repeat(16), span_id: "cd".repeat(8) };
    log.say("market", "info", "task paid", { price: "0.000250" }, trace);
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^\{[^\n]*\}\n$/);
    expect(JSON.parse(written[0] ?? "")).toEqual({
      ...{ level: "info", time: AT, room: "market", ...trace, price: "0.000250", msg: "task paid" },
    });
  });

  it("gives each room a level of its own, which can be changed while it runs", () => {
    const { log, written } = newLog({ levels: { ...allAt("info"), link: "debug", payment: "silent" } });
    log.say("link", "debug", "one");
    log.say("market", "debug", "not said");
    log.say("payment", "error", "not said");
    expect([log.says("link", "debug"), log.says("market", "debug")]).toEqual([true, false]);
    log.setLevel("market", "trace");
    log.say("market", "trace", "two");
    log.setLevel(null, "warn");
    log.say("link", "info", "not said");
    log.say("payment", "warn", "three");
    expect(written.map((line) => JSON.parse(line).msg)).toEqual(["one", "two", "three"]);
    expect(log.levels).toEqual(allAt("warn"));
  });

  it("lets no secret through, wherever it stands", () => {
    const { log, written } = newLog();
    const secret = "5ecce7".repeat(10);
    for (const name of [
      "key",
      "secret",
      "token",
      "password",
      "cookie",
      "authorization",
      "privateKey",
      "proof",
    ]) {
      log.say("operator", "warn", "with a fact", { [name]: secret });
    }
    log.fault(
      new Fault("chain_unreachable", `node https://me:${secret}@host/rpc is away`, {
        facts: { key: secret },
      }),
    );
    log.fault(
      new Fault("usage", `no such page /login#token=${secret}`, { facts: { why: `ws://u:${secret}@h` } }),
    );
    expect(written).toHaveLength(10);
    expect(written.join("")).not.toContain(secret);
    expect(written.join("")).toContain("[secret]");
    expect(JSON.stringify(log.ring.find(query()))).not.toContain(secret);
  });

  it("keeps its own fields, whatever facts are called", () => {
    const { log, written } = newLog();
    log.say("link", "info", "words", { msg: "mine", level: "fatal", time: "0", room: "x", trace_id: "y" });
    expect(JSON.parse(written[0] ?? "")).toMatchObject({
      msg: "words",
      level: "info",
      time: AT,
      room: "link",
      msg_: "mine",
    });
    expect(written[0]?.match(/"(msg|level|time|room)":/g)).toHaveLength(4);
  });

  it("tells faults by their remedy: a warning for what is tried again, an error for what needs somebody", () => {
    const { log } = newLog({ levels: allAt("trace") });
    for (const code of Object.keys(FAULTS) as FaultCode[])
      log.fault(new Fault(code, "words", { facts: { n: 5n } }));
    const lines = log.ring.find(query());
    const level = { retry: "warn", reject: "warn", operator: "error", defect: "error" } as const;
    expect(lines.map((line) => line.facts["code"])).toEqual(Object.keys(FAULTS));
    expect(lines.map((line) => line.level)).toEqual(Object.values(FAULTS).map((remedy) => level[remedy]));
    expect(lines[0]?.facts["n"]).toBe("5");
    log.fault(new TypeError("no fault at all"));
    log.fault("not even an error");
    const [defect, text] = log.ring.find(query({ limit: 2 }));
    expect(defect).toMatchObject({ level: "error", facts: { code: "impossible", stack: /TypeError/ } });
    expect(text).toMatchObject({ msg: "not even an error", facts: { code: "impossible" } });
  });
});

describe("a line for a person", () => {
  it("is, of a fault, what every command says", () => {
    const { log, written } = newLog({ form: "human" });
    log.fault(new Fault("gas_low", "3 wei are left", { facts: { left: 3n } }));
    expect(written).toEqual(["hirewire [gas_low]: 3 wei are left\n"]);
  });

  it("is, of anything else, time, level, room, words and facts, hashes cut", () => {
    const { log, written } = newLog({ form: "human" });
    const trace = { trace_id: "ab".repeat(16), span_id: "cd".repeat(8) };
    log.say("market", "info", "task paid", { requester: "robot 1", firmware: `0x${"f1".repeat(32)}` }, trace);
    expect(written[0]).toBe(
      '10:03:04 info  market     task paid requester="robot 1" firmware=0xf1f1f1f1… task=ababababab…\n',
    );
  });

  it("cannot rewrite the terminal, whatever a device calls itself", () => {
    const { log, written } = newLog({ form: "human" });
    log.say("link", "info", "hello \u001b[2J", { device: "a\u202Eb\nhirewire [gas_low]: not true" });
    log.fault(new Fault("link_lost", "gone\r\n\u0007"));
    expect(written.map((line) => line.match(/[\p{C}\p{Zl}\p{Zp}]/gu))).toEqual([["\n"], ["\n"]]);
  });
});

describe("the newest lines", () => {
  it("are 2,000, numbered on, with how many have gone", () => {
    const { log } = newLog();
    for (let at = 1; at <= 4_500; at++) log.say("link", "info", `line ${at}`);
    const lines = log.ring.find(query({ limit: 1_000 }));
    expect(lines).toHaveLength(1_000);
    expect([lines[0]?.msg, lines.at(-1)?.msg, lines.at(-1)?.number]).toEqual([
      "line 3501",
      "line 4500",
      4_500,
    ]);
    expect(log.ring.dropped).toBe(2_500);
    expect(log.ring.find(query({ text: "line 2500" }))).toEqual([]);
    expect(log.ring.find(query({ text: "line 2501" }))).toHaveLength(1);
  });

  it("are found by level, room, text, trace, and by what came after", () => {
    const { log } = newLog({ levels: allAt("trace") });
    const trace = { trace_id: "ab".repeat(16), span_id: "cd".repeat(8) };
    log.say("link", "debug", "first", { device: "Robot-1" });
    log.say("market", "info", "second", {}, trace);
    log.say("market", "warn", "third", { about: trace.trace_id });
    const found = (asked: object) => log.ring.find(query(asked)).map(({ msg }) => msg);
    expect(found({ level: "info" })).toEqual(["second", "third"]);
    expect(found({ room: "link" })).toEqual(["first"]);
    expect(found({ text: "robot" })).toEqual(["first"]);
    expect(found({ trace: `0x${trace.trace_id.toUpperCase()}` })).toEqual(["second"]);
    expect(found({ after: 1, limit: 1 })).toEqual(["third"]);
    expect(found({ after: 3 })).toEqual([]);
    for (const line of log.ring.find(query())) logLine.parse(line);
  });
});

describe("the clerks", () => {
  const viewer = { name: "console", role: "operator", owner: null } as const;

  it("show lines and levels, and change them", async () => {
    const { log } = newLog();
    const clerks = logClerks(log);
    log.say("link", "info", "hello");
    const change = { params: {}, input: { room: "operator", level: "debug" } } as const;
    expect(await clerks.setLevel(change, viewer)).toEqual({ done: true });
    const page = logPage.parse(await clerks.logs({ params: {}, input: query() }, viewer));
    expect(page.lines.map(({ msg }) => msg)).toEqual(["hello", "log level changed"]);
    expect(page.levels).toEqual({ ...allAt("info"), operator: "debug" });
    await clerks.setLevel({ params: {}, input: { room: null, level: "silent" } }, viewer);
    expect(log.levels).toEqual(allAt("silent"));
  });
});

describe("HIREWIRE_LOG", () => {
  it("is every room at info when it says nothing", () => {
    for (const text of [undefined, "", " , "])
      expect(parseLogSpec(text)).toEqual({ levels: allAt("info"), form: null });
  });

  it("names levels for all rooms and for one, in any order, and the form", () => {
    const link = { ...allAt("warn"), link: "debug" };
    expect(parseLogSpec("link=debug,warn")).toEqual({ levels: link, form: null });
    expect(parseLogSpec(" WARN , Link=Debug,json")).toEqual({ levels: link, form: "json" });
    for (const room of LOG_ROOMS) expect(parseLogSpec(`${room}=trace`).levels[room]).toBe("trace");
  });

  it.each(["lnk=debug", "link=loud", "verbose", "link=", "=debug", "link=debug=info"])(
    "refuses %s",
    (text) => {
      expect(() => parseLogSpec(text)).toThrow(/HIREWIRE_LOG/);
    },
  );

  it("says what may have been meant", () => {
    expect(() => parseLogSpec("lnk=debug")).toThrow("did you mean link?");
    expect(() => parseLogSpec("debg")).toThrow("did you mean debug?");
  });
});
