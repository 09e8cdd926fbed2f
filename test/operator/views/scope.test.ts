/** Two fleets on one gateway: each sees its own money, and nothing lets one look across. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { EXPORT_FORMATS, settlementQuery } from "../../../src/operator/api/settlement.ts";
import { Librarian } from "../../../src/operator/views/librarian.ts";
import { Reader } from "../../../src/operator/views/reader.ts";
import { BOARD, buildLife, CHECKER, type Life, ROBOT } from "../../journal/life.ts";
import { append, STILL } from "./shelf.ts";

/** Owns the robot and the checker. */
const BUYER: Hex = `0x${"0a".repeat(20)}`;
/** Owns the board. */
const SELLER: Hex = `0x${"0b".repeat(20)}`;
const STRANGER: Hex = `0x${"0c".repeat(20)}`;

const folder = mkdtempSync(join(tmpdir(), "hirewire-scope-"));
let life: Life;
let reader: Reader;
let library: Librarian;

beforeAll(async () => {
  life = await buildLife();
  const drafts = life.drafts.map((draft) => ({
    ...draft,
    facts: draft.facts.map((fact) => {
      if (fact.kind !== "deviceEnrolled") return fact;
      return { ...fact, owner: fact.device === BOARD.address ? SELLER : BUYER };
    }),
  }));
  append(folder, drafts);
  reader = new Reader(folder, STILL);
  while (reader.follow());
  library = new Librarian(reader, () => STILL.now(), "");
});

afterAll(() => {
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

const page = (owner: Hex, asked: object = {}) =>
  library.page(settlementQuery.parse({ limit: 500, ...asked }), owner);

/** Everything that an owner can get out of the views, as one text. */
function allOf(owner: Hex): string {
  const rows = page(owner).rows;
  const said: unknown[] = [
    rows,
    library.choices(owner),
    library.perDevice(owner, 0, 9e15),
    library.prices(owner, 0, 9e15),
  ];
  said.push(library.endedTasks({ view: "ended", limit: 500 }, owner));
  for (const { sequence, task } of rows) {
    said.push(library.detail(sequence, owner));
    if (task) said.push(library.story(task, owner));
  }
  for (const format of EXPORT_FORMATS) {
    const id = library.exportOpen({ format }, owner);
    for (let chunk = library.exportNext(id); chunk; chunk = library.exportNext(id))
      said.push(new TextDecoder().decode(chunk));
  }
  for (let index = 1; index <= life.drafts.length; index++) said.push(library.entry(index, owner));
  return JSON.stringify(said);
}

describe("an owner", () => {
  it("sees the rows of its own devices, without the gateway's part and its gas", () => {
    const told = (owner: Hex) => page(owner).rows.map(({ kind, device }) => `${kind} ${device?.name}`);
    expect(told(SELLER)).toEqual(["earned board-3", "earned board-3", "settled board-3", "earned board-3"]);
    expect(told(BUYER)).toEqual([
      ...["returned robot-1", "spent robot-1", "spent robot-1", "settled checker", "settled robot-1"],
      ...["spent robot-1", "earned checker"],
    ]);
    expect(told(STRANGER)).toEqual([]);
    expect(page(SELLER).sums).toMatchObject({
      rows: 4,
      earned: "0.002079",
      spent: "0.000000",
      fee: "0.000000",
    });
    expect(library.sums(BUYER, 0, 9e15)).toMatchObject({
      earned: "0.000500",
      spent: "0.002600",
      earnedTasks: 1,
      spentTasks: 3,
    });
    expect(library.perDevice(SELLER, 0, 9e15).map(({ device }) => device)).toEqual([BOARD.address]);
  });

  it("reads the address of a counterparty, and not its name", () => {
    for (const { counterparty } of page(SELLER, { kind: "earned" }).rows) {
      expect(counterparty).toEqual({ address: ROBOT.address, name: null });
    }
    expect(library.choices(SELLER).counterparties).toContainEqual({ address: ROBOT.address, name: null });
    expect(allOf(SELLER)).not.toContain("robot-1");
    expect(allOf(SELLER)).not.toContain("checker");
    expect(allOf(BUYER)).not.toContain("board-3");
  });

  it("cannot find others by a name that it does not see, nor by the sums of a guess", () => {
    for (const asked of [
      { text: "robot" },
      { counterparty: "robot-1" },
      { device: "robot-1" },
      { device: ROBOT.address },
    ]) {
      expect(page(SELLER, asked)).toMatchObject({ rows: [], sums: { rows: 0, spent: "0.000000" } });
    }
    expect(page(SELLER, { counterparty: ROBOT.address }).rows).toHaveLength(3);
    const tasksOf = (device: string, owner: Hex) =>
      library.endedTasks({ view: "ended", limit: 9, device }, owner).tasks.map(({ task }) => task);
    expect(tasksOf("robot-1", SELLER)).toEqual([]);
    // who else worked on a task, digit by digit of its address
    expect(tasksOf(CHECKER.address, BUYER)).toEqual([life.paid]);
    expect(tasksOf(CHECKER.address.slice(0, 6), SELLER)).toEqual([]);
    expect(tasksOf(BOARD.address, SELLER)).toContain(life.paid);
  });

  it("gets not_found for rows, tasks and stories of others", () => {
    const own = new Set(page(SELLER).rows.map(({ sequence }) => sequence));
    for (let sequence = 1; sequence <= 17; sequence++) {
      const ask = () => library.detail(sequence, SELLER);
      if (own.has(sequence)) expect(ask().row.sequence).toBe(sequence);
      else expect(ask).toThrow(expect.objectContaining({ code: "not_found" }));
    }
    expect(() => library.story(life.paid, STRANGER)).toThrow(expect.objectContaining({ code: "not_found" }));
    expect(library.endedTasks({ view: "ended", limit: 9 }, STRANGER).tasks).toEqual([]);
    expect(library.prices(STRANGER, 0, 9e15)).toEqual([]);
  });

  it("reads of a task that its device only worked on its own part", () => {
    const told = library.story(life.paid, SELLER);
    expect(told.requester).toEqual({ address: ROBOT.address, name: null });
    expect(told.bids.map(({ provider }) => provider.name)).toEqual(["board-3"]);
    expect(told.awards.map(({ role }) => role)).toEqual(["run"]);
    expect(told.runs.map(({ role }) => role)).toEqual(["run"]);
    expect(told.checks).toEqual([]);
    expect(told.vouchers.map(({ role }) => role)).toEqual(["run"]);
    expect(told.bill).toBeNull();
    const requester = library.story(life.paid, BUYER);
    expect(requester.bids).toEqual([]);
    expect(requester.awards.map(({ provider }) => provider.name)).toEqual([null, "checker"]);
    expect(requester.vouchers.map(({ role }) => role)).toEqual(["payment", "check"]);
    expect(requester.bill).toMatchObject({ price: "0.001500" });
  });

  it("reads the text of records that tell of its own business alone", () => {
    const entries = [...library.story(life.paid, SELLER).entries, library.entry(1, SELLER)];
    for (const { text } of entries) {
      for (const other of [ROBOT, CHECKER]) if (text !== null) expect(text).not.toContain(other.address);
    }
    expect(entries.some(({ text }) => text !== null)).toBe(true);
    expect(entries.some(({ text }) => text === null)).toBe(true);
    // a claim holds everybody's vouchers in its bytes
    const claims = library
      .story(life.paid, BUYER)
      .entries.filter(({ kinds }) => kinds.includes("transactionPrepared"));
    expect(claims.map(({ text }) => text)).toEqual([null]);
  });
});
