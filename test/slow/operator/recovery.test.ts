/** The gateway's disk is gone: what others hold is enough, and nothing that they could forge counts. */
import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { readConfig } from "../../../src/config.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { verifyJournal } from "../../../src/journal/verify.ts";
import type { CommandIo } from "../../../src/operator/io.ts";
import { recoverCommand } from "../../../src/operator/recovery/recover.ts";
import { restoredMark } from "../../../src/operator/recovery/restored-mark.ts";
import { writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import { claimable, creditOf } from "../../../src/payment/payment.ts";
import { type Voucher, voucherSchema } from "../../../src/protocol/voucher.ts";
import { TowerFile } from "../../../src/settlement/tower-file.ts";
import { openStand } from "../../operator/device/stand.ts";
import { type Actor, CHALLENGE_SECONDS, signTyped, startWorld, type World } from "../../settlement/world.ts";

const DEPOSIT = 10_000n;

let world: World;
let stand: ReturnType<typeof openStand>;
let gateway: Actor;
let robots: [Actor, Actor, Actor];
let boards: [Actor, Actor];
let stranger: Actor;

beforeAll(async () => {
  world = await startWorld();
  const [own, a, b, c, d, e, f] = world.others as [Actor, Actor, Actor, Actor, Actor, Actor, Actor];
  [gateway, robots, boards, stranger] = [own, [a, b, c], [d, e], f];
  await world.endow([gateway, ...robots, stranger], 100_000n);
  for (const robot of robots) await world.fund(robot, gateway, DEPOSIT);
  for (const board of boards) await world.fund(gateway, board, DEPOSIT);
  await world.fund(robots[0], boards[0], DEPOSIT);
  const { chainId: id, vault, token } = world;
  stand = openStand({ id, rpc: world.local.url, vault, token });
});
afterAll(async () => {
  await world.local.stop();
  stand.remove();
});

/** A voucher as it stands in messages and files. */
async function voucherOf(payer: Actor, payee: Actor, cumulative: bigint, epoch = 0): Promise<Voucher> {
  const { chainId, vault, token } = world;
  return { chainId, vault, token, ...(await world.voucher(payer, payee, epoch, cumulative)) };
}

const text = (voucher: Voucher) => z.encode(voucherSchema, voucher);

/** What the lost gateway did: claims, a lane closed and opened again, and vouchers that nobody has claimed. */
async function pastOfTheGateway() {
  const [one, two, three] = robots;
  const [board, arm] = boards;
  await world.claim(gateway, [await world.voucher(one, gateway, 0, 1_000n)]);
  await world.claim(gateway, [await world.voucher(gateway, board, 0, 500n)]);
  // The third robot has closed its lane and opened it again: what it signed before is void.
  const void_ = await voucherOf(three, gateway, 9_000n);
  await world.claim(gateway, [await world.voucher(three, gateway, 0, 200n)]);
  await world.send(three, world.vault, "requestClose", [three.address, gateway.address, world.token]);
  await world.pass(CHALLENGE_SECONDS + 1);
  await world.send(three, world.vault, "finalizeClose", [three.address, gateway.address, world.token]);
  await world.fund(three, gateway, 4_000n);
  const held = {
    // A requester that has kept all it ever signed.
    one: [await voucherOf(one, gateway, 900n), await voucherOf(one, gateway, 2_500n)],
    two: [await voucherOf(two, gateway, 3_300n)],
    three: [await voucherOf(three, gateway, 700n, 1)],
    board: [await voucherOf(gateway, board, 450n), await voucherOf(gateway, board, 1_750n)],
    arm: [await voucherOf(gateway, arm, 2_000n)],
  };
  return { void_, held };
}

/** Vouchers that somebody would like to be true. */
async function forgeries(void_: Voucher): Promise<Voucher[]> {
  const [one, two] = robots;
  const good = await voucherOf(two, gateway, 3_300n);
  return [
    void_,
    { ...good, cumulative: amount(DEPOSIT) },
    await elsewhere(two, 5_000n, { chainId: world.chainId + 1 }),
    await elsewhere(two, 5_001n, { vault: world.token }),
    await elsewhere(two, 5_002n, { token: world.vault }),
    await voucherOf(two, gateway, DEPOSIT + 1n),
    await voucherOf(stranger, gateway, 6_000n),
    await voucherOf(one, boards[0], 6_001n),
    await voucherOf(two, gateway, 6_002n, 1),
    await voucherOf(boards[1], gateway, 6_003n),
    await voucherOf(stranger, boards[1], 6_004n),
  ];
}

/** A good voucher of another chain, vault or token. */
async function elsewhere(payer: Actor, cumulative: bigint, over: Partial<Voucher>): Promise<Voucher> {
  const { chainId, vault, token } = world;
  const unsigned = {
    ...{ chainId, vault, token, payee: gateway.address, epoch: 0, cumulative: amount(cumulative) },
    ...over,
  };
  const { payee, epoch } = unsigned;
  const message = { payee, token: unsigned.token, epoch, cumulative };
  return { ...unsigned, signature: await signTyped(payer, unsigned, "Voucher", message) };
}

type Held = Awaited<ReturnType<typeof pastOfTheGateway>>["held"];

/** Each peer's file as that peer keeps it. */
function files(held: Held, forged: readonly Voucher[]): string[] {
  const { chainId, vault, token } = world;
  const wallet = { version: 1, chainId, vault, token, received: held.board.map(text), signed: "0" };
  const tower = TowerFile.open(stand.folder, { chainId, vault });
  const kept = [
    { voucher: held.two[0], payer: robots[1].address },
    { voucher: held.arm[0], payer: gateway.address },
  ];
  tower.save({ keep: kept.map((one) => ({ ...one, voucher: one.voucher as Voucher, own: true })) });
  tower.close();
  const lines = (vouchers: readonly Voucher[]) => vouchers.map((one) => JSON.stringify(text(one))).join("\n");
  return [
    stand.put("requester.jsonl", lines(held.one)),
    stand.put("wallet.json", JSON.stringify(wallet)),
    `${stand.folder}/watchtower-${chainId}-${vault}.sqlite`,
    stand.put("third.json", JSON.stringify({ sent: held.three.map(text) })),
    stand.put("forged.jsonl", lines(forged)),
  ];
}

async function recover(...args: readonly string[]): Promise<{ written: string; warned: string }> {
  let written = "";
  let warned = "";
  const io: CommandIo = {
    write: (said) => {
      written += said;
    },
    warn: (said) => {
      warned += said;
    },
    isTerminal: false,
  };
  await recoverCommand([...args, "--config", stand.config], io, { ...stand.ports, readConfig });
  return { written, warned };
}

/** The new gateway's state, from a journal in which everything holds. */
function stateOf(folder: string): State {
  const { chainId, vault, token } = world;
  const journal = openJournal(folder, { readOnly: true });
  try {
    expect(verifyJournal(journal.entries()).held).toBe(journal.head().index);
    return replay(journal, { chainId, vault, token, gateway: gateway.address });
  } finally {
    journal.close();
  }
}

const rowsOf = (vouchers: readonly Voucher[]) =>
  vouchers.map(({ payee, epoch, cumulative, signature }) => ({ payee, epoch, cumulative, signature }));

/** Every lane of the gateway's on the chain. */
async function lanes() {
  const [one, two, three] = robots;
  const [board, arm] = boards;
  return {
    one: await world.lane(one, gateway),
    two: await world.lane(two, gateway),
    three: await world.lane(three, gateway),
    board: await world.lane(gateway, board),
    arm: await world.lane(gateway, arm),
  };
}

describe("a gateway without its disk", () => {
  it("2 disk lost: a new one recovers all that peers and watchtower hold, and can claim no more than that", async () => {
    const { void_, held } = await pastOfTheGateway();
    const forged = await forgeries(void_);
    const found = files(held, forged).flatMap((file) => ["--vouchers", file]);
    // as many blocks as a gateway waits for by default
    await world.rpc("anvil_mine", ["0x0c"]);
    const key = stand.put("saved.key", gateway.privateKey);
    writeRosterEntry(`${stand.folder}/roster`, {
      ...{ version: 1, name: "robot-1", device: robots[0].address, owner: null, perDay: null },
      ...{ manufacturer: "acme", serialNumber: "0001" },
    });
    const options = [
      "--data",
      `${stand.folder}/new`,
      "--key",
      key,
      "--roster",
      `${stand.folder}/roster`,
      ...found,
    ];

    const dry = await recover(...options, "--dry-run", "--json");
    expect(() => statSync(`${stand.folder}/new`)).toThrow();
    const { written, warned } = await recover(...options);
    expect(JSON.parse(dry.written)).toMatchObject({
      dryRun: true,
      claimable: { incoming: "0.005500", outgoing: "0.003250" },
    });
    expect(written).toContain("claimable: 0.005500 for the gateway, 0.003250 for its payees\n");
    expect(warned.match(/left out: /g)).toHaveLength(forged.length);

    const state = stateOf(`${stand.folder}/new`);
    const { incoming, outgoing } = state.payment;
    const [one, two, three] = robots;
    const [board, arm] = boards;
    const signed = {
      one: incoming.get(one.address)?.signed,
      two: incoming.get(two.address)?.signed,
      three: incoming.get(three.address)?.signed,
      board: outgoing.get(board.address)?.signed,
      arm: outgoing.get(arm.address)?.signed,
    };
    for (const [name, vouchers] of Object.entries(held)) {
      for (const { cumulative } of vouchers) {
        expect(signed[name as keyof Held]).toBeGreaterThanOrEqual(cumulative);
      }
    }
    expect(signed).toEqual({ one: 2_500n, two: 3_300n, three: 700n, board: 1_750n, arm: 2_000n });
    expect(state.halted).toMatch(/rebuilt/);
    expect(restoredMark(`${stand.folder}/new`)).toMatchObject({ from: "recover", backedUpAt: null });
    expect(statSync(`${stand.folder}/new/gateway.key`).mode & 0o777).toBe(0o600);
    expect(state.roster.get(one.address)?.name).toBe("robot-1");
    const parties = [one, two, three, board, arm].map(({ address }) => address);
    expect(new Set(state.roster.keys())).toEqual(new Set(parties));
    // what was claimed before is spent, as far as anybody knows
    expect(creditOf(state.payment, one.address)).toBe(1_500n);

    await mustClaimExactly(state, forged);
    await expect(recover(...options)).rejects.toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("2 disk lost: with nothing but the chain, a new one stands where the chain does and can claim nothing", async () => {
    const folder = `${stand.folder}/bare`;
    await world.rpc("anvil_mine", ["0x0c"]);
    const key = stand.put("saved.key", gateway.privateKey);
    const { written } = await recover("--data", folder, "--key", key, "--json");
    const state = stateOf(folder);
    const settled = await lanes();
    const { incoming, outgoing } = state.payment;
    const by = (address: Hex) => incoming.get(address)?.signed ?? outgoing.get(address)?.signed;
    expect(by(robots[0].address)).toBe(settled.one.settled);
    expect(by(robots[1].address)).toBe(settled.two.settled);
    expect(by(robots[2].address)).toBe(settled.three.settled);
    expect(by(boards[0].address)).toBe(settled.board.settled);
    expect(by(boards[1].address)).toBe(settled.arm.settled);
    expect(claimable(state.payment)).toEqual([]);
    expect(JSON.parse(written)).toMatchObject({
      claimable: { incoming: "0.000000", outgoing: "0.000000" },
    });
    expect(JSON.parse(written).lanes).toHaveLength(5);
    // robots whose money is all claimed are not enrolled by the chain's word alone; payees are
    expect(new Set(state.roster.keys())).toEqual(new Set(boards.map(({ address }) => address)));
  });
});

/** Claims all that the new gateway knows, and then all that it has left out. */
async function mustClaimExactly(state: State, forged: readonly Voucher[]): Promise<void> {
  const before = { vault: await world.vaultOf(gateway), lanes: await lanes() };
  const tokens = await world.tokensOf(world.vault);
  const vouchers = claimable(state.payment).map(({ newest }) => newest);
  await world.claim(stranger, rowsOf(vouchers));
  const after = await lanes();
  expect({
    one: after.one.settled,
    two: after.two.settled,
    three: after.three.settled,
    board: after.board.settled,
    arm: after.arm.settled,
  }).toEqual({ one: 2_500n, two: 3_300n, three: 700n, board: 1_750n, arm: 2_000n });
  expect(await world.vaultOf(gateway)).toBe(before.vault + 1_500n + 3_300n + 700n);

  // Claimed a second time, and with everything that was left out, nothing moves.
  await world.claim(stranger, rowsOf(vouchers));
  const toGateway = forged.filter(({ payee }) => payee === gateway.address);
  const isOverDeposit = ({ cumulative }: Voucher) => cumulative > DEPOSIT;
  expect(toGateway.length).toBeGreaterThan(6);
  await world.claim(stranger, rowsOf(toGateway.filter((one) => !isOverDeposit(one))));
  expect(await lanes()).toEqual(after);
  expect(await world.vaultOf(gateway)).toBe(before.vault + 5_500n);
  expect(await world.tokensOf(world.vault)).toBe(tokens);
}
