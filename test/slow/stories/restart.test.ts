import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { replay } from "../../../src/exchange/replay.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { Program } from "../../stories/program.ts";

const KILLS = 4;
const QUERIES = 30;

/** What a device was told is paid must be in the journal, and what the journal says a device signed it has signed. */
function expectWalletsToAgree(data: string): void {
  const journal = openJournal(data, { readOnly: true });
  const start = [...(journal.entry(1)?.facts ?? [])].find((fact) => fact.kind === "gatewayStarted");
  if (!start) throw new Error("the journal has no start");
  const { payment, roster } = replay(journal, start);
  journal.close();
  for (const { address, name } of roster.values()) {
    const wallet = walletOf(data, name);
    expect(BigInt(wallet.signed ?? 0)).toBeGreaterThanOrEqual(payment.incoming.get(address)?.signed ?? 0n);
    const received = (wallet.received ?? []).map((voucher) => BigInt(voucher.cumulative));
    const paid = payment.outgoing.get(address)?.signed ?? 0n;
    // Told before the kill, so it has to be on disk; the newest may still be on its way to a device that comes back.
    expect(received.at(-1) ?? 0n, `${name} was told of more than the journal knows`).toBeLessThanOrEqual(
      paid,
    );
  }
}

type Wallet = { readonly signed?: string; readonly received?: readonly { cumulative: string }[] };

/** Where `total` is in `hw_saved` of devices/board/src/hw_saved.h, on a Cortex-M3. */
const SAVED_TOTAL = 64;

/** A robot's file, or what the board's own firmware keeps. */
function walletOf(data: string, name: string): Wallet {
  const file = join(data, `${name}.wallet.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  return { signed: String(readFileSync(join(data, "board/slot-1")).readBigUInt64LE(SAVED_TOTAL)) };
}

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-restart-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it(`loses and doubles nothing when the gateway is killed ${KILLS} times at random`, {
  timeout: 170_000,
}, async () => {
  const demo = new Program(["demo", "--json", "--queries", String(QUERIES), "--data", folder]);
  let kills = 0;
  let gateway = 0;
  demo.listen((line) => {
    if (line["process"] === "gateway") gateway = Number(line["pid"]);
    const isUp = line["title"] === "requester" || line["what"] === "the gateway is back";
    if (!isUp || kills === KILLS) return;
    kills++;
    // Short waits hit the start and the replay, long ones the middle of tasks and payments.
    systemClock.after(Math.random() ** 2 * 900, () => process.kill(gateway, "SIGKILL"));
  });
  expect(await demo.ended(), demo.stderr).toBe(0);
  expect(demo.last).toMatchObject({ kind: "summary", queries: QUERIES, optimal: QUERIES, agree: true });
  expect(demo.last?.["restarts"]).toBe(kills);
  expect(kills).toBe(KILLS);
  expectWalletsToAgree(folder);
  const verify = new Program(["log", "verify", "--data", folder, "--json"]);
  expect(await verify.ended()).toBe(0);
});
