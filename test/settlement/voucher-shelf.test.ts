import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { type Voucher, voucherPayer } from "../../src/protocol/voucher.ts";
import { UNSEEN_EPOCHS } from "../../src/settlement/voucher-shelf.ts";
import { laneOf, PAYEE, STRANGERS, TOKEN, TowerStand, VENUE, voucher } from "./tower-stand.ts";

let stand: TowerStand;
beforeEach(() => {
  stand = new TowerStand();
});
afterEach(() => stand.remove());

describe("vouchers", () => {
  it("are kept the newest of each lane and epoch, and older ones and repetitions change nothing", async () => {
    const [low, high] = [await voucher(1, 10n), await voucher(1, 20n)];
    expect(stand.bring(low)).toEqual(["kept"]);
    expect(stand.bring(high, low, high)).toEqual(["kept", "older", "older"]);
    expect(stand.bring(low)).toEqual(["older"]);
    expect(stand.bring(await voucher(1, 5n, { epoch: 1 }), await voucher(2, 1n))).toEqual(["kept", "kept"]);
    expect(stand.shelf.lane(laneOf(1))?.rows.get(0)?.voucher).toEqual(high);
    expect(stand.shelf.lane(laneOf(1))?.rows.get(1)?.voucher.cumulative).toBe(5n);
    expect(stand.shelf.lanes()).toHaveLength(2);
    expect(stand.shelf.counts).toMatchObject({ kept: 4, older: 3, forged: 0 });
  });

  it("of another chain or vault, without a good signature, or worth nothing are ignored and counted", async () => {
    const good = await voucher(1, 10n);
    const forged = { ...good, signature: `0x${"ff".repeat(64)}1b` as Hex };
    const elsewhere = [
      await voucher(1, 10n, { chainId: 1 }),
      await voucher(1, 10n, { vault: `0x${"ab".repeat(20)}` }),
    ];
    expect(stand.bring(forged, ...elsewhere, await voucher(1, 0n))).toEqual([
      "forged",
      "elsewhere",
      "elsewhere",
      "older",
    ]);
    expect(stand.shelf.lanes()).toEqual([]);
    expect(stand.shelf.counts).toMatchObject({ forged: 1, elsewhere: 2, older: 1, kept: 0 });
  });

  it("that were changed after signing speak of somebody else's lane, which holds nothing", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 10n));
    stand.bring({ ...(await voucher(1, 10n)), cumulative: amount(99n) });
    expect(stand.shelf.lane(laneOf(1))?.rows.get(0)?.voucher.cumulative).toBe(10n);
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(10n);
  });

  it("to others than the payees asked for are not kept", async () => {
    await stand.remove();
    stand = new TowerStand(1, {}, [PAYEE]);
    const other: Hex = `0x${"dd".repeat(20)}`;
    expect(stand.bring(await voucher(1, 10n), await voucher(1, 10n, { payee: other }))).toEqual([
      "kept",
      "unwanted",
    ]);
  });

  it("are, whatever comes in whatever order and with whatever restarts, the highest of each lane and epoch", async () => {
    const pool: Voucher[] = [];
    for (const seed of [1, 2])
      for (const epoch of [0, 1]) {
        for (const cumulative of [1n, 2n, 3n]) pool.push(await voucher(seed, cumulative, { epoch }));
      }
    const steps = fc.array(fc.oneof(fc.subarray(pool, { minLength: 1 }), fc.constant(null)), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (sequence, own) => {
        const model = new Map<string, bigint>();
        for (const batch of sequence) {
          if (batch === null) {
            await stand.restart();
            continue;
          }
          stand.shelf.offer(
            batch.map((one) => ({ voucher: one })),
            { own },
          );
          for (const one of batch) {
            const id = `${voucherPayer(one)} ${one.epoch}`;
            if ((model.get(id) ?? 0n) < one.cumulative) model.set(id, one.cumulative);
          }
        }
        const rows = stand.shelf.lanes().flatMap((lane) => [...lane.rows.values()]);
        expect(
          new Map(rows.map((row) => [`${row.payer} ${row.voucher.epoch}`, row.voucher.cumulative])),
        ).toEqual(model);
        stand.shelf.drop(rows);
      }),
      { numRuns: 12 },
    );
  });

  it("survive a restart, as does how far a source was read", async () => {
    const high = await voucher(1, 20n);
    const position = { source: "a journal", text: "17" };
    stand.shelf.offer([{ voucher: high }, { voucher: await voucher(2, 7n) }], { own: true, position });
    await stand.restart();
    expect(stand.shelf.lanes()).toHaveLength(2);
    expect(stand.shelf.lane(laneOf(1))?.rows.get(0)).toEqual({
      voucher: high,
      payer: laneOf(1).payer,
      own: true,
    });
    expect(stand.shelf.position("a journal")).toBe("17");
    expect(stand.shelf.position("another")).toBeNull();
    expect(stand.bring(high)).toEqual(["older"]);
  });

  it("are believed of a named payer only where a verified one is worth as much", async () => {
    const [low, high, higher] = [await voucher(1, 10n), await voucher(1, 20n), await voucher(1, 30n)];
    const { payer } = laneOf(1);
    const unsigned = { ...low, signature: `0x${"ff".repeat(64)}1b` as Hex };
    const offered = [
      { voucher: { ...unsigned, cumulative: amount(50n) }, payer },
      { voucher: high, payer },
    ];
    expect(stand.shelf.offer([...offered, { voucher: unsigned, payer }], { own: true })).toEqual([
      "forged",
      "kept",
      "older",
    ]);
    expect(stand.shelf.offer([{ voucher: higher, payer: laneOf(2).payer }], { own: true })).toEqual(["kept"]);
    expect(stand.shelf.lane(laneOf(1))?.rows.get(0)?.voucher).toEqual(higher);
  });

  it("of a lane that the operator's own source has brought keep their place, whoever brings the next one", async () => {
    const [low, high, higher] = [await voucher(1, 10n), await voucher(1, 20n), await voucher(2, 5n)];
    stand.shelf.offer([{ voucher: low }], { own: true });
    stand.bring(high, higher);
    stand.shelf.offer([{ voucher: higher }], { own: true });
    await stand.restart();
    const own = stand.shelf.lanes().flatMap(({ rows }) => [...rows.values()].map((row) => row.own));
    expect(own).toEqual([true, true]);
    expect(stand.shelf.lane(laneOf(1))?.rows.get(0)?.voucher).toEqual(high);
  });

  it("of an epoch that is over, or that cannot be yet, are dropped once the chain has said so", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.fake.finalizeClose(laneOf(1));
    stand.fake.fund(laneOf(1), 50n);
    stand.bring(
      await voucher(1, 10n),
      await voucher(1, 20n, { epoch: 1 }),
      await voucher(1, 30n, { epoch: 5 }),
    );
    await stand.tower.look();
    expect([...(stand.shelf.lane(laneOf(1))?.rows.keys() ?? [])]).toEqual([1]);
    expect(stand.bring(await voucher(1, 11n), await voucher(1, 31n, { epoch: 5 }))).toEqual(["void", "void"]);
  });
});

describe("a flood of vouchers", () => {
  it("takes a bounded number of epochs on a lane that was not looked at, unless the source is the operator's", async () => {
    const many = await Promise.all(
      Array.from({ length: UNSEEN_EPOCHS + 5 }, (_, epoch) => voucher(1, 10n, { epoch: epoch + 10 })),
    );
    expect(stand.bring(...many).filter((one) => one === "kept")).toHaveLength(UNSEEN_EPOCHS);
    expect(stand.bring(...many.slice(-3))).toEqual(["full", "full", "full"]);
    expect(stand.shelf.lane(laneOf(1))?.rows.size).toBe(UNSEEN_EPOCHS);
    const own = { voucher: await voucher(1, 10n, { epoch: 0 }) };
    expect(stand.shelf.offer([own], { own: true })).toEqual(["kept"]);
  });

  it("of strangers' lanes takes a bounded number of places, gives them up, and never those with money", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 10n));
    await stand.tower.look();
    const stranger = (index: number): Voucher => {
      // any 65 bytes that recover to somebody: nobody has these keys
      const r = (index + 1).toString(16).padStart(64, "0");
      const signature: Hex = `0x${r}${"00".repeat(31)}011b`;
      return { ...VENUE, payee: PAYEE, token: TOKEN, epoch: 0, cumulative: amount(5n), signature };
    };
    const flood = Array.from({ length: 4 * STRANGERS }, (_, index) => stranger(index));
    const verdicts = stand.bring(...flood);
    expect(verdicts.filter((one) => one === "kept")).toHaveLength(STRANGERS);
    expect(verdicts.filter((one) => one === "full").length).toBeGreaterThan(STRANGERS / 2);
    expect(stand.shelf.lanes()).toHaveLength(STRANGERS + 1);
    await stand.tower.look();
    // looked at and without a deposit: newcomers take their places
    expect(stand.bring(await voucher(2, 5n), await voucher(3, 5n))).toEqual(["kept", "kept"]);
    expect(stand.shelf.lanes()).toHaveLength(STRANGERS + 1);
    expect(stand.shelf.lane(laneOf(1))?.rows.size).toBe(1);
    await stand.restart();
    expect(stand.shelf.lanes()).toHaveLength(STRANGERS + 1);
  });
});
