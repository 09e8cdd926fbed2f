/** The board's C client hires from a real gateway: with a key of its own, and with a wallet that the gateway keeps. */
import { describe, expect, it } from "vitest";
import { replay } from "../../../src/exchange/replay.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { isOpen } from "../../../src/market/task.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { type HostBoard, type HostLine, isHostAbsent, whyHostAbsent } from "../../board/host-board.ts";
import { type HostMarket, openHostMarket, TAKEN } from "../../board/host-market.ts";
import { isOwnAbsent, whyOwnAbsent } from "../../board/own-source.ts";
import { planJob, type WholeMarket } from "../../stories/whole-market.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";

const MAX_PRICE = 1_000n;
const CAP = "5.00";

const isDone = (jobs: number) => (line: HostLine) => line.kind === "done" && line["jobs"] === jobs;

/** Gives the board so many jobs, paid for beforehand. */
function give(board: HostBoard, count: number): void {
  for (let number = 0; number < count; number++) {
    board.give(number, { ...planJob(number + 1), maxPrice: MAX_PRICE });
  }
}

/** The newest answer of each job. */
function answers(board: HostBoard): HostLine[] {
  const told = board.lines.filter(({ kind }) => kind === "answer");
  return [...new Map(told.map((line) => [line["job"], line])).values()];
}

/** The books as the gateway has them; nothing in them is doubled. */
function books({ market, address }: HostMarket) {
  const journal = openJournal(market.world.folder, { readOnly: true });
  try {
    const state = replay(journal, market.gateway.market);
    expectNothingDoubled(journal);
    expectBooks(state);
    const tasks = [...state.market.tasks.values()].filter(({ requester }) => requester === address);
    const spent = tasks.reduce((sum, { end }) => sum + (end?.spent ?? 0n), 0n);
    const { payment } = state;
    const signed = payment.incoming.get(address)?.signed ?? 0n;
    return { tasks, spent, signed, credit: creditOf(payment, address), open: tasks.filter(isOpen).length };
  } finally {
    journal.close();
  }
}

function expectNoFaults(market: WholeMarket): void {
  expect(market.broken).toEqual([]);
  expect(market.faults).toEqual([]);
}

describe.skipIf(isHostAbsent)(`the board's client${whyHostAbsent}`, () => {
  const own = { wallet: `its own key${whyOwnAbsent}`, cap: null, isAbsent: isOwnAbsent };
  const kept = { wallet: "a kept wallet", cap: CAP, isAbsent: false };

  for (const { wallet, cap, isAbsent } of [own, kept])
    describe.skipIf(isAbsent)(`with ${wallet}`, () => {
      it("pays beforehand, draws on its credit, and then pays invoices", async () => {
        const place = await openHostMarket(cap, (config) => {
          config.limits.on_result = "1.00";
        });
        const { market, board } = place;
        const jobs = 5;
        give(board, jobs);
        for (const number of [3, 4]) {
          board.give(number, { ...planJob(number + 1), maxPrice: MAX_PRICE, payment: "result" });
        }
        board.powerOn();
        await board.heard(isDone(jobs));
        for (const [job, answer] of answers(board).entries()) {
          expect(answer).toMatchObject({ job, state: "paid", spent: String(TAKEN), isProven: true });
        }
        const outputs = board.lines.filter(({ kind }) => kind === "output");
        expect(outputs).toEqual(Array(jobs).fill({ kind: "output", isWhole: true }));
        const invoices = board.lines
          .filter(({ kind }) => kind === "invoicePaid")
          .map((line) => line["price"]);
        expect(invoices).toEqual([String(TAKEN), String(TAKEN)]);
        const { tasks, spent, signed, credit } = books(place);
        expect(tasks.map(({ state }) => state)).toEqual(Array(jobs).fill("paid"));
        expect(spent).toBe(BigInt(jobs) * TAKEN);
        // of each price that was covered, what was not taken has covered the next one
        expect(signed).toBe(spent + credit);
        expect(credit).toBeLessThanOrEqual(MAX_PRICE - TAKEN);
        expectNoFaults(market);
      });

      it("goes on where it was after power cuts, and pays nothing twice", async () => {
        const place = await openHostMarket(cap, (config) => {
          config.limits.on_result = "1.00";
        });
        const { market, board } = place;
        const jobs = 6;
        give(board, jobs);
        for (const number of [3, 5]) {
          board.give(number, { ...planJob(number + 1), maxPrice: MAX_PRICE, payment: "result" });
        }
        let cuts = 0;
        for (let round = 0; round < 200 && !board.lines.some(isDone(jobs)); round++) {
          board.powerOn();
          // each life is cut after some more bytes than the one before, over and over
          await board.carries(300 + ((round * 1_777) % 40_000), isDone(jobs));
          await board.cutPower();
          cuts++;
        }
        expect(cuts).toBeGreaterThan(jobs);
        const { tasks, spent, signed, credit, open } = books(place);
        expect(open).toBe(0);
        expect(tasks).toHaveLength(jobs);
        expect(spent).toBe(BigInt(jobs) * TAKEN);
        expect(signed).toBe(spent + credit);
        expect(signed).toBeLessThanOrEqual(BigInt(jobs) * MAX_PRICE);
        expectNoFaults(market);
      });

      it("goes on after its cable was pulled, and pays nothing twice", async () => {
        const place = await openHostMarket(cap);
        const { board } = place;
        const jobs = 6;
        give(board, jobs);
        board.powerOn();
        let pulls = 0;
        for (; pulls < 200 && !board.lines.some(isDone(jobs)); pulls++) {
          await board.carries(300 + ((pulls * 2_777) % 40_000), isDone(jobs));
          board.unplug();
        }
        expect(pulls).toBeGreaterThan(jobs);
        const { tasks, spent, signed, credit, open } = books(place);
        expect(open).toBe(0);
        expect(tasks).toHaveLength(jobs);
        expect(spent).toBe(BigInt(jobs) * TAKEN);
        expect(signed).toBe(spent + credit);
      });

      it("names what is refused, here and there, and signs nothing for it", async () => {
        const place = await openHostMarket(cap);
        const { board } = place;
        const job = planJob(1);
        board.give(0, { ...job, maxPrice: 20_000_001n });
        board.give(1, { ...job, maxPrice: 60_000n });
        board.give(2, { ...job, maxPrice: MAX_PRICE, fuelLimit: 2 ** 53 - 1 });
        board.give(3, { ...job, firmware: new Uint8Array([0, 97, 115, 109]), maxPrice: MAX_PRICE });
        board.powerOn(50_000n);
        await board.heard(isDone(4));
        const refused = board.lines.filter(({ kind }) => kind === "refused").map((line) => line["code"]);
        expect(refused).toEqual([
          "voucher_over_deposit",
          "exposure_limit",
          "fuel_limit_high",
          "firmware_rejected",
        ]);
        const { signed, credit } = books(place);
        expect(signed).toBe(MAX_PRICE);
        expect(credit).toBe(MAX_PRICE);
      });
    });

  it("hears the cap of a kept wallet by its name, and goes on below it", async () => {
    const place = await openHostMarket("0.0015");
    const { board } = place;
    board.give(0, { ...planJob(1), maxPrice: 2_000n });
    board.give(1, { ...planJob(1), maxPrice: MAX_PRICE });
    board.powerOn();
    await board.heard(isDone(2));
    expect(board.lines.filter(({ kind }) => kind === "refused").map((line) => line["code"])).toEqual([
      "over_cap",
    ]);
    expect(answers(board)).toMatchObject([{ job: 1, state: "paid" }]);
    expect(books(place).signed).toBe(MAX_PRICE);
  });
});
