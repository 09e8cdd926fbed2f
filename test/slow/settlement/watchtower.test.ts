import { rmSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTowerWorld, type TowerWorld } from "../../operator/watchtower/tower-world.ts";
import { CHALLENGE_SECONDS } from "../../settlement/world.ts";

const DEPOSIT = 1_000n;
/** What the gateway has claimed itself before it went away, and what was signed to it by then. */
const CLAIMED = 250n;
const SIGNED = 600n;

describe("the payer closes its lane while the gateway is off", () => {
  let place: TowerWorld;
  let runs = 0;
  beforeAll(async () => {
    place = await openTowerWorld();
    await place.world.endow([place.robot, place.gateway], DEPOSIT);
  });
  beforeEach(async () => {
    const clean = await place.world.snapshot();
    runs += 1;
    return async () => {
      await place.world.revert(clean);
    };
  });
  afterAll(() => place.stop());

  /** A lane of which a part is claimed, and the folder of the gateway that has gone away. */
  async function abandoned(): Promise<string> {
    const { world, robot, gateway, voucher, received, started, journal } = place;
    await world.fund(robot, gateway, DEPOSIT);
    const [early, late] = [await voucher(robot, gateway, CLAIMED), await voucher(robot, gateway, SIGNED)];
    await world.claim(gateway, [early]);
    return journal(`gateway-${runs}`, [started], [received(robot, early)], [received(robot, late)]);
  }

  async function afterTheWindow() {
    const { world, robot, gateway } = place;
    await world.pass(CHALLENGE_SECONDS);
    expect(await place.finalizeClose(robot, gateway)).toMatchObject({ ok: true });
    return { gateway: await world.vaultOf(gateway), robot: await world.vaultOf(robot) };
  }

  it("3 a payer closes while the gateway is off: the watchtower alone saves the full amount", async () => {
    const { world, robot, gateway, gas, start } = place;
    const tower = start(`tower-${runs}`, "--journal", await abandoned());
    expect((await place.requestClose(robot, gateway)).ok).toBe(true);
    const saved = await tower.line(({ kind }) => kind === "laneSaved");
    expect(saved).toMatchObject({ payer: robot.address, payee: gateway.address, settled: String(SIGNED) });
    expect(await tower.stop()).toBe(0);
    expect(tower.lines.map(({ kind }) => kind)).not.toContain("alarm");
    expect(await afterTheWindow()).toEqual({ gateway: DEPOSIT + SIGNED, robot: DEPOSIT - SIGNED });
    expect(await world.tokensOf(gas)).toBe(0n);
    expect(await world.read(world.vault, "vault", [gas, world.token])).toBe(0n);
  });

  it("3 a payer closes while the gateway is off: without a watchtower exactly the unclaimed part is lost", async () => {
    await abandoned();
    await place.requestClose(place.robot, place.gateway);
    const ended = await afterTheWindow();
    expect(ended).toEqual({ gateway: DEPOSIT + CLAIMED, robot: DEPOSIT - CLAIMED });
    const saved = DEPOSIT + SIGNED;
    expect(saved - ended.gateway).toBe(SIGNED - CLAIMED);
  });

  it("3 a payer closes while the gateway is off: a watchtower that comes back late saves it from its own file", async () => {
    const { robot, gateway, world, once } = place;
    const folder = await abandoned();
    expect((await once(`tower-${runs}`, "--journal", folder)).code).toBe(0);
    rmSync(folder, { recursive: true });
    await place.requestClose(robot, gateway);
    await world.pass(CHALLENGE_SECONDS - 60);
    const { code, lines } = await once(`tower-${runs}`, "--listen", "127.0.0.1:0");
    expect(lines.map(({ kind }) => kind)).toContain("alarm");
    expect(code).toBe(0);
    expect(await afterTheWindow()).toEqual({ gateway: DEPOSIT + SIGNED, robot: DEPOSIT - SIGNED });
  });

  it("3 a gateway closes its lane to a device that is off: its own journal's copy saves what it gave", async () => {
    const { world, robot, gateway, voucher, paidOut, started, journal, once } = place;
    await world.fund(gateway, robot, DEPOSIT);
    const given = await voucher(gateway, robot, SIGNED);
    const folder = journal(`gateway-${runs}`, [started], [paidOut(robot, given)]);
    await place.requestClose(gateway, robot);
    expect((await once(`tower-${runs}`, "--journal", folder)).code).toBe(0);
    expect(await world.lane(gateway, robot)).toMatchObject({ settled: SIGNED });
  });

  it("3 a payer closes while the gateway is off: a claim that a reorganization drops is made again", async () => {
    const { world, robot, gateway, start } = place;
    const folder = await abandoned();
    const before = start(`tower-${runs}`, "--journal", folder);
    await place.requestClose(robot, gateway);
    await before.line(({ kind }) => kind === "laneSaved");
    await before.stop();
    await world.rpc("anvil_reorg", [1, []]);
    expect((await world.lane(robot, gateway)).settled).toBe(CLAIMED);
    const after = start(`tower-${runs}`, "--journal", folder);
    await after.line(({ kind }) => kind === "laneSaved");
    await after.stop();
    expect(await afterTheWindow()).toEqual({ gateway: DEPOSIT + SIGNED, robot: DEPOSIT - SIGNED });
  });

  it("3 a payer closes while the gateway is off: an empty gas key is an alarm at a quarter of the window", async () => {
    const { world, robot, gateway, setGas, start } = place;
    const folder = await abandoned();
    await setGas(0n);
    const tower = start(`tower-${runs}`, "--journal", folder);
    await tower.line(({ code }) => code === "gas_low");
    await place.requestClose(robot, gateway);
    await tower.line(({ kind }) => kind === "laneClosing");
    expect(tower.lines.map(({ kind }) => kind)).not.toContain("alarm");
    await world.pass(CHALLENGE_SECONDS / 4 + 1);
    const alarm = await tower.line(({ kind }) => kind === "alarm");
    expect(alarm).toMatchObject({ quarters: 1, unclaimed: String(SIGNED - CLAIMED) });
    await setGas(10n ** 18n);
    await tower.line(({ kind }) => kind === "laneSaved");
    await tower.stop();
    expect(await afterTheWindow()).toEqual({ gateway: DEPOSIT + SIGNED, robot: DEPOSIT - SIGNED });
  });
});
