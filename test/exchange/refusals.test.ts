/** Every refusal there is: how a device comes by it, and that it changes nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REFUSALS, type RefusalCode } from "../../src/base/refusal.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import { ARM, BOARD, CAMERA, CART, funded, ROBOT } from "./stage.ts";
import type { Way } from "./way.ts";
import { WAYS } from "./ways.ts";

/** Where the codes are reached that a command in the heartbeat cannot earn. */
const ELSEWHERE: Partial<Record<RefusalCode, string>> = {
  unknown_device: "test/link/broker/connect.test.ts",
  bad_token: "test/protocol/connect-token.test.ts",
  token_expired: "test/protocol/connect-token.test.ts",
  token_replayed: "test/link/broker/connect.test.ts",
  wrong_topic: "test/link/broker/publish.test.ts",
  bad_seal: "test/link/broker/seal.test.ts",
  over_cap: "test/custody.test.ts",
  login_required: "test/link/broker/quarantine.test.ts",
  bad_packet: "test/link/broker/strangers.test.ts",
  no_connect: "test/link/broker/strangers.test.ts",
  too_slow: "test/link/broker/outgoing.test.ts",
  blob_unexpected: "test/blob/transfer.test.ts",
  blob_unknown: "test/link/blob-courier.test.ts",
  blob_quota: "test/blob/shelf.test.ts",
  hash_mismatch: "test/link/blob-courier.test.ts",
  firmware_rejected: "test/errands.test.ts",
  payment_due: "test/exchange/on-result.test.ts",
  budget_exceeded: "test/exchange/limits.test.ts",
};

async function stageFor(way: Way): Promise<Counter> {
  const counter = openCounter();
  await counter.observe(funded([ROBOT, CART, BOARD, ARM, CAMERA], 10_000n));
  await way.before?.(counter);
  expect(counter.refused, "the way there was refused").toEqual([]);
  counter.heard();
  return counter;
}

const copy = (counter: Counter) => structuredClone({ ...counter.state, answers: null });

describe("a command is refused", () => {
  it.each(WAYS)("for $title: $code", async (way) => {
    const counter = await stageFor(way);
    const [before, index] = [copy(counter), counter.journal.head().index];
    await way.command(counter);
    expect(counter.broken).toEqual([]);

    const said = counter.heard();
    const refusal = saidOf(said, "refusal");
    expect(said).toHaveLength(1);
    expect(refusal.code).toBe(way.code);
    expect(refusal.hint.length).toBeGreaterThan(10);
    expect(refusal.hint === REFUSALS[way.code]).toBe(way.ownHint === undefined);
    expect(counter.refused.map(({ refusal: { refused } }) => refused)).toEqual([way.code]);

    if (way.keeps) {
      const kept = counter.journal.entry(index + 1);
      expect(kept?.facts.map(({ kind }) => kind)).toEqual(["voucherReceived"]);
      expect(kept?.cause.refused).toBe(way.code);
      expect(counter.journal.head().index).toBe(index + 1);
    } else {
      expect(copy(counter), "the state has changed").toEqual(before);
      expect(counter.journal.head().index).toBe(index);
    }
  });

  it("and told of the topic that it came on and the id that it bore", async () => {
    const counter = openCounter();
    await counter.sendBytes(ROBOT, "forfeit", '{"id":"f-9"}');
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({ topic: "forfeit", id: "f-9" });
    await counter.sendBytes(ROBOT, "forfeit", "[]");
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({ topic: "forfeit", id: null });
  });
});

describe("the list of refusals", () => {
  it("holds each code once: reached here or known to be reached elsewhere", () => {
    const here = new Set(WAYS.map(({ code }) => code));
    const codes = Object.keys(REFUSALS) as RefusalCode[];
    const places = codes.map((code) => [code, Number(here.has(code)) + Number(code in ELSEWHERE)]);
    expect(places.filter(([, count]) => count !== 1)).toEqual([]);
  });

  it.each(Object.entries(ELSEWHERE))("is right that %s is reached in %s", (code, path) => {
    const text = readFileSync(join(import.meta.dirname, "../..", path), "utf8");
    expect(text).toContain(`"${code}"`);
  });
});
