import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hex } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { Fault } from "../src/base/fault.ts";
import { amount, ZERO } from "../src/base/money.ts";
import { readConfig } from "../src/config.ts";
import { Enrolment } from "../src/enrolment.ts";
import { apply, emptyState } from "../src/exchange/state.ts";
import { OPERATOR } from "../src/market/roster.ts";
import { writeRosterEntry } from "../src/operator/roster-folder.ts";
import { newLane } from "../src/payment/lane.ts";
import type { Fact } from "../src/protocol/facts.ts";
import type { Chain, LaneKey } from "../src/settlement/chain.ts";

const address = (digit: string) => `0x${digit.repeat(40)}` as Hex;
const [ROBOT, GUEST_1, GUEST_2] = [address("a"), address("b"), address("c")];
const market = { chainId: 31_337, gateway: address("1"), vault: address("2"), token: address("3") };

/** An enrolment over a folder, with what it recorded; `deposits` is what the chain says of lanes to the gateway. */
function stand(broker: string, deposits: Record<Hex, bigint> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-enrolment-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "gateway.toml");
  const { vault, token } = market;
  const chain = `[chain]\nid = 31337\nrpc = "http://127.0.0.1:1"\nvault = "${vault}"\ntoken = "${token}"\n`;
  writeFileSync(file, `version = 1\n${chain}[broker]\n${broker}\n[settlement]\nlane_deposit = "5.00"\n`);
  const config = readConfig(file);
  mkdirSync(config.data);
  const state = emptyState();
  const recorded: Fact[] = [];
  const asked: LaneKey[] = [];
  const faults: unknown[] = [];
  const grown: boolean[] = [];
  const enrolment = new Enrolment({
    ...{ config, market, decimals: 6, state },
    chain: {
      lanes(keys) {
        asked.push(...keys);
        if (deposits[ROBOT] !== undefined) {
          return Promise.reject(new Fault("chain_unreachable", "no node answers"));
        }
        const lanes = keys.map(({ payer }) => ({
          deposit: amount(deposits[payer] ?? 0n),
          settled: ZERO,
          epoch: 0,
          closeAt: 0,
          window: 0,
        }));
        return Promise.resolve({ block: 1n, hash: "0x", lanes } as Awaited<ReturnType<Chain["lanes"]>>);
      },
    },
    readSecret: (path) => readFileSync(path, "utf8"),
    record(facts) {
      recorded.push(...facts);
      const cause = { by: null, topic: "observed", id: "", digest: "", refused: null };
      apply(state, market, { index: recorded.length, at: 0, cause, facts });
      return Promise.resolve();
    },
    onChange(isGrown) {
      grown.push(isGrown);
      return Promise.resolve();
    },
    clock: systemClock,
    onFault: (fault) => faults.push(fault),
  });
  onTestFinished(() => enrolment.stop());
  const enrol = (device: Hex, name: string, more: { disabled?: true; manufacturer?: string } = {}) =>
    writeRosterEntry(config.data, {
      ...{ version: 1, device, name, owner: null },
      manufacturer: "m",
      serialNumber: name,
      ...more,
    });
  return { enrolment, state, recorded, asked, faults, grown, enrol };
}

describe("admission by roster", () => {
  it("lets in whom the operator has enrolled, and asks no chain", async () => {
    const { enrolment, enrol, asked, recorded } = stand("", { [GUEST_1]: 10n ** 12n });
    enrol(ROBOT, "one");
    await enrolment.start();
    expect(await enrolment.admit(ROBOT)).toMatchObject({ manufacturer: "m", serialNumber: "one" });
    expect(await enrolment.admit(GUEST_1)).toBeNull();
    expect([...enrolment.known()].map((device) => device.address)).toEqual([ROBOT]);
    expect({ asked, facts: recorded.length }).toEqual({ asked: [], facts: 1 });
  });

  it("keeps out a guest of the time when admission was open", async () => {
    const { enrolment, state } = stand("");
    const place = { name: "g", owner: null, manufacturer: "guest", serialNumber: GUEST_1 };
    state.roster.set(GUEST_1, { address: GUEST_1, ...place });
    await enrolment.start();
    expect(await enrolment.admit(GUEST_1)).toBeNull();
    expect(enrolment.isEnrolled(GUEST_1)).toBe(false);
  });
});

describe("a device that its operator keeps out", () => {
  it("may not come in, is paid on no lane, and is journalled as it comes and goes", async () => {
    const { enrolment, enrol, recorded, grown } = stand("");
    enrol(ROBOT, "one");
    await enrolment.start();
    enrol(ROBOT, "one", { disabled: true });
    await enrolment.refresh();
    expect(await enrolment.admit(ROBOT)).toBeNull();
    const { isDisabled, isEnrolled, isFunded } = enrolment;
    const ask = [isDisabled, isEnrolled, isFunded].map((question) => question.call(enrolment, ROBOT));
    expect([ask, [...enrolment.known()]]).toEqual([[true, false, false], []]);
    await enrolment.refresh();
    enrol(ROBOT, "one");
    await enrolment.refresh();
    expect(await enrolment.admit(ROBOT)).toMatchObject({ name: "one" });
    expect(recorded.map(({ kind }) => kind)).toEqual(["deviceEnrolled", "deviceDisabled", "deviceEnabled"]);
    // nobody new has come, so that no chain has to be looked at
    expect(grown).toEqual([true, false, false, false]);
  });

  it("is out from its first day where it is enrolled so, and stays out where its entry goes", async () => {
    const { enrolment, enrol, recorded, state } = stand("");
    enrol(ROBOT, "one", { disabled: true });
    await enrolment.start();
    expect(recorded.map(({ kind }) => kind)).toEqual(["deviceEnrolled", "deviceDisabled"]);
    expect(await enrolment.admit(ROBOT)).toBeNull();
    expect(state.roster.has(ROBOT)).toBe(true);
  });

  it("our own requester is paid on no lane either", async () => {
    const { enrolment, enrol } = stand("");
    enrol(ROBOT, "operator", { manufacturer: OPERATOR });
    await enrolment.start();
    expect([enrolment.isEnrolled(ROBOT), enrolment.isFunded(ROBOT)]).toEqual([true, false]);
  });
});

describe("open admission", () => {
  const open = 'admission = "open"';

  it("lets in who has put on a lane what the gateway puts on its own, and journals it first", async () => {
    const { enrolment, recorded, asked } = stand(open, { [GUEST_1]: 5_000_000n, [GUEST_2]: 4_999_999n });
    await enrolment.start();
    expect(await enrolment.admit(GUEST_1)).toMatchObject({ manufacturer: "guest", serialNumber: GUEST_1 });
    expect(recorded).toMatchObject([{ kind: "deviceEnrolled", device: GUEST_1, manufacturer: "guest" }]);
    expect(await enrolment.admit(GUEST_2)).toBeNull();
    expect(enrolment.isEnrolled(GUEST_2)).toBe(false);
    expect(asked[0]).toEqual({ payer: GUEST_1, payee: market.gateway, token: market.token });
    // who is known is not asked about again
    await enrolment.admit(GUEST_1);
    expect(asked).toHaveLength(2);
  });

  it("asks for what the settings say, which may be nothing, up to so many guests", async () => {
    const { enrolment, recorded } = stand(`${open}\nguest_deposit = "0"\nguests = 1`);
    await enrolment.start();
    const both = await Promise.all([enrolment.admit(GUEST_1), enrolment.admit(GUEST_2)]);
    expect(both.map((device) => device?.address ?? null)).toEqual([GUEST_1, null]);
    expect(recorded).toHaveLength(1);
  });

  it("puts money on a lane to a guest only once it has as much on its own", async () => {
    const { enrolment, state, enrol } = stand(`${open}\nguest_deposit = "0"`);
    enrol(ROBOT, "one");
    await enrolment.start();
    await enrolment.admit(GUEST_1);
    expect([ROBOT, GUEST_1, GUEST_2].map((device) => enrolment.isFunded(device))).toEqual([
      true,
      false,
      false,
    ]);
    const lane = newLane(GUEST_1, market.gateway, market.token);
    state.payment.incoming.set(GUEST_1, { ...lane, deposit: amount(5_000_000n) });
    expect(enrolment.isFunded(GUEST_1)).toBe(true);
  });

  it("keeps out a device that the operator has taken off the roster", async () => {
    const { enrolment, state } = stand(`${open}\nguest_deposit = "0"`);
    const place = { name: "one", owner: null, manufacturer: "m", serialNumber: "one" };
    state.roster.set(ROBOT, { address: ROBOT, ...place });
    await enrolment.start();
    expect(await enrolment.admit(ROBOT)).toBeNull();
  });

  it("fails when the chain does not answer, and lets the same guest in later", async () => {
    const deposits: Record<Hex, bigint> = { [GUEST_1]: 5_000_000n, [ROBOT]: 0n };
    const { enrolment, faults } = stand(open, deposits);
    await enrolment.start();
    await expect(enrolment.admit(GUEST_1)).rejects.toMatchObject({ code: "chain_unreachable" });
    // all that wait for one request fail with it, and that is told once
    await Promise.allSettled([GUEST_1, GUEST_2].map((guest) => enrolment.admit(guest)));
    expect(faults).toHaveLength(2);
    delete deposits[ROBOT];
    expect(await enrolment.admit(GUEST_1)).toMatchObject({ manufacturer: "guest" });
  });

  it("does not start with a deposit that is no amount", () => {
    expect(() => stand(`${open}\nguest_deposit = "five"`)).toThrow(/expected an amount.*five/);
  });
});
