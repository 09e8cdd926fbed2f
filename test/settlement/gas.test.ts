import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { type ClaimRow, MAX_CLAIM_ROWS } from "../../src/settlement/claim-batch.ts";
import { type Actor, startWorld, type World } from "./world.ts";

const ROWS = 60;

/** 12 bytes without a zero, since calldata is priced by its bytes: no total costs more. */
const WIDE = 0x111111111111111111111111n;
const STEP = 0x010101010101010101010101n;
const DEPOSIT = 2n ** 95n;

/** 4 bytes without a zero: some tens of USDT. */
const USUAL = 0x11111111n;

/** Devices with keys of their own; they sign and never send. */
const DEVICES: Actor[] = Array.from({ length: ROWS + 1 }, (_, index) => {
  const privateKey: Hex = `0x${(index + 1).toString(16).padStart(64, "0")}`;
  const key = privateKeyToAccount(privateKey);
  return { privateKey, key, address: key.address.toLowerCase() as Hex };
});

/** The bench measures the same at 500 rows; this guards it in little time. */
describe("gas of LaneVault", () => {
  let world: World;
  let hub: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [hub] = world.others as [Actor];
    await world.endow([hub], DEPOSIT * BigInt(ROWS));
    await world.send(world.owner, world.token, "mint", [hub.address, DEPOSIT * BigInt(ROWS + 1)]);
    for (const device of DEVICES) {
      await world.send(hub, world.vault, "depositLane", [device.address, hub.address, world.token, DEPOSIT]);
    }
  }, 60_000);
  afterAll(() => world.local.stop());

  async function claimed(rows: readonly ClaimRow[]): Promise<number> {
    const { ok, gasUsed, events } = await world.claim(hub, rows);
    const credited = events.flatMap((event) => event.args["rows"]).length;
    expect(ok && credited > 0).toBe(true);
    return Number(gasUsed);
  }
  const toHub = (count: number, total: bigint) =>
    Promise.all(DEVICES.slice(0, count).map((device) => world.voucher(device, hub, 0, total)));

  it("claims one lane for at most 41,000, and a further one for at most 10,100", async () => {
    await claimed(await toHub(ROWS + 1, USUAL));
    const one = await claimed(await toHub(1, 2n * USUAL));
    const many = await claimed(await toHub(ROWS + 1, 3n * USUAL));
    expect(one).toBeLessThanOrEqual(41_000);
    expect((many - one) / ROWS).toBeLessThanOrEqual(10_100);
  });

  it("fits MAX_CLAIM_ROWS of the dearest kind, a new payee each, in one transaction", async () => {
    const payees = DEVICES.slice(0, ROWS);
    const rows = payees.map(
      ({ address }) => `${address.slice(2)}${DEPOSIT.toString(16).padStart(24, "0")}00`,
    );
    await world.send(hub, world.vault, "fundLanes", [hub.address, world.token, `0x${rows.join("")}`]);
    const claims = (total: bigint) => Promise.all(payees.map((payee) => world.voucher(hub, payee, 0, total)));
    const first = await claims(WIDE);
    const one = await claimed(first.slice(0, 1));
    // an epoch above zero has three bytes that are not zero: 12 gas more each
    const dearest = ((await claimed(first.slice(1))) - one) / (ROWS - 2) + 36;
    expect(dearest).toBeLessThan(36_000);
    expect(21_000 + MAX_CLAIM_ROWS * 36_000).toBeLessThan(2 ** 24);
    const again = (await claimed(await claims(WIDE + STEP))) / ROWS;
    expect(again).toBeLessThanOrEqual(18_900);
  });
});
