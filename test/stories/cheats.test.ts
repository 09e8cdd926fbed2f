import { afterEach, describe, expect, it } from "vitest";
import type { ServeOptions } from "../../devices/robot/serve.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import type { Executor } from "../../src/firmware/executor.ts";
import { balanceOf, recoveryOf, totalOf } from "../../src/payment/books.ts";
import { PATH_PLAN, PRICE, planJob, WholeMarket } from "./whole-market.ts";

let market: WholeMarket | null = null;

afterEach(async () => {
  await market?.close();
  market = null;
});

/** Runs honestly, then changes the answer. */
function lying(executor: Executor, change: (output: Uint8Array) => void): ServeOptions["executor"] {
  return {
    run: async (request) => {
      const result = await executor.run(request);
      if (result.verdict === "ok") change(result.output);
      return result;
    },
  };
}

const order = { maxPrice: PRICE, checkBudget: PRICE };

function conserved(whole: WholeMarket): void {
  const { books } = whole.gateway.state.payment;
  const owed =
    totalOf(books, "out") + totalOf(books, "credit") + totalOf(books, "held") + balanceOf(books, "fee");
  expect(totalOf(books, "in") + recoveryOf(books)).toBe(owed);
}

describe("a market with cheats in it", { timeout: 40_000 }, () => {
  it("does not pay a provider whose answer is wrong, and gives the task to the next", async () => {
    market = await WholeMarket.open((config) => {
      config.market.check_rate = 0;
    });
    const cheat = lying(await market.executor(), (output) => {
      output[output.length - 1] = 0xff;
    });
    const first = await market.provider("first", 500n, cheat);
    const second = await market.provider("second", 900n);
    const buyer = await market.robot("buyer", false);
    const answer = await buyer.hire({ ...order, ...planJob(1) });
    expect(answer).toMatchObject({ state: "paid", provider: second.address, spent: 900n });
    expect(market.of("withdrawn")).toMatchObject([{ provider: first.address, how: "outvoted" }]);
    expect(market.gateway.state.payment.outgoing.get(first.address)?.signed).toBe(0n);
    conserved(market);
  });

  it("finds out a checker-proof lie by the second provider, and pays the one who was right", async () => {
    market = await WholeMarket.open((config) => {
      config.market.check_rate = 1;
    });
    // Claims a detour of no cost: the firmware has no verify that could tell, so only a re-run can.
    const firmware = withoutVerify();
    market.trusted.add(hashBlob(firmware));
    const cheat = lying(await market.executor(), (output) => output.fill(7));
    const first = await market.provider("first", 500n, cheat);
    const second = await market.provider("second", 900n);
    const buyer = await market.robot("buyer", false);
    const answer = await buyer.hire({ ...order, ...planJob(2), firmware });
    expect(answer).toMatchObject({ state: "paid", provider: second.address, spent: 900n, rechecked: true });
    expect(market.of("withdrawn")).toMatchObject([{ provider: first.address, role: "run", how: "outvoted" }]);
    expect(market.of("checked").map(({ rung, passed }) => [rung, passed])).toEqual([
      ["checker", true],
      ["rerun", false],
      ["referee", false],
    ]);
    conserved(market);
  });

  it("does not pay a second provider that lies about an honest answer", async () => {
    market = await WholeMarket.open((config) => {
      config.market.check_rate = 1;
    });
    const first = await market.provider("first", 500n);
    const second = await market.provider(
      "second",
      900n,
      lying(await market.executor(), (output) => output.fill(9)),
    );
    const buyer = await market.robot("buyer", false);
    const answer = await buyer.hire({ ...order, ...planJob(3) });
    expect(answer).toMatchObject({ state: "paid", provider: first.address, spent: 500n, rechecked: true });
    expect(market.of("withdrawn")).toMatchObject([
      { provider: second.address, role: "check", how: "outvoted" },
    ]);
    expect(market.gateway.state.payment.outgoing.get(second.address)?.signed).toBe(0n);
    conserved(market);
  });

  it("pays both when the re-run agrees, out of the check budget", async () => {
    market = await WholeMarket.open((config) => {
      config.market.check_rate = 1;
    });
    const first = await market.provider("first", 500n);
    const second = await market.provider("second", 900n);
    const buyer = await market.robot("buyer", false);
    const answer = await buyer.hire({ ...order, ...planJob(4) });
    expect(answer).toMatchObject({
      state: "paid",
      provider: first.address,
      spent: 1_400n,
      credit: 600n,
      rechecked: true,
    });
    const [paid] = market.of("paid");
    expect(paid).toMatchObject({ price: 1_400n, checks: 900n, fee: 28n });
    expect(paid?.legs.map(({ payee, role, amount }) => [payee, role, amount])).toEqual([
      [first.address, "run", 490n],
      [second.address, "check", 882n],
    ]);
    conserved(market);
  });
});

/** The path planner with its `verify` export renamed: same length, so only the name changes. */
function withoutVerify(): Uint8Array {
  const bytes = new Uint8Array(PATH_PLAN);
  const name = new TextEncoder().encode("\u0006verify");
  const at = Buffer.from(bytes).indexOf(name);
  bytes.set(new TextEncoder().encode("\u0006verifx"), at);
  return bytes;
}
