import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, instant, systemClock } from "../../../src/base/clock.ts";
import type { Entry, Journal } from "../../../src/journal/journal.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { logCommand } from "../../../src/operator/log/command.ts";
import { FACT_KINDS } from "../../../src/protocol/facts.ts";
import { BOARD, draftOf, type Life, live, ROBOT, START, voucherFact } from "../../journal/life.ts";
import { changeTexts } from "../../journal/tamper.ts";

const folder = mkdtempSync(join(tmpdir(), "log-"));
let life: Life;
let entries: Entry[] = [];
let writer: Journal;

// The gateway keeps its journal open all the while, as it does beside a real `hirewire log`.
beforeAll(async () => {
  writer = openJournal(folder);
  life = await live(writer);
  entries = [...writer.entries()];
});
afterAll(() => {
  writer.close();
  rmSync(folder, { recursive: true, force: true });
});

const clock: Clock = { ...systemClock, now: () => instant(START + 34_000) };

async function log(args: string[], io: { columns?: number; isTerminal?: boolean } = {}, data = folder) {
  let out = "";
  let warned = "";
  const sink = {
    isTerminal: false,
    ...io,
    write: (text: string) => {
      out += text;
    },
    warn: (text: string) => {
      warned += text;
    },
  };
  const exit = await logCommand(args, sink, data, clock);
  return { exit, out, warned, lines: out.split("\n").slice(0, -1) };
}

/** A folder with another short journal. */
function another(write: (journal: Journal) => void): string {
  const other = mkdtempSync(join(folder, "other-"));
  const journal = openJournal(other);
  write(journal);
  journal.close();
  return other;
}

describe("hirewire log", () => {
  it("shows one line per fact with name, task and aligned amount, and what was moved at the foot", async () => {
    const { exit, lines } = await log(["--last", "100"]);
    expect(exit).toBe(0);
    expect(lines).toContain(
      ` 4  2026-11-22T10:00:03.000Z  offered              robot-1        ${life.paid.slice(2, 10)}         0.002000  asks for f1f1f1f1, up to 1000000 Mfuel and 0.002000, checks 0.001000`,
    );
    expect(lines.slice(-3)).toEqual([
      "",
      "paid 0.002600 for 3 tasks, of which fees 0.000021",
      "received 0.013300 in 3 vouchers",
    ]);
    const facts = life.drafts.flatMap((draft) => draft.facts);
    expect(lines).toHaveLength(facts.length + 3);
    for (const kind of FACT_KINDS) expect(lines.some((line) => line.includes(`  ${kind}`))).toBe(true);
  });

  it("cuts lines to the width of the terminal", async () => {
    const { lines } = await log([], { columns: 100, isTerminal: true });
    expect(Math.max(...lines.map((line) => [...line].length))).toBe(100);
  });

  it("shows only the newest lines, or those of a period", async () => {
    const all = (await log(["--last", "1000"])).lines.slice(0, -3);
    expect((await log(["--last", "3"])).lines).toEqual(all.slice(-3));
    // The clock stands one second after the last entry, which is 34 records after the start.
    expect((await log(["--last", "2s"])).lines).toEqual(all.filter((line) => /^(33|34) /.test(line)));
    expect((await log(["--last", "1"])).lines).toEqual(all.slice(-1));
  });

  it("shows a device by name and by address, with its own part of each payment", async () => {
    const board = await log(["--device", "board-3"]);
    expect(await log(["--device", BOARD.address.toUpperCase().replace("0X", "0x")])).toEqual(board);
    expect(board.lines.at(-1)).toBe("earned 0.002079 and spent 0.000000 in 3 tasks");
    expect(board.out).toContain("paid                 board-3");
    expect(board.out).not.toContain("offered ");
    const robot = await log(["--device", "Robot-1", "--kind", "paid"]);
    expect(robot.lines.at(-1)).toBe("earned 0.000000 and spent 0.002300 in 2 tasks");
    await expect(log(["--device", "robot1"])).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("robot-1"),
    });
  });

  it("shows only the kinds asked for", async () => {
    const { lines } = await log(["--kind", "claimed,ended"]);
    const kinds = lines.slice(0, -2).map((line) => line.split(/ +/)[2]);
    expect(kinds).toEqual(["ended", "claimed", "ended"]);
  });

  it("writes JSON Lines from which every hash can be computed again", async () => {
    const { lines } = await log(["--json"]);
    const parts = lines.map((line) => JSON.parse(line));
    for (const entry of entries) {
      const own = parts.filter((part) => part.index === entry.index);
      expect(own.map((part) => part.part)).toEqual(entry.facts.map((_, i) => i + 1));
      const [{ previous, index, at, cause, hash }] = own;
      const text = JSON.stringify([previous, index, at, cause, own.map((part) => part.fact)]);
      expect(`0x${createHash("sha256").update(text).digest("hex")}`).toBe(hash);
    }
  });

  it("writes CSV of RFC 4180 in UTC", async () => {
    const { out } = await log(["--csv", "--kind", "withdrawn"]);
    const hash = entries[14]?.hash;
    expect(out).toBe(
      "index,time,kind,name,device,task,amount,fuel,verdict,rate,text,hash\r\n" +
        `15,2026-11-22T10:00:14.000Z,withdrawn,board-3,${BOARD.address},${life.ended},,,,,"out of the run: declined: =1+1, ""busy""",${hash}\r\n`,
    );
  });

  it("writes rates, fuel and verdicts where there are some, in words and in columns", async () => {
    const { out } = await log(["--kind", "offered,bidPlaced,awarded,delivered,invoiced,paid"]);
    expect(out).toContain("bids 0.000000001/Mfuel, good until");
    expect(out).toContain("awarded the run at 0.000000001/Mfuel, fee 1 %");
    expect(out).toContain("delivered the run: output 07070707, 32 bytes, 1000000 Mfuel");
    expect(out).toContain("delivered the run: out-of-fuel, 1000000 Mfuel");
    expect(out).toContain("asks for path-plan 1.0.0 (f1f1f1f1), up to");
    expect(out).toContain("invoiced 0.000800 for 1000000 Mfuel, due");
    expect(out).toContain("paid for 1000000 Mfuel: 0.000990 to board-3");
    const rows = (await log(["--csv", "--kind", "bidPlaced,delivered,checked"])).lines.slice(1);
    expect(rows.map((row) => row.split(",").slice(7, 10).join())).toEqual([
      ",,0.000000001",
      ...["1000000000000,ok,", "1000000000000,ok,", "1000000000000,ok,"],
      ...["1000000000000,out-of-fuel,", "1000000000000,out-of-fuel,"],
    ]);
    const bid = JSON.parse((await log(["--json", "--kind", "bidPlaced"])).out);
    expect(bid).toMatchObject({ rate: "0.000000001", fuel: null, verdict: null, fact: { rate: "1000" } });
    const { out: shown } = await log(["show", "7"]);
    expect(shown).toMatch(/fuelLimit +1000000 Mfuel/);
    expect(shown).toMatch(/rate +0\.000000001\/Mfuel/);
    expect(shown).toMatch(/verdict +ok/);
  });

  it("disarms what devices write: formulas in CSV, escapes on a terminal", async () => {
    const name = '=HYPERLINK("x")\u001b[2J\n\u202egood';
    const device = { kind: "deviceEnrolled" as const, device: ROBOT.address, owner: null, name };
    const other = another((journal) =>
      journal.append([draftOf([{ ...device, manufacturer: "a", serialNumber: "b" }])]),
    );
    const csv = await log(["--csv"], {}, other);
    expect(csv.out.split("\r\n")[1]).toContain(`,"'=HYPERLINK(""x"")�[2J��good",`);
    const table = await log([], { isTerminal: true }, other);
    expect(table.lines).toHaveLength(1);
    for (const unsafe of ["\u001b", "\u202e"]) expect(table.out).not.toContain(unsafe);
  });

  it("says why a command was refused although its voucher was kept, and lists entries without facts", async () => {
    const fact = await voucherFact(5n, 5n);
    const draft = draftOf([fact], START, ROBOT.address);
    const other = another((journal) => {
      journal.append([
        { ...draft, cause: { ...draft.cause, topic: "offer", refused: "credit_short" } },
        draftOf([]),
      ]);
    });
    const { lines } = await log([], {}, other);
    expect(lines[0]).toContain("its offer was refused: credit_short");
    expect(lines[0]).toContain(`${ROBOT.address.slice(0, 6)}…${ROBOT.address.slice(-4)}`);
    expect(lines[1]).toContain("nothing but its command");
    expect(JSON.parse((await log(["--json"], {}, other)).lines[1] ?? "")).toMatchObject({
      fact: null,
      parts: 0,
    });
  });

  it("prints help, and names a folder without a journal", async () => {
    expect((await log(["--help"])).out).toContain("hirewire log verify");
    await expect(log([], {}, join(folder, "nowhere"))).rejects.toMatchObject({ code: "config_missing" });
  });
});

describe("hirewire log show", () => {
  it("tells the whole life of a task from any of its entries", async () => {
    const shown = JSON.parse((await log(["show", "9", "--json"])).out);
    expect(shown.entry).toHaveLength(1);
    const [tale] = shown.tasks;
    expect(tale.task).toBe(life.paid);
    expect(tale.state).toBe("settled");
    expect(tale.steps.map((step: { kind: string }) => step.kind)).toEqual([
      ...["voucherReceived", "offered", "announced", "bidPlaced", "awarded", "accepted", "started"],
      ...["delivered", "awarded", "accepted", "delivered", "checked", "verified", "paid"],
      ...["transactionPrepared", "claimed"],
    ]);
    expect(tale.steps[1].signer).toBe(ROBOT.address);
    expect(tale.steps[3].signer).toBe(BOARD.address);
    expect(tale.steps.at(-1).index).toBe(18);
  });

  it("shows hashes, signers and money in words on a terminal", async () => {
    const { out } = await log(["show", "12"]);
    expect(out).toContain(`task ${life.paid}  settled\n`);
    expect(out).toContain(`hash      ${entries[11]?.hash}`);
    expect(out).toMatch(new RegExp(`signer +${ROBOT.address} \\(robot-1\\)`));
    expect(out).toMatch(/maxPrice +0\.002000/);
    expect(out).toMatch(/legs\.1\.voucher\.cumulative +0\.000500/);
    expect(out).toMatch(/posting +-0\.000010 {2}fee/);
    expect(out).toMatch(/deadline +2026-11-22T10:01:00\.000Z/);
  });

  it("tells how a task ended that was not paid", async () => {
    const { out } = await log(["show", "14"]);
    expect(out).toContain(`task ${life.ended}  declined\n`);
  });

  it("shows an entry without a task in full", async () => {
    const { out } = await log(["show", "2"]);
    expect(out).not.toContain("task ");
    expect(out.match(/enrolled as acme/g)).toHaveLength(3);
    expect(out).toMatch(/serialNumber +0003/);
  });

  it("names the newest entry when there is no such one", async () => {
    const message = expect.stringContaining("34");
    await expect(log(["show", "99"])).rejects.toMatchObject({ code: "usage", message });
  });
});

describe("hirewire log verify", () => {
  it("counts what holds and names the newest hash", async () => {
    const { exit, out, warned } = await log(["verify"]);
    expect(exit).toBe(0);
    expect(out).toBe(`34 entries hold, 31 signatures; newest hash ${entries.at(-1)?.hash}\n`);
    expect(warned).toBe("");
    expect(JSON.parse((await log(["verify", "--json"])).out)).toMatchObject({ holds: true, held: 34 });
  });

  it("tells its progress through a long journal", async () => {
    const other = another((journal) => journal.append(Array.from({ length: 2_001 }, () => draftOf([]))));
    const { out, warned } = await log(["verify"], {}, other);
    expect(warned).toBe("1,000 of 2,001 entries hold\n2,000 of 2,001 entries hold\n");
    expect(out).toMatch(/^2,001 entries hold, 0 signatures; newest hash 0x[0-9a-f]{64}\n$/);
  });

  it("names the first bad entry and exits with 3", async () => {
    const other = another((journal) => journal.append(life.drafts));
    changeTexts(other, (line) => line.replaceAll('"rate":"1000"', '"rate":"9000"'));
    const { exit, out } = await log(["verify"], {}, other);
    expect(exit).toBe(3);
    expect(out).toMatch(/^journal entry 6 does not hold: /);
    const json = await log(["verify", "--json"], {}, other);
    expect(JSON.parse(json.out)).toMatchObject({ holds: false, index: 6 });
    await expect(log([], {}, other)).rejects.toMatchObject({ code: "journal_broken" });
  });
});
