import { describe, expect, it } from "vitest";
import { isFault } from "../../../src/base/fault.ts";
import { amount } from "../../../src/base/money.ts";
import type { Viewer } from "../../../src/operator/api/access.ts";
import { laneDeed, settlePlan } from "../../../src/operator/api/action.ts";
import { ROUTES } from "../../../src/operator/api/routes.ts";
import { GATEWAY, MARKET } from "../../exchange/stage.ts";
import { ARM, CART, CRANE, type Fleets, KEEPER, NORTH, openFleets, operatorOf, SOUTH } from "./fleets.ts";

const NOTHING = {};

/** Every action that is about one device, with what it asks. */
const ABOUT_ONE: readonly [string, (fleets: Fleets, device: string, viewer: Viewer) => Promise<unknown>][] = [
  [
    "disableDevice",
    ({ clerks }, device, viewer) => clerks.disableDevice({ params: { device }, input: NOTHING }, viewer),
  ],
  [
    "enableDevice",
    ({ clerks }, device, viewer) => clerks.enableDevice({ params: { device }, input: NOTHING }, viewer),
  ],
  [
    "rotateKey",
    ({ clerks }, device, viewer) => clerks.rotateKey({ params: { device }, input: NOTHING }, viewer),
  ],
  [
    "sendTestTask",
    ({ clerks }, device, viewer) => clerks.sendTestTask({ params: { device }, input: NOTHING }, viewer),
  ],
  [
    "setBudget",
    ({ clerks }, device, viewer) =>
      clerks.setBudget({ params: { device }, input: { perDay: "1.00" } }, viewer),
  ],
];

const ABOUT_A_LANE: typeof ABOUT_ONE = [
  [
    "topUpLane",
    ({ clerks }, device, viewer) =>
      clerks.topUpLane({ params: { lane: `${device}-out` }, input: { amount: "1", dryRun: true } }, viewer),
  ],
  [
    "closeLane",
    ({ clerks }, device, viewer) =>
      clerks.closeLane({ params: { lane: `${device}-out` }, input: { dryRun: true } }, viewer),
  ],
];

async function faultOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (fault) {
    if (isFault(fault)) return { code: fault.code, message: fault.message };
    throw fault;
  }
  throw new Error("it went well");
}

describe("an owner's operator", () => {
  it.each([...ABOUT_ONE, ...ABOUT_A_LANE])("does %s with its own devices alone", async (_, act) => {
    const fleets = openFleets();
    await act(fleets, CRANE, operatorOf(NORTH));
    await act(fleets, ARM, operatorOf(SOUTH));
    await act(fleets, ARM, KEEPER);
    const before = JSON.stringify([fleets.asked, fleets.entry("arm"), fleets.entry("lathe")]);
    const others = [ARM, `0x${"c4".repeat(20)}`, `0x${"ee".repeat(20)}`];
    const faults = await Promise.all(others.map((device) => faultOf(act(fleets, device, operatorOf(NORTH)))));
    expect(faults.map(({ code }) => code)).toEqual(["not_found", "not_found", "not_found"]);
    // what is there and what is not sound the same
    const words = faults.map(({ message }, at) => message.replaceAll(others[at] ?? "", "X"));
    expect(new Set(words).size).toBe(1);
    expect(JSON.stringify([fleets.asked, fleets.entry("arm"), fleets.entry("lathe")])).toBe(before);
  });

  it("finds its devices by name, and not a stranger's of the same words", async () => {
    const { clerks, entry } = openFleets();
    await clerks.disableDevice({ params: { device: "CART" }, input: NOTHING }, operatorOf(NORTH));
    expect(entry("cart")?.disabled).toBe(true);
    const other = clerks.disableDevice({ params: { device: "arm" }, input: NOTHING }, operatorOf(NORTH));
    expect((await faultOf(other)).code).toBe("not_found");
  });

  it("lets in again what it has kept out itself, and not what the gateway's operator keeps out", async () => {
    const { clerks, entry, state } = openFleets();
    const asked = { params: { device: "crane" }, input: NOTHING };
    const isOut = () => [entry("crane")?.disabled === true, state.disabled.has(CRANE)];
    await clerks.disableDevice(asked, operatorOf(NORTH));
    await clerks.enableDevice(asked, operatorOf(NORTH));
    expect(isOut()).toEqual([false, false]);
    await clerks.disableDevice(asked, KEEPER);
    // keeping out what is kept out makes it nobody else's
    await clerks.disableDevice(asked, operatorOf(NORTH));
    const budget = { params: asked.params, input: { perDay: "1.00" } };
    await clerks.setBudget(budget, operatorOf(NORTH));
    expect((await faultOf(clerks.enableDevice(asked, operatorOf(NORTH)))).code).toBe("refused");
    expect(isOut()).toEqual([true, true]);
    await clerks.enableDevice(asked, KEEPER);
    expect(isOut()).toEqual([false, false]);
    await clerks.disableDevice(asked, operatorOf(NORTH));
    await clerks.disableDevice(asked, KEEPER);
    expect((await faultOf(clerks.enableDevice(asked, operatorOf(NORTH)))).code).toBe("refused");
    await clerks.enableDevice(asked, KEEPER);
    await clerks.disableDevice(asked, operatorOf(NORTH));
    await clerks.enableDevice(asked, KEEPER);
    expect(isOut()).toEqual([false, false]);
  });

  it("does nothing that the gateway's own money pays for, and turns none of its switches", () => {
    const theirs = Object.entries(ROUTES).filter(([, { right }]) => right === "operator");
    expect(theirs.map(([name]) => name).sort()).toEqual([
      "disableDevice",
      "enableDevice",
      "rotateKey",
      "setBudget",
    ]);
  });

  it("sets no budget above what all devices of an owner may spend; the keeper may", async () => {
    const { clerks, entry } = openFleets();
    const set = (perDay: string | null, viewer: Viewer) =>
      clerks.setBudget({ params: { device: "crane" }, input: { perDay } }, viewer);
    await set("5.00", operatorOf(NORTH));
    expect(entry("crane")?.perDay).toBe("5.00");
    expect(await faultOf(set("5.000001", operatorOf(NORTH)))).toMatchObject({ code: "usage" });
    expect(entry("crane")?.perDay).toBe("5.00");
    await set("900", KEEPER);
    expect(entry("crane")?.perDay).toBe("900");
    await set(null, operatorOf(NORTH));
    expect(entry("crane")?.perDay).toBeNull();
    expect((await faultOf(set("0.0000001", KEEPER))).code).toBe("amount_syntax");
  });
});

describe("the keeper", () => {
  it("turns the switches, with a reason of one line", async () => {
    const { clerks, asked } = openFleets();
    const input = { reason: "a\nkey  is lost" };
    expect(await clerks.halt({ params: NOTHING, input }, KEEPER)).toEqual({ done: true });
    await clerks.stopPaying({ params: NOTHING, input }, KEEPER);
    await clerks.resumePaying({ params: NOTHING, input: NOTHING }, KEEPER);
    await clerks.resume({ params: NOTHING, input: NOTHING }, KEEPER);
    expect(asked).toEqual(["halt a key is lost", "stopPaying a key is lost", "resumePaying", "resume"]);
  });

  it("settles only when it is no dry run, with everything or with what is due", async () => {
    const { clerks, asked } = openFleets();
    const settle = (dryRun: boolean, force: boolean) =>
      clerks.settle({ params: NOTHING, input: { dryRun, force } }, KEEPER);
    expect(settlePlan.parse(await settle(true, true))).toMatchObject({ dryRun: true, settled: [] });
    expect(asked).toEqual([]);
    const told = settlePlan.parse(await settle(false, false));
    expect(told.settled).toEqual([{ transaction: `0x${"7".repeat(64)}`, rows: 2, gasUsed: 90_000 }]);
    expect(asked).toEqual(["settle false"]);
    // the shape's own defaults send nothing
    expect(ROUTES.settle.input.parse({})).toEqual({ dryRun: true, force: true });
  });

  it("disables and enables, and is told when the gateway has seen it", async () => {
    const { clerks, entry, state } = openFleets();
    await clerks.disableDevice({ params: { device: "crane" }, input: NOTHING }, KEEPER);
    expect([entry("crane")?.disabled, [...state.disabled]]).toEqual([true, [CRANE]]);
    await clerks.enableDevice({ params: { device: CRANE }, input: NOTHING }, KEEPER);
    expect([entry("crane")?.disabled, state.disabled.size]).toEqual([undefined, 0]);
  });

  it("cannot disable what nobody has enrolled", async () => {
    const { clerks, state } = openFleets();
    const guest = `0x${"dd".repeat(20)}` as const;
    const place = { name: guest, owner: null, manufacturer: "guest", serialNumber: guest };
    state.roster.set(guest, { address: guest, ...place });
    const fault = await faultOf(clerks.disableDevice({ params: { device: guest }, input: NOTHING }, KEEPER));
    expect(fault).toMatchObject({ code: "usage", message: expect.stringMatching(/not enrolled/) });
  });
});

describe("a lane of the gateway's", () => {
  const topUp = ({ clerks }: Fleets, text: string, dryRun: boolean, lane = `${CRANE}-out`) =>
    clerks.topUpLane({ params: { lane }, input: { amount: text, dryRun } }, KEEPER);
  const close = ({ clerks }: Fleets, dryRun: boolean, lane = `${CRANE}-out`) =>
    clerks.closeLane({ params: { lane }, input: { dryRun } }, KEEPER);

  it("is topped up once that was shown", async () => {
    const fleets = openFleets();
    const shown = laneDeed.parse(await topUp(fleets, "2.5", true));
    expect(shown).toMatchObject({ dryRun: true, amount: "2.500000", gas: 50_000, transaction: null });
    expect(shown.what).toContain("10.000000 becomes 12.500000");
    expect(fleets.asked).toEqual([]);
    const done = laneDeed.parse(await topUp(fleets, "2.5", false));
    expect(done).toMatchObject({ dryRun: false, gas: 21_000, transaction: `0x${"7".repeat(64)}` });
    expect(fleets.asked).toEqual([`topUp ${CRANE} 2500000`]);
  });

  it("is closed once that was shown: what is signed goes to its device first", async () => {
    const fleets = openFleets();
    const { payment } = fleets.state;
    const place = {
      payer: GATEWAY.address,
      payee: CRANE,
      token: MARKET.token,
      epoch: 0,
      closeAt: 0,
      window: 1,
    };
    const voucher = { ...MARKET, payee: CRANE, epoch: 0, cumulative: amount(4_000_000n) };
    payment.outgoing.set(CRANE, {
      ...place,
      ...{ deposit: amount(10_000_000n), settled: amount(1_000_000n), signed: amount(4_000_000n) },
      newest: { ...voucher, signature: `0x${"11".repeat(64)}1b` },
    });
    const shown = laneDeed.parse(await close(fleets, true));
    expect(shown).toMatchObject({ amount: "6.000000", gas: 100_000, transaction: null });
    expect(shown.what).toMatch(/claims 3.000000 for crane, then .*24h/);
    expect(fleets.asked).toEqual([]);
    await close(fleets, false);
    expect(fleets.asked).toEqual([`close ${CRANE}`]);
  });

  it.each([
    ["nothing", "0", "usage"],
    ["more than the vault has", "3.000001", "funds_short"],
    ["less than an atomic unit", "0.0000001", "amount_syntax"],
  ])("takes not %s", async (_, text, code) => {
    const fleets = openFleets();
    expect((await faultOf(topUp(fleets, text, false))).code).toBe(code);
    expect(fleets.asked).toEqual([]);
  });

  it("is left alone where it is not open, is closing, or is the device's own", async () => {
    const fleets = openFleets();
    const lane = fleets.lanes.get(CRANE);
    if (!lane) throw new Error("no lane");
    fleets.lanes.delete(CRANE);
    expect(await faultOf(topUp(fleets, "1", false))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("hirewire lane open crane 1.000000"),
    });
    expect((await faultOf(close(fleets, false))).code).toBe("usage");
    fleets.lanes.set(CRANE, { ...lane, closeAt: 1_800_000_000 });
    expect((await faultOf(topUp(fleets, "1", false))).code).toBe("lane_closing");
    expect((await faultOf(close(fleets, false))).code).toBe("lane_closing");
    expect(await faultOf(topUp(fleets, "1", false, `${CART}-in`))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("hirewire fund cart"),
    });
    expect(fleets.asked).toEqual([]);
  });

  it("gives no more than an owner lets the gateway's key move", async () => {
    const { parts } = openFleets();
    const chain = {
      ...parts.chain,
      ownerOf: () => Promise.resolve(NORTH),
      spendAllowance: () => Promise.resolve(1_000_000n),
    };
    const fleets = openFleets({ chain });
    expect((await faultOf(topUp(fleets, "1.000001", true))).code).toBe("funds_short");
    expect((await topUp(fleets, "1", true)).amount).toBe("1.000000");
  });
});
