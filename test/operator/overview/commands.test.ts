/** The commands that ask a running gateway, over a real control socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { askVerb } from "../../../src/desk.ts";
import type { Desk } from "../../../src/operator/api/desk.ts";
import { startControl } from "../../../src/operator/control/server.ts";
import { devicesCommand } from "../../../src/operator/devices/command.ts";
import { lanesCommand } from "../../../src/operator/lanes/command.ts";
import { overviewClerks } from "../../../src/operator/overview/clerks.ts";
import { statusCommand } from "../../../src/operator/status/command.ts";
import { tasksCommand } from "../../../src/operator/tasks/command.ts";
import { ARM, BOARD, ROBOT, START } from "../../exchange/stage.ts";
import { openStand, type Stand } from "./stand.ts";

let stand: Stand;
let first: string;
beforeAll(async () => {
  stand = await openStand([
    { signer: ROBOT, name: "robot-1", owner: null, origin: "192.0.2.1" },
    { signer: BOARD, name: "board-3", owner: null, origin: "/dev/ttyACM0" },
    { signer: ARM, name: "arm", owner: null, origin: null },
  ]);
  first = await stand.trade(ROBOT, BOARD, "one");
  await stand.trade(ROBOT, ARM, "two");
  stand.traffic.heard(BOARD.address, "bid", 250);
});

const noTask = (): never => {
  throw new Fault("not_found", "there is no such task");
};

/** A folder where a gateway answers, and what runs a command against it. */
async function gateway(change: Partial<Desk> = {}, isRunning: boolean = true) {
  const data = mkdtempSync(join(tmpdir(), "hirewire-ask-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const desk = { ...overviewClerks(stand.parts), task: noTask, ...change } as unknown as Desk;
  const control = isRunning ? await startControl(data, { ask: askVerb(desk) }) : null;
  let stop = () => control?.stop() ?? Promise.resolve();
  onTestFinished(() => stop());
  const stopping = new AbortController();
  const written: string[] = [];
  const warned: string[] = [];
  const io = {
    write: (text: string) => void written.push(text),
    warn: (text: string) => void warned.push(text),
  };
  let slept = 0;
  const ports = {
    readConfig: (path: string) => ({ data: path === "there.toml" ? data : "/nowhere" }) as never,
    defaultData: () => data as string | null,
    keys: {} as never,
    env: { LANG: "C.UTF-8" },
    clock: {
      now: () => stand.clock.now(),
      // every drawing is followed by the next, until the test ends it
      sleep: async () => {
        await onSleep(++slept);
      },
    },
    stopSignal: () => stopping.signal,
  };
  let onSleep = (_round: number): Promise<void> | void => {};
  type Command = (args: string[], io: never, ports: never) => Promise<number>;
  const run = async (command: unknown, ...args: string[]) => {
    written.length = warned.length = 0;
    const code = await (command as Command)(args, { ...io, isTerminal: false } as never, ports as never);
    return { code, text: written.join(""), warned: warned.join("") };
  };
  return {
    ...{ data, run, ports, written, warned, io },
    watch: (then: typeof onSleep) => {
      onSleep = then;
    },
    end: () => stopping.abort(),
    close: () => {
      const closing = stop();
      stop = () => Promise.resolve();
      return closing;
    },
  };
}

const COMMANDS = { status: statusCommand, devices: devicesCommand, tasks: tasksCommand, lanes: lanesCommand };

const lines = (text: string) => text.trimEnd().split("\n");

describe("hirewire status", () => {
  it("prints the first screen, in the language that is asked for", async () => {
    const { run, ports } = await gateway();
    const english = await run(statusCommand);
    expect(english).toMatchObject({ code: 0, warned: "" });
    expect(english.text).toMatch(/^● barn-pi {2}working .*DEMO - play money\n/);
    expect(english.text).toContain("Live tasks (2)\n");
    expect(lines(english.text).length).toBeLessThanOrEqual(24);
    expect((await run(statusCommand, "--language", "zh")).text).toContain("进行中的任务 (2)\n");
    expect((await run(statusCommand, "--period", "week")).text).toContain("Earned in 7 days");
    Object.assign(ports.env, { LANG: "zh_CN.UTF-8" });
    expect((await run(statusCommand)).text).toContain("● barn-pi  运行正常");
    expect((await run(statusCommand, "--language", "en")).text).toContain("working");
  });

  it("with --json gives what the API gives", async () => {
    const { run, ports } = await gateway();
    const { text } = await run(statusCommand, "--json", "--config", "there.toml");
    const offset = -new Date(ports.clock.now()).getTimezoneOffset();
    expect(JSON.parse(text)).toEqual(await stand.ask("overview", undefined, { offset }));
    expect(lines(text)).toHaveLength(1);
  });

  it("with --quiet says by its exit code alone whether all is well", async () => {
    const quiet = async (change: object) => {
      const overview = overviewClerks({ ...stand.parts, ...change }).overview;
      const { run } = await gateway({ overview });
      return await run(statusCommand, "--quiet");
    };
    expect(await quiet({})).toEqual({ code: 0, text: "", warned: "" });
    const halted = { ...stand.parts.vitals(), halted: { reason: "maintenance", since: START } };
    expect((await quiet({ vitals: () => halted })).code).toBe(1);
    const alert = {
      ...{ id: "x", rule: "gasLow", what: "", since: START, costs: "", mend: "", facts: {}, remedy: null },
    };
    expect((await quiet({ alerts: () => [{ ...alert, severity: "warning" }] })).code).toBe(0);
    expect((await quiet({ alerts: () => [{ ...alert, severity: "page" }] })).code).toBe(1);
  });

  it("with --watch draws it every two seconds until Ctrl-C, and waits for a gateway that is away", async () => {
    const { run, watch, end, close, warned, written } = await gateway();
    const seen: number[] = [];
    watch(async (round) => {
      seen.push(written.length);
      if (round === 3) await close();
      if (round === 5) end();
    });
    expect((await run(statusCommand, "--watch")).code).toBe(0);
    // three drawings, then nobody answers, and after the signal nothing is asked
    expect(seen).toEqual([1, 2, 3, 3, 3]);
    expect(warned).toHaveLength(2);
    expect(warned[0]).toMatch(/^no gateway answers in /);
  });

  it("clears a terminal before each drawing, and nothing else", async () => {
    const { run, io, ports, written, watch, end } = await gateway();
    watch((round) => (round === 1 ? end() : undefined));
    await statusCommand(["--watch"], { ...io, isTerminal: true }, ports as never);
    expect(written.map((text) => text.startsWith("\u001b[H\u001b[2J●"))).toEqual([true]);
    const once = await gateway();
    await statusCommand([], { ...once.io, isTerminal: true }, once.ports as never);
    expect(once.written[0]?.startsWith("●")).toBe(true);
    expect((await run(statusCommand, "--help")).text).toContain("--watch");
  });
});

describe("hirewire devices, tasks and lanes", () => {
  it("list devices, and show one", async () => {
    const { run } = await gateway();
    expect(lines((await run(devicesCommand)).text)).toEqual([
      "device   state   link    origin        heard      earned     spent  tasks",
      "arm      silent  -       -             -        0.000000  0.000000      0",
      "board-3  live    serial  /dev/ttyACM0  0 s ago  0.000000  0.000000      0",
      "robot-1  live    mqtt    192.0.2.1     0 s ago  0.000000  0.000000      0",
    ]);
    const { text } = await run(devicesCommand, "--state", "live", "--json");
    expect(lines(text).map((line) => JSON.parse(line).name)).toEqual(["board-3", "robot-1"]);
    const shown = (await run(devicesCommand, "show", "board-3")).text;
    expect(shown).toMatch(/^device +board-3 {2}0x[0-9a-f]{40} {2}acme\/sn-board-3$/m);
    expect(shown).toMatch(/^state +live {2}serial {2}\/dev\/ttyACM0$/m);
    expect(shown).toMatch(/^messages +in 1, out 0, sessions 1$/m);
    expect(shown).toMatch(/^message +2026-11-22T10:00:00\.\d+Z in bid 250 B$/m);
    const detail = JSON.parse((await run(devicesCommand, "show", "board-3", "--json")).text);
    expect(detail).toEqual(await stand.ask("device", undefined, {}, { device: "board-3" }));
    await expect(run(devicesCommand, "show", "nobody")).rejects.toMatchObject({ code: "not_found" });
    expect((await run(devicesCommand, "disable", "--help")).text).toContain("devices disable");
  });

  it("list live tasks and those that are over, page by page", async () => {
    const { run } = await gateway();
    const all = await run(tasksCommand);
    expect(lines(all.text)).toHaveLength(3);
    expect(lines(all.text)[1]).toMatch(
      /^0x[0-9a-f]{12} {2}running {2}2026.* path-plan {2}robot-1 {4}arm {6} *0\.001000$/,
    );
    const page = await run(tasksCommand, "--live", "--limit", "1", "--json");
    expect(lines(page.text)).toHaveLength(1);
    const [, next] = /--before (\S+)\n/.exec(page.warned) ?? [];
    const second = await run(tasksCommand, "--before", next ?? "", "--limit", "1", "--json");
    expect(JSON.parse(second.text).task).toBe(first);
    expect(second.warned).toBe("");
    expect((await run(tasksCommand, "--ended")).text).toBe("no such task has ended\n");
    expect((await run(tasksCommand, "--state", "announced")).text).toBe("nothing is under way\n");
  });

  it("show a task by the first digits of its id", async () => {
    const asked: string[] = [];
    const task = (what: { params: { task: string } }) => {
      asked.push(what.params.task);
      return Promise.reject(new Fault("not_found", "there is no such task"));
    };
    const { run } = await gateway({ task: task as never });
    await expect(run(tasksCommand, "show", first.slice(0, 12))).rejects.toMatchObject({ code: "not_found" });
    await expect(run(tasksCommand, "show", first.toUpperCase().replace("0X", "0x"))).rejects.toThrow();
    expect(asked).toEqual([first, first]);
    await expect(run(tasksCommand, "show", "0xdead")).rejects.toThrow(/begins with 0xdead/);
  });

  it("list lanes, of one device too", async () => {
    const { run } = await gateway();
    const rows = lines((await run(lanesCommand)).text);
    expect(rows).toHaveLength(7);
    expect(rows.slice(0, 3)).toEqual([
      "device   direction  state   deposit    signed   settled  unsettled      room  closes at",
      "robot-1  incoming   open   0.010000  0.002400  0.000000   0.002400  0.007600  -",
      "robot-1  outgoing   open   0.010000  0.000000  0.000000   0.000000  0.010000  -",
    ]);
    const { text } = await run(lanesCommand, "arm", "--direction", "outgoing", "--json");
    expect(lines(text).map((line) => JSON.parse(line).id)).toEqual([`${ARM.address}-out`]);
    expect((await run(lanesCommand, "--state", "closing")).text).toBe("there is no such lane\n");
  });

  it("end with exit code 4 where no gateway answers", async () => {
    const { run } = await gateway({}, false);
    for (const command of Object.values(COMMANDS)) {
      await expect(run(command)).rejects.toMatchObject({ code: "link_lost" });
    }
    await expect(run(statusCommand, "--quiet")).rejects.toMatchObject({ code: "link_lost" });
  });

  it("say so where a gateway of another version answers", async () => {
    const { run } = await gateway({ lanes: (() => Promise.resolve({ lanes: "many" })) as never });
    await expect(run(lanesCommand)).rejects.toThrow(/another version/);
  });

  it.each<[keyof typeof COMMANDS, string[]]>([
    ["status", ["now"]],
    ["status", ["--period", "year"]],
    ["status", ["--language", "fr"]],
    ["status", ["--quiet", "--watch"]],
    ["status", ["--data", "x", "--config", "y"]],
    ["devices", ["list"]],
    ["devices", ["show"]],
    ["devices", ["--state", "dead"]],
    ["tasks", ["one"]],
    ["tasks", ["--live", "--ended"]],
    ["tasks", ["--limit", "0"]],
    ["tasks", ["--before", "yesterday"]],
    ["lanes", ["a", "b"]],
    ["lanes", ["--direction", "up"]],
    ["lanes", ["--state", "gone"]],
  ])("refuse what they do not understand: %s %j", async (name, args) => {
    const { run } = await gateway();
    await expect(run(COMMANDS[name], ...args)).rejects.toMatchObject({ code: "usage" });
  });

  it("need a folder", async () => {
    const { ports, io } = await gateway({}, false);
    const nowhere = { ...ports, defaultData: () => null };
    const asking = statusCommand([], { ...io, isTerminal: false }, nowhere as never);
    await expect(asking).rejects.toMatchObject({ code: "config_missing" });
  });
});
