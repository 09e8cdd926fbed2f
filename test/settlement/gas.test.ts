import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { type ClaimRow, MAX_CLAIM_ROWS } from "../../src/settlement/claim-batch.ts";
import { type Actor, startWorld, type World } from "./world.ts";

const ROWS = 100;

/** Devices with keys of their own; they sign and never send. */
const DEVICES: Actor[] = Array.from({ length: ROWS + 1 }, (_, index) => {
  const privateKey: Hex = `0x${(index + 1).toString(16).padStart(64, "0")}`;
  const key = privateKeyToAccount(privateKey);
  return { privateKey, key, address: key.address.toLowerCase() as Hex };
});

describe("gas of LaneVault", () => {
  let world: World;
  let hub: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [hub] = world.others as [Actor];
    await world.endow([hub], 1_000_000n);
    for (const device of DEVICES) {
      await world.send(world.owner, world.token, "mint", [hub.address, 1_000n]);
      await world.send(hub, world.vault, "depositLane", [device.address, hub.address, world.token, 1_000n]);
    }
  });
  afterAll(() => world.local.stop());

  async function claimed(rows: readonly ClaimRow[]): Promise<number> {
    const { ok, gasUsed, events } = await world.claim(hub, rows);
    const credited = events.flatMap((event) => event.args["rows"]).length;
    expect(ok && credited > 0).toBe(true);
    return Number(gasUsed);
  }
  const toHub = (count: number, cumulative: bigint) =>
    Promise.all(DEVICES.slice(0, count).map((device) => world.voucher(device, hub, 0, cumulative)));

  it("claims a further lane for less than 10,500 in a batch of 100 for one payee", async () => {
    await claimed(await toHub(1, 5n));
    const one = await claimed(await toHub(1, 10n));
    const many = await claimed(await toHub(ROWS, 20n));
    const more = await claimed(await toHub(ROWS + 1, 30n));
    expect(one).toBeLessThan(44_000);
    expect(more - many).toBeLessThan(10_500);
    expect((many - one) / (ROWS - 1)).toBeLessThan(10_500);
  });

  it("fits MAX_CLAIM_ROWS of the dearest kind, a new payee each, in one transaction", async () => {
    const payees = DEVICES.slice(0, ROWS);
    const amounts = payees.map(() => 100n);
    await world.send(hub, world.vault, "fundLanes", [
      payees.map((payee) => payee.address),
      world.token,
      amounts,
    ]);
    const rows = await Promise.all(payees.map((payee) => world.voucher(hub, payee, 0, 10n)));
    const one = await claimed(rows.slice(0, 1));
    const rest = await claimed(rows.slice(1));
    const dearest = (rest - one) / (ROWS - 2);
    expect(dearest).toBeLessThan(37_000);
    expect(21_000 + MAX_CLAIM_ROWS * 37_000).toBeLessThan(2 ** 24);
  });
});
