import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type Clock, instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { JournalWalk, type Verified } from "../../../src/journal/verify.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { checkSigners } from "../../../src/kernels/signature.ts";
import type { Verification } from "../../../src/operator/api/settlement.ts";
import { verification as shape } from "../../../src/operator/api/settlement.ts";
import { verifyClerks } from "../../../src/operator/verify/clerks.ts";
import { compareLanes, laneKeys, type ReadLanes } from "../../../src/operator/verify/lanes.ts";
import { type WalkCallbacks, Walks, type WalksOptions } from "../../../src/operator/verify/walk.ts";
import type { WalkStart } from "../../../src/operator/verify/walker.ts";
import type { LaneOnChain } from "../../../src/settlement/chain.ts";
import { draftOf, live, ROBOT, voucherFact } from "../../journal/life.ts";
import { changeText } from "../../journal/tamper.ts";

const folder = mkdtempSync(join(tmpdir(), "walk-"));
const writer = openJournal(folder);
const life = await live(writer);
afterAll(() => {
  writer.close();
  rmSync(folder, { recursive: true, force: true });
});

const OPERATOR = { name: "test", role: "operator", owner: null } as const;
const OWNER = { name: "owner", role: "viewer", owner: ROBOT.address } as const;

/** A lane on which nothing is settled, in its first epoch. */
const LANE: LaneOnChain = {
  ...{ epoch: 0, deposit: amount(5_000_000n), settled: amount(0n), closeAt: 0, window: 1 },
};

/** What the chain shows where it agrees with the life: three lanes were claimed. */
const agreeing: ReadLanes = (keys) =>
  Promise.resolve({ block: 60n, lanes: keys.map((_, at) => ({ ...LANE, settled: settledAt(at) })) });

const walk = new JournalWalk();
await walk.follow(
  writer.stored(),
  (checks) => Promise.resolve(checkSigners(checks)),
  () => undefined,
);
const KEYS = laneKeys(walk.lanes);
const settledAt = (at: number) => {
  const key = KEYS[at];
  const { incoming, outgoing } = walk.lanes;
  return amount((key && (incoming.get(key.payer) ?? outgoing.get(key.payee)))?.settled ?? 0n);
};

/** The same journal in another folder. */
function another() {
  const data = mkdtempSync(join(folder, "other-"));
  const journal = openJournal(data);
  onTestFinished(() => journal.close());
  journal.append(life.drafts);
  return { data, journal };
}

/** Walks whose end can be awaited. */
function open(options: Partial<WalksOptions> = {}) {
  const told: Verification[] = [];
  const ends: (() => void)[] = [];
  const walks = new Walks({
    ...{ data: folder, clock: systemClock, lanes: null, ...options },
    onProgress: (verification) => {
      told.push(verification);
      if (verification.state !== "running") for (const end of ends.splice(0)) end();
    },
  });
  onTestFinished(() => walks.close());
  const ended = () => new Promise<Verification>((resolve) => ends.push(() => resolve(walks.newest())));
  return { walks, told, ended };
}

/** Threads that say what a test has them say. */
function puppets() {
  const started: {
    readonly start: WalkStart;
    readonly say: WalkCallbacks;
    readonly answers: unknown[];
    isEnded: boolean;
  }[] = [];
  const spawn: NonNullable<WalksOptions["spawn"]> = (start, say) => {
    const one = { start, say, answers: [] as unknown[], isEnded: false };
    started.push(one);
    const end = () => {
      one.isEnded = true;
      return Promise.resolve();
    };
    return { answer: (answer) => void one.answers.push(answer), end };
  };
  return { started, spawn };
}

const verifiedTo = (index: number): Verified => ({
  ...{ held: index, signatures: 2, head: { index, hash: sha256(String(index)) } },
});

describe("a walk", () => {
  it("runs beside the writer, says how far it is, and remembers what it found", async () => {
    const { data, journal } = another();
    // While the chain is read, the gateway takes another voucher, and somebody claims it.
    const lanes: ReadLanes = async (keys) => {
      journal.append([draftOf([await voucherFact(14_300n, 1_000n)])]);
      const { block, lanes: seen } = await agreeing(keys);
      return {
        block,
        lanes: seen.map((lane, at) => (at === 0 ? { ...lane, settled: amount(14_300n) } : lane)),
      };
    };
    const { walks, told, ended } = open({ data, lanes });
    expect(walks.newest()).toMatchObject({ state: "never", head: null });
    const clerks = verifyClerks({ walks, journal });
    const end = ended();
    const begun = await clerks.verify({ params: {}, input: {} }, OPERATOR);
    expect(begun.state).toBe("running");
    // one at a time
    expect(walks.begin()).toEqual(begun);
    const result = await end;
    expect(result).toMatchObject({ state: "holds", checked: 35, total: 35, signatures: 32, broken: null });
    expect(result.head).toBe(journal.head().hash);
    expect(result.chain).toEqual({
      agrees: true,
      block: 60,
      why: `${KEYS.length} lanes are what the journal says`,
    });
    expect(shape.parse(result)).toEqual(result);
    expect(told[0]?.state).toBe("running");
    // how many lanes there are is not one owner's business
    const chain = { ...result.chain, why: "all lanes are what the journal says" };
    expect(await clerks.verification({ params: {}, input: {} }, OWNER)).toEqual({ ...result, chain });
  });

  it("names the first entry that does not hold, and to one owner only that there is one", async () => {
    const { data } = another();
    changeText(data, 9, (line) => `${line} `);
    const { walks, ended } = open({ data, lanes: agreeing });
    const end = ended();
    walks.begin("idle");
    const why = "its text does not have its hash";
    expect(await end).toMatchObject({ state: "broken", checked: 8, broken: { index: 9, why }, chain: null });
    const clerks = verifyClerks({ walks, journal: writer });
    const asOwner = await clerks.verification({ params: {}, input: {} }, OWNER);
    expect(asOwner.broken).toEqual({ index: 9, why: expect.stringContaining("ask") });
  });

  it("is told of the lanes that it asks for, or that they cannot be read", async () => {
    for (const [lanes, seen] of [
      [agreeing, { block: 60n, lanes: [{ ...LANE, settled: settledAt(0) }] }],
      [() => Promise.reject(new Error("no node answers")), null],
    ] as const) {
      const { started, spawn } = puppets();
      open({ lanes, spawn }).walks.begin();
      started[0]?.say.onReport({ kind: "lanes", keys: KEYS.slice(-1) });
      await vi.waitFor(() => expect(started[0]?.answers).toEqual([{ seen }]));
    }
  });

  it("tells what kept it from its end, says again what was known before, and can begin anew", () => {
    const faults: unknown[] = [];
    const { started, spawn } = puppets();
    const { walks } = open({ spawn, onFault: (fault) => faults.push(fault) });
    walks.begin();
    const [verified, chain] = [verifiedTo(3), null];
    started[0]?.say.onReport({ kind: "progress", verified, total: 9 });
    expect(walks.newest()).toMatchObject({ state: "running", checked: 3, total: 9, signatures: 2 });
    started[0]?.say.onReport({ kind: "holds", verified, chain });
    expect(walks.newest()).toMatchObject({ state: "holds", total: 3 });
    expect(walks.begin().state).toBe("running");
    // the end of the first one's thread is no end of the second one
    started[0]?.say.onEnd();
    expect(walks.newest().state).toBe("running");
    started[1]?.say.onReport({ kind: "failed", code: "disk_failed", message: "gone" });
    expect(walks.newest()).toMatchObject({ state: "holds", total: 3 });
    walks.begin();
    started[2]?.say.onEnd();
    expect(walks.newest().state).toBe("holds");
    const codes = [{ code: "disk_failed" }, { code: "impossible" }];
    expect(faults).toEqual(codes.map((code) => expect.objectContaining(code)));
    expect(started.map(({ isEnded }) => isEnded)).toEqual([true, true, true]);
  });

  it("is not begun where there is no memory for a thread", () => {
    const faults: unknown[] = [];
    const spawn = () => {
      throw new Error("no memory");
    };
    const { walks } = open({ spawn, onFault: (fault) => faults.push(fault) });
    expect(walks.begin().state).toBe("never");
    expect(faults).toHaveLength(1);
  });

  it("is quiet once it was closed, and begins none any more", async () => {
    let running = 0;
    const after: Clock["after"] = () => {
      running += 1;
      let isOn = true;
      return () => {
        if (isOn) running -= 1;
        isOn = false;
      };
    };
    const walks = new Walks({
      ...{ data: folder, clock: { ...systemClock, after }, lanes: null, spawn: puppets().spawn },
      onProgress: () => void walks.close(),
    });
    walks.onceIdle();
    walks.begin();
    await walks.close();
    expect(running).toBe(0);
    const before = walks.newest();
    expect(walks.begin()).toBe(before);
  });

  it("is walked once by itself, when the start is over, and leaves the machine to others", () => {
    const timers: { readonly ms: number; readonly then: () => void }[] = [];
    const after: Clock["after"] = (ms, then) => {
      timers.push({ ms, then });
      return () => undefined;
    };
    const { started, spawn } = puppets();
    const { walks } = open({ spawn, clock: { ...systemClock, now: () => instant(5), after } });
    walks.onceIdle();
    expect(timers.map(({ ms }) => ms)).toEqual([30_000]);
    expect(walks.newest().state).toBe("never");
    timers[0]?.then();
    expect(started.map(({ start }) => start)).toEqual([{ data: folder, pace: "idle", readsChain: false }]);
    // says how far it is twice a second at least
    expect(timers[1]?.ms).toBeLessThanOrEqual(500);
    started[0]?.say.onReport({ kind: "holds", verified: verifiedTo(0), chain: null });
    expect(walks.newest()).toMatchObject({ state: "holds", startedAt: 5, endedAt: 5, head: null });
    timers[0]?.then();
    expect(started).toHaveLength(1);
  });
});

describe("the clerk of entries", () => {
  const clerks = () => verifyClerks({ walks: open().walks, journal: writer });

  it("gives a record as it is stored", async () => {
    const [first] = writer.entries();
    const entry = await clerks().entry({ params: { index: 1 }, input: {} }, OPERATOR);
    const { hash, previous, text } = first ?? {};
    expect(entry).toMatchObject({ index: 1, hash, previous, text, kinds: ["gatewayStarted"] });
  });

  it("has none behind the newest", async () => {
    const asked = clerks().entry({ params: { index: 99 }, input: {} }, OPERATOR);
    await expect(asked).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("lanes on chain", () => {
  /** The lanes as the chain has them where it agrees, one of them changed. */
  const seen = (at: number, change: Partial<LaneOnChain>) => ({
    block: 60n,
    lanes: KEYS.map((_, i) => ({ ...LANE, settled: settledAt(i), ...(i === at ? change : {}) })),
  });

  it.each<[string, Partial<LaneOnChain>, RegExp | null]>([
    ["as they are", {}, null],
    ["in a later epoch", { epoch: 1, deposit: amount(0n) }, null],
    ["with more deposited", { deposit: amount(6_000_000n) }, null],
    ["with more claimed, of what was signed", { settled: amount(13_300n) }, null],
    ["with more claimed than was signed", { settled: amount(13_301n) }, /paid 13301, and 13300 were signed/],
    ["with less settled than was seen", { settled: amount(12_499n) }, /12500 are settled/],
    ["with less deposited than was signed", { deposit: amount(13_299n) }, /13299 deposited/],
  ])("agree or not: %s", (_, change, why) => {
    expect(KEYS[0]).toMatchObject({ payer: ROBOT.address });
    const compared = compareLanes(walk.lanes, KEYS, seen(0, change));
    expect(compared.agrees).toBe(why === null);
    if (why) expect(compared.why).toMatch(why);
    expect(compared.block).toBe(60);
  });

  it("contradict a journal of a later epoch", () => {
    const incoming = new Map([[ROBOT.address, { epoch: 1, signed: 0n, settled: 0n }]]);
    const said = { market: walk.lanes.market, incoming, outgoing: new Map() };
    const keys = laneKeys(said);
    expect(compareLanes(said, keys, { block: 1n, lanes: [LANE] })).toMatchObject({ agrees: false });
    expect(laneKeys({ ...said, market: null })).toEqual([]);
  });
});
