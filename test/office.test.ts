/** The emergency switch between folder and journal: whatever is killed between two steps, a start rather stops than pays. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { replay } from "../src/exchange/replay.ts";
import type { Journal } from "../src/journal/journal.ts";
import { memoryJournal } from "../src/journal/memory-journal.ts";
import { Office } from "../src/office.ts";
import { askGateway } from "../src/operator/control/client.ts";
import {
  clearStop,
  orderResume,
  readStop,
  stopInForce,
  writeStop,
} from "../src/operator/control/stop-file.ts";
import { wagesOf } from "../src/payment/payment.ts";
import type { Fact } from "../src/protocol/facts.ts";
import { type Counter, openCounter } from "./exchange/counter.ts";
import { BOARD, bid, FUEL, funded, MARKET, ROBOT, result, START } from "./exchange/stage.ts";
import { announced, awardOf, running, TASK } from "./exchange/way.ts";

function folder(): string {
  const data = mkdtempSync(join(tmpdir(), "hirewire-office-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  return data;
}

const nothing = () => Promise.resolve({});

type House = { readonly counter: Counter; readonly office: Office };

/** A life of a gateway on this folder and journal, after its start; `isDeaf` dies before it hears what was journalled. */
async function start(data: string, journal: Journal, isDeaf = false): Promise<House> {
  const counter = openCounter({ journal, state: replay(journal, MARKET) });
  const { state, heartbeat, clock, events } = counter;
  const settlement = { transact: nothing, drain: () => Promise.reject(new Error("lanes are closed")) };
  const options = { data, market: MARKET, decimals: 6, clock, state, heartbeat, settlement };
  const office = new Office(options as unknown as ConstructorParameters<typeof Office>[0]);
  // as the gateway does, after the entries are on the disk
  const push = events.push.bind(events);
  events.push = (...made) => {
    for (const event of made) {
      if (event.what !== "entries" || isDeaf) continue;
      for (const { facts } of event.entries) for (const fact of facts) office.note(fact);
    }
    return push(...made);
  };
  await office.heed();
  await heartbeat.idle();
  return { counter, office };
}

const kinds = (journal: Journal): Fact["kind"][] =>
  [...journal.entries(0)].flatMap(({ facts }) => facts.map(({ kind }) => kind));
const isStopped = ({ counter }: House) => counter.state.payment.stopped !== null;

describe("the switch in folder and journal", () => {
  it("is turned in both, and lasts over a start", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const first = await start(data, journal);
    expect(await first.office.stopPaying("a key is lost")).toMatchObject({
      stopped: "a key is lost",
      halted: null,
    });
    expect(readStop(data)).toBe("a key is lost");
    const second = await start(data, journal);
    expect(isStopped(second)).toBe(true);
    await second.office.resumePaying();
    expect([readStop(data), isStopped(await start(data, journal))]).toEqual([null, false]);
    expect(kinds(journal)).toEqual(["payingStopped", "payingResumed"]);
  });

  it("stops at the next start where it died before the journal, after it, and while it resumed", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    writeStop(data, "file alone");
    const afterFile = await start(data, journal);
    expect(afterFile.counter.state.payment.stopped).toBe("file alone");
    clearStop(data);
    const noFile = await start(data, journal);
    expect([isStopped(noFile), readStop(data)]).toEqual([true, "file alone"]);
    const dying = await start(data, journal, true);
    await dying.counter.tell({ topic: "resumePaying", reason: "by the operator" });
    expect(isStopped(dying)).toBe(false);
    expect(isStopped(await start(data, journal))).toBe(true);
  });

  it("is in the folder before the journal has it, and for one whose journal fails", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const { counter, office } = await start(data, journal);
    const seen: (string | null)[] = [];
    counter.heartbeat.tell = () => {
      seen.push(readStop(data));
      return Promise.reject(new Error("the disk is full"));
    };
    await expect(office.stopPaying("a key is lost")).rejects.toThrow("the disk is full");
    expect(seen).toEqual(["a key is lost"]);
    expect(isStopped(await start(data, journal))).toBe(true);
  });

  it("is turned while the gateway is off, both ways, and by the later word of the two", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    await (await start(data, journal)).office.stopPaying("a key is lost");
    orderResume(data);
    expect(isStopped(await start(data, journal))).toBe(false);
    expect(existsSync(join(data, "resume-paying"))).toBe(false);
    orderResume(data);
    writeStop(data, "and again");
    expect(isStopped(await start(data, journal))).toBe(true);
    // killed between the two steps of a resume: both files are there
    writeFileSync(join(data, "resume-paying"), "");
    expect(stopInForce(data, null)).toBe("and again");
    expect(isStopped(await start(data, journal))).toBe(true);
  });

  it("keeps its first reason while it runs, and takes none of other people's lines", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const { office } = await start(data, journal);
    await office.stopPaying("first");
    expect(await office.stopPaying("second")).toMatchObject({ stopped: "first" });
    expect(readStop(data)).toBe("first");
    expect(await office.resumePaying()).toMatchObject({ stopped: null });
    expect(await office.resumePaying()).toMatchObject({ stopped: null });
    writeFileSync(join(data, "stop-paying"), `\u0007${"long ".repeat(100)}`);
    expect(stopInForce(data, null)?.length).toBeLessThanOrEqual(200);
  });
});

describe("a gateway that opens its control socket", () => {
  async function opened({ office }: House): Promise<void> {
    await office.open({ waiting: () => [], pair: nothing } as unknown as Parameters<Office["open"]>[0], {});
    onTestFinished(() => office.close());
  }

  it("heeds who found nobody to ask while it started, both ways", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const house = await start(data, journal);
    writeStop(data, "while it started");
    await opened(house);
    expect(house.counter.state.payment.stopped).toBe("while it started");
    await house.office.close();
    const next = await start(data, journal);
    orderResume(data);
    await opened(next);
    expect([isStopped(next), stopInForce(data, "journalled")]).toEqual([false, "journalled"]);
  });

  it("loses no word to stop that comes while it finds that nothing was stopped", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const { counter, office } = await start(data, journal);
    const { tell } = counter.heartbeat;
    counter.heartbeat.tell = (command) => {
      if (command.topic === "resumePaying") writeStop(data, "just now");
      return tell.call(counter.heartbeat, command);
    };
    await office.heed();
    expect(readStop(data)).toBe("just now");
  });

  it("closes no lanes where paying is stopped while it drains: what is earned by then needs them", async () => {
    const data = folder();
    const house = await start(data, memoryJournal());
    const { heartbeat } = house.counter;
    await opened(house);
    const tell = heartbeat.tell.bind(heartbeat);
    heartbeat.tell = async (command) => {
      await tell(command);
      if (command.topic === "halt") await tell({ topic: "stopPaying", reason: "a key is lost" });
    };
    await expect(askGateway(data, { do: "drain" })).rejects.toThrow(/while paying is stopped/);
  });
});

describe("when paying goes on", () => {
  async function earned(data: string, journal: Journal): Promise<House> {
    const house = await start(data, journal);
    const { counter, office } = house;
    await counter.observe(funded([ROBOT, BOARD], 10_000n));
    await running(counter);
    const ran = { verdict: "ok" as const, fuel: FUEL };
    await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, awardOf(counter), ran));
    await office.stopPaying("a key is lost");
    const award = awardOf(counter);
    await counter.tell({ topic: "inspected", task: TASK, award, passed: true, reason: "valid" });
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(490n);
    return house;
  }

  it("all that was earned is paid out", async () => {
    const { counter, office } = await earned(folder(), memoryJournal());
    await office.resumePaying();
    await counter.heartbeat.idle();
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(490n);
  });

  it("also where it had gone on while it was off, or died as it went on, or was halted as well", async () => {
    const [data, journal] = [folder(), memoryJournal()];
    const { office } = await earned(data, journal);
    await office.halt("inventory");
    await office.resumePaying();
    orderResume(data);
    const dying = await start(data, journal, true);
    expect(wagesOf(dying.counter.state.payment, BOARD.address)).toBe(490n);
    const again = await start(data, journal);
    await again.office.resume();
    await again.counter.heartbeat.idle();
    expect(again.counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(490n);
  });

  it("tasks that could not be awarded are announced again", async () => {
    const { counter, office } = await start(folder(), memoryJournal());
    await counter.observe(funded([ROBOT, BOARD], 10_000n));
    await announced(counter);
    await office.stopPaying("a key is lost");
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task: TASK });
    counter.heard();
    await office.resumePaying();
    expect(counter.heard().map(({ topic }) => topic)).toContain("announce");
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    counter.clock.set(START + 200);
    await counter.tell({ topic: "due", task: TASK });
    expect(counter.state.market.tasks.get(TASK)?.run?.provider).toBe(BOARD.address);
  });
});
