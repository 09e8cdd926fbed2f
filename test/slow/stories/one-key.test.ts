/** Failure test 9: two gateways that have one key never both sign with it. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import { type Counter, openCounter, saidOf } from "../../exchange/counter.ts";
import {
  accept,
  BOARD,
  bid,
  funded,
  hash32,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  result,
  taskOfOffer,
  voucherOf,
} from "../../exchange/stage.ts";
import { Program } from "../../stories/program.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { expectBooks } from "../exchange/books-laws.ts";

/** A task from its offer to its payment; the voucher that its provider is paid with. */
async function work(counter: Counter, id: string): Promise<Voucher> {
  const terms = offerTerms(id);
  const task = taskOfOffer(ROBOT, terms);
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
  await counter.tell({ topic: "blobsHere", task });
  await counter.send(BOARD, "bid", await bid(BOARD, `b-${id}`, task, 500n));
  counter.clock.set(counter.clock.now() + 100);
  await counter.tell({ topic: "due", task });
  const award = counter.state.market.tasks.get(task)?.run?.award ?? hash32(0);
  await counter.send(BOARD, "accept", await accept(BOARD, `a-${id}`, task, award));
  await counter.send(BOARD, "result", await result(BOARD, `r-${id}`, task, award));
  counter.heard();
  await counter.tell({ topic: "inspected", task, award, passed: true, reason: "valid" });
  return saidOf(counter.heard(), "payment").voucher;
}

function copyOf(journal: Journal): Journal {
  const copy = memoryJournal();
  for (const { at, cause, facts } of journal.entries()) copy.append([{ at, cause, facts }]);
  return copy;
}

describe("9 two gateways on one key", () => {
  it("9 two gateways on one key, on one machine, from a copy of the data folder: the second one refuses", async () => {
    const market = await WholeMarket.open();
    onTestFinished(() => market.close());
    const copy = mkdtempSync(join(tmpdir(), "hirewire-copy-"));
    onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    cpSync(market.world.folder, copy, {
      recursive: true,
      filter: (path) => !path.endsWith("control.sock"),
    });
    const second = new Program(["run", "--config", join(copy, "gateway.toml"), "--listen", "127.0.0.1:0"]);
    expect(await second.ended()).toBe(1);
    expect(second.stderr).toContain("key_in_use");
    expect(second.stderr).toContain(market.world.folder);
    expect(second.said).toEqual([]);
    // the first one never noticed
    await market.provider("first", 500n);
    const buyer = await market.robot("buyer", false);
    const answer = await buyer.hire({ ...planJob(1), maxPrice: PRICE });
    expect(answer.state).toBe("paid");
  });

  it("9 two gateways on one key, on two machines: the one that is shown a newer voucher halts", async () => {
    const first = openCounter();
    await first.observe(funded([ROBOT, BOARD], 10_000n));
    await first.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 4_000n) });
    await work(first, "o-1");
    const journal = copyOf(first.journal);
    const second = openCounter({ journal, state: replay(journal, MARKET) });
    const newer = await work(first, "o-2");
    expect(second.state.halted).toBeNull();
    await second.send(BOARD, "voucher", { version: 1, id: "v-2", voucher: newer });
    expect(second.state.halted).not.toBeNull();
    const signedBy = (counter: Counter, payee: Hex) =>
      counter.state.payment.outgoing.get(payee)?.signed ?? 0n;
    expect(signedBy(second, BOARD.address)).toBe(newer.cumulative);
    // it takes no work, and what it believes to be somebody's credit the other one may have spent
    await second.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-3")));
    expect(second.refused.at(-1)?.refusal.refused).toBe("gateway_stopped");
    const vouched = [signedBy(second, BOARD.address), signedBy(second, ROBOT.address)];
    await second.send(ROBOT, "payout", { version: 1, id: "p-1" });
    expect(second.refused.at(-1)?.refusal.refused).toBe("gateway_stopped");
    expect([signedBy(second, BOARD.address), signedBy(second, ROBOT.address)]).toEqual(vouched);
    expect(creditOf(second.state.payment, ROBOT.address)).toBeGreaterThan(
      creditOf(first.state.payment, ROBOT.address),
    );
    // its halt is in its journal, so that a new start does not forget it
    expect(replay(journal, MARKET).halted).toBe(second.state.halted);
    expect(first.state.halted).toBeNull();
    expectBooks(first.state);
  });

  it("9 two gateways on one key that have both signed: each halts at what the other has signed", async () => {
    const first = openCounter();
    await first.observe(funded([ROBOT, BOARD], 10_000n));
    await first.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 6_000n) });
    const journal = copyOf(first.journal);
    const second = openCounter({ journal, state: replay(journal, MARKET) });
    const one = await work(first, "o-1");
    const other = await work(second, "o-1");
    expect(other.cumulative).toBe(one.cumulative);
    const higher = await work(second, "o-2");
    await first.send(BOARD, "voucher", { version: 1, id: "v-2", voucher: higher });
    expect(first.state.halted).not.toBeNull();
    expect(first.state.payment.outgoing.get(BOARD.address)?.signed).toBe(higher.cumulative);
    await first.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-3")));
    expect(first.refused.at(-1)?.refusal.refused).toBe("gateway_stopped");
  });
});
