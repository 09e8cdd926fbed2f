/** What every reader of lanes must do, on a chain with a real vault. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LaneReader } from "../../devices/robot/lane-reader.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "../settlement/world.ts";

export type Stand = { readonly reader: LaneReader; readonly stop: () => Promise<void> };

export function laneReaderContract(name: string, make: (world: World) => Promise<Stand>): void {
  describe(name, () => {
    let world: World;
    let stand: Stand;
    let payer: Actor;
    let payee: Actor;
    const spare: Actor[] = [];
    beforeAll(async () => {
      world = await startWorld();
      stand = await make(world);
      spare.push(...world.others);
    });
    afterAll(async () => {
      await stand.stop();
      await world.local.stop();
    });
    beforeEach(async () => {
      const [one, other] = spare.splice(0, 2);
      if (!one || !other) throw new Error("anvil has too few accounts");
      [payer, payee] = [one, other];
      await world.endow([payer], 10_000n);
    });
    const read = () => stand.reader.lane(payer.address, payee.address, world.token);

    it("shows a lane that nobody has funded as empty", async () => {
      expect(await read()).toMatchObject({ epoch: 0, deposit: 0n, settled: 0n, closeAt: 0 });
    });

    it("shows deposit, window and what has been claimed", async () => {
      await world.fund(payer, payee, 900n, 2);
      expect(await read()).toMatchObject({ epoch: 0, deposit: 900n, settled: 0n, closeAt: 0, window: 2 });
      await world.claim(payee, [await world.voucher(payer, payee, 0, 250n)]);
      expect(await read()).toMatchObject({ epoch: 0, deposit: 900n, settled: 250n });
      const { reader } = stand;
      expect(await reader.lane(payee.address, payer.address, world.token)).toMatchObject({ deposit: 0n });
    });

    it("shows a closing with its end, and the next life after it", async () => {
      await world.fund(payer, payee, 900n);
      await world.send(payer, world.vault, "requestClose", [payer.address, payee.address, world.token]);
      const closing = await read();
      expect(closing.closeAt).toBe((await world.now()) + CHALLENGE_SECONDS);
      expect(closing.deposit).toBe(900n);
      await world.pass(CHALLENGE_SECONDS);
      await world.send(payee, world.vault, "finalizeClose", [payer.address, payee.address, world.token]);
      expect(await read()).toMatchObject({ epoch: 1, deposit: 0n, settled: 0n, closeAt: 0 });
    });
  });
}
