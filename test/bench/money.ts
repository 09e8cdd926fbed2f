/**
 * Voucher payments per second, taken durably: the product's heartbeat on its SQLite journal (WAL, synchronous FULL),
 * from a message's bytes to its ack.
 *
 * Peers, in the same process, turn by turn: a bare loop that commits one SQLite row of the same size for each payment
 * and verifies nothing; the server code of x402's batch-settlement scheme with its file store, which verifies each
 * voucher and does not fsync; and the same heartbeat that has its signatures checked by @noble/secp256k1 instead of the
 * kernels. The x402 ratio is by processor time, since its store may use several threads.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { CheckSigners } from "../../src/exchange/signers.ts";
import { emptyState } from "../../src/exchange/state.ts";
import { Heartbeat } from "../../src/heartbeat.ts";
import { openJournal } from "../../src/journal/sqlite-journal.ts";
import { SignaturePool } from "../../src/kernels/pool.ts";
import { encodeMessage } from "../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import { voucherDigest } from "../../src/protocol/voucher.ts";
import { GATEWAY, LIMITS, laneSeen, MARKET, RULES, SALT } from "../exchange/stage.ts";
import type { Figure } from "./main.ts";
import { checkWithNoble } from "./noble-signers.ts";
import { X402Server } from "./x402-server.ts";

const ROUNDS = 3;
/** Lanes, and how many payments of each are under way at once. */
const LOADS = [
  [1, 4_096],
  [16, 256],
  [256, 256],
] as const;
/** The same, for the comparison of what checks the signatures: of a lane's vouchers in one group only one is checked. */
const CHECKED_LOADS = [
  [1_024, 1],
  [256, 16],
] as const;
/** What a payment of the bare loop writes, bytes: the size of a voucher's record. */
const ROW_BYTES = 1_000;
const LOOP_PAYMENTS = 2_048;
const X402_PAYMENTS = 256;
const LATENCY_PER_SECOND = 100;
const LATENCY_SECONDS = 10;
/** Before that, uncounted: a gateway that has just started compiles its own code while it serves. */
const WARM_SECONDS = 2;

type Payment = { readonly by: Hex; readonly bytes: Uint8Array };

export async function moneySuite(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-money-"));
  const pool = new SignaturePool({ clock: systemClock });
  const check: CheckSigners = (checks) => pool.check(checks);
  try {
    const figures: Figure[] = [];
    for (const [lanes, depth] of LOADS) figures.push(...(await throughput(folder, lanes, depth, check)));
    for (const [lanes, depth] of CHECKED_LOADS) figures.push(await checking(folder, lanes, depth, check));
    figures.push(...(await latency(folder, check)));
    return figures;
  } finally {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function throughput(
  folder: string,
  lanes: number,
  depth: number,
  checkSigners: CheckSigners,
): Promise<Figure[]> {
  const payers = payersOf(lanes);
  const x402 = await X402Server.open(join(folder, `x402-${lanes}`), lanes);
  const [ours, oursPerCore, bare, theirs]: [number[], number[], number[], number[]] = [[], [], [], []];
  const count = lanes * depth;
  const own = await paymentsOf(payers, count);
  const offered = await x402.paymentsOf(X402_PAYMENTS * (ROUNDS + 1));
  // one round more than counted: the first one warms up
  for (let round = 0; round <= ROUNDS; round++) {
    // a new house each time: the same vouchers are worth something again
    const house = openHouse(join(folder, `ours-${lanes}-${round}`), payers, checkSigners);
    const mine = await measured(() => house.take(own));
    house.close(lanes);
    const loop = await measured(() =>
      Promise.resolve(bareLoop(join(folder, `loop-${lanes}-${round}`), LOOP_PAYMENTS)),
    );
    const peer = await measured(() =>
      x402.take(offered.slice(round * X402_PAYMENTS, (round + 1) * X402_PAYMENTS)),
    );
    if (round === 0) continue;
    ours.push(count / mine.wall);
    oursPerCore.push(count / mine.cpu);
    bare.push(LOOP_PAYMENTS / loop.wall);
    theirs.push(X402_PAYMENTS / peer.cpu);
  }
  const [value, perCore, loopRate, x402Rate] = [ours, oursPerCore, bare, theirs].map(median) as [
    number,
    number,
    number,
    number,
  ];
  const metric = `voucher payments accepted durably, ${lanes} lanes, ${depth} under way on each`;
  return [
    figure(
      metric,
      value,
      "1/s",
      "one SQLite commit per payment, nothing verified",
      loopRate,
      value / loopRate,
      5,
    ),
    figure(
      `${metric}, per core`,
      perCore,
      "1/s of processor time",
      "x402 batch-settlement server, file store",
      x402Rate,
      perCore / x402Rate,
      10,
    ),
  ];
}

/** The same payments with their signatures checked by the kernels and by @noble/secp256k1. */
async function checking(
  folder: string,
  lanes: number,
  depth: number,
  checkSigners: CheckSigners,
): Promise<Figure> {
  const payers = payersOf(lanes);
  const own = await paymentsOf(payers, lanes * depth);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const turns = [
      ["kernels", checkSigners, ours],
      ["noble", checkWithNoble, theirs],
    ] as const;
    for (const [name, check, rates] of turns) {
      const house = openHouse(join(folder, `checking-${lanes}-${round}-${name}`), payers, check);
      const { wall } = await measured(() => house.take(own));
      house.close(lanes);
      if (round > 0) rates.push(own.length / wall);
    }
  }
  const [value, peerValue] = [median(ours), median(theirs)];
  const metric = `voucher payments accepted durably, ${lanes} lanes, ${depth} under way on each, kernels`;
  return figure(
    metric,
    value,
    "1/s",
    "signatures checked by @noble/secp256k1",
    peerValue,
    value / peerValue,
    null,
  );
}

/** A payment every 10 ms on 16 lanes, whatever becomes of those before: what each waits for its ack. */
async function latency(folder: string, checkSigners: CheckSigners): Promise<Figure[]> {
  const payers = payersOf(16);
  const house = openHouse(join(folder, "latency"), payers, checkSigners);
  const made = await paymentsOf(payers, LATENCY_PER_SECOND * (WARM_SECONDS + LATENCY_SECONDS));
  const waits: number[] = [];
  const commits: number[] = [];
  const database = openLoop(join(folder, "latency-loop"));
  const begun = performance.now();
  await Promise.all(
    made.map(async (payment, at) => {
      await after(begun + (at * 1_000) / LATENCY_PER_SECOND);
      const sent = performance.now();
      await house.take([payment]);
      if (at >= WARM_SECONDS * LATENCY_PER_SECOND) waits.push(performance.now() - sent);
    }),
  );
  for (let count = 0; count < waits.length; count++) {
    const start = performance.now();
    database.insert();
    commits.push(performance.now() - start);
  }
  house.close(16);
  database.close();
  const at = (values: readonly number[], part: number) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
  const peer = "one SQLite commit";
  const [p50, p99] = [at(waits, 0.5), at(waits, 0.99)];
  const row = { suite: "money", unit: "ms", peer };
  return [
    {
      ...{ ...row, metric: "ack of a payment at 100/s on 16 lanes, p50", value: rounded(p50) },
      ...{
        peerValue: rounded(at(commits, 0.5)),
        ratio: rounded(at(commits, 0.5) / p50),
        goal: null,
        ok: true,
      },
    },
    {
      ...{ ...row, metric: "ack of a payment at 100/s on 16 lanes, p99", value: rounded(p99) },
      ...{
        peerValue: rounded(at(commits, 0.99)),
        ratio: rounded(at(commits, 0.99) / p99),
        goal: 25,
        ok: p99 <= 25,
      },
    },
  ];
}

function after(time: number): Promise<void> {
  const wait = time - performance.now();
  return wait <= 0 ? Promise.resolve() : systemClock.sleep(wait);
}

function payersOf(count: number): Signer[] {
  return Array.from({ length: count }, (_, at) => {
    const key = new Uint8Array(32).fill(7);
    new DataView(key.buffer).setUint32(28, at + 1);
    return keySigner(key);
  });
}

/** Each payer in turn, a unit more every time. */
async function paymentsOf(payers: readonly Signer[], count: number): Promise<Payment[]> {
  const made: Payment[] = [];
  const { chainId, vault, token, gateway: payee } = MARKET;
  for (let at = 0; at < count; at++) {
    const payer = payers[at % payers.length];
    if (!payer) throw new Error("no payer");
    const cumulative = amount(BigInt(Math.floor(at / payers.length) + 1));
    const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative };
    const voucher = { ...unsigned, signature: await payer.sign(voucherDigest(unsigned)) };
    const text = encodeMessage("voucher", { version: 1, id: `v-${at}`, voucher });
    made.push({ by: payer.address, bytes: new TextEncoder().encode(text) });
  }
  return made;
}

function openHouse(folder: string, payers: readonly Signer[], checkSigners: CheckSigners) {
  const journal = openJournal(folder);
  const state = emptyState();
  let acks = 0;
  let taken = 0;
  const heartbeat = new Heartbeat({
    ...{ state, journal, signer: GATEWAY, clock: systemClock, bidders: () => [], checkSigners },
    context: { market: MARKET, rules: RULES, limits: LIMITS, draw: () => 0.99, salt: () => SALT },
    publish: ({ topic, message }) => {
      // the bytes are part of the work; where they go is the broker's
      if (topic !== "ack") throw new Error(`expected acks, heard ${topic}`);
      encodeMessage(topic, message);
      acks++;
    },
    onEntries: () => undefined,
    onRefused: () => undefined,
    onBroken: (cause) => {
      throw cause;
    },
  });
  const ready = heartbeat.tell({
    topic: "observed",
    facts: payers.map(({ address }) => laneSeen(address, MARKET.gateway, 1_000_000n)),
  });
  return {
    take: async (payments: readonly Payment[]) => {
      await ready;
      taken += payments.length;
      await Promise.all(payments.map(({ by, bytes }) => heartbeat.submit(by, "voucher", bytes)));
    },
    close: (lanes: number) => {
      if (state.payment.incoming.size !== lanes) throw new Error("a lane is missing");
      if (acks !== taken) throw new Error(`${taken} payments, ${acks} acks`);
      journal.close();
    },
  };
}

function openLoop(file: string) {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE payment (text TEXT)");
  const insert = database.prepare("INSERT INTO payment (text) VALUES (?)");
  const text = "x".repeat(ROW_BYTES);
  return { insert: () => void insert.run(text), close: () => database.close() };
}

function bareLoop(file: string, count: number): void {
  const database = openLoop(file);
  for (let at = 0; at < count; at++) database.insert();
  database.close();
}

/** Seconds on the clock, and of processor time in all threads. */
async function measured(work: () => Promise<unknown>): Promise<{ wall: number; cpu: number }> {
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  await work();
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1e6 };
}

function figure(
  metric: string,
  value: number,
  unit: string,
  peer: string,
  peerValue: number,
  ratio: number,
  goal: number | null,
): Figure {
  const numbers = { value: rounded(value), peerValue: rounded(peerValue), ratio: rounded(ratio) };
  return { suite: "money", metric, unit, peer, ...numbers, goal, ok: goal === null || ratio >= goal };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
