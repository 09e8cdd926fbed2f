import { spawnSync } from "node:child_process";
import { Worker } from "node:worker_threads";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Clock, instant, systemClock } from "../../src/base/clock.ts";
import { DEFAULT_CAPS, type KnownKeysCaps } from "../../src/kernels/known-keys.ts";
import { SignaturePool, type SignaturePoolOptions, shareOut } from "../../src/kernels/pool.ts";
import type { SignatureCheck, SignatureGroup } from "../../src/kernels/signature-group.ts";
import type { WorkerJob, WorkerStart } from "../../src/kernels/worker.ts";
import { recoverByNoble, rightClaims, SPOILS } from "./claims.ts";

let claims: readonly SignatureCheck[];
let expected: readonly boolean[];

beforeAll(async () => {
  const right = await rightClaims(300, 9);
  const spoils = Object.values(SPOILS);
  claims = right.map((claim, at) =>
    at % 10 === 3 ? (spoils[((at / 10) % spoils.length) | 0]?.(claim) ?? claim) : claim,
  );
  expected = claims.map(
    ({ digest, signature, by }, at) =>
      at % 10 !== 3 || (digest.length === 66 && recoverByNoble(digest, signature) === by),
  );
});

const pools: SignaturePool[] = [];

function open(options: Partial<SignaturePoolOptions> = {}): SignaturePool {
  const pool = new SignaturePool({ clock: systemClock, size: 2, ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

const WORKER = new URL("../../src/kernels/worker.ts", import.meta.url);

/** Starts real workers, and keeps hold of them. */
function spawner(spoil: (worker: Worker, index: number) => void = () => {}) {
  const workers: Worker[] = [];
  const spawn = (start: WorkerStart) => {
    const worker = new Worker(WORKER, { workerData: start });
    spoil(worker, workers.push(worker) - 1);
    return worker;
  };
  return { workers, spawn };
}

/** A clock of which the test says when something is due. */
function heldClock(): Clock & { readonly due: (() => void)[] } {
  const due: (() => void)[] = [];
  return {
    due,
    now: () => instant(0),
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
    after: (ms, then) => {
      expect(ms).toBe(2);
      due.push(then);
      return () => due.splice(due.indexOf(then), 1);
    },
  };
}

describe("a pool that is told what workers are worth", () => {
  it("starts none for less within a second, and all for more", async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, now: () => instant(now) };
    const { workers, spawn } = spawner();
    const pool = open({ clock, spawn, worthwhile: 700 });
    expect(await pool.check(claims)).toEqual(expected);
    expect(await pool.check(claims)).toEqual(expected);
    now = 1_001;
    expect(await pool.check(claims)).toEqual(expected);
    expect(await pool.check(claims)).toEqual(expected);
    expect(workers).toHaveLength(0);
    now = 2_001;
    expect(await pool.check(claims)).toEqual(expected);
    expect(workers).toHaveLength(2);
    await pool.start();
    now = 9_000;
    expect(await pool.check(claims)).toEqual(expected);
    expect(pool.ready).toBe(2);
  });
});

describe("a pool", () => {
  it("has some right and some wrong to tell apart", () => {
    expect(expected.filter((one) => !one).length).toBeGreaterThan(20);
  });

  it.each([0, 1, 2, 3])("of %d workers says what recovery says", async (size) => {
    const pool = open({ size });
    expect(await pool.check(claims)).toEqual(expected);
    await pool.start();
    expect(pool.ready).toBe(size);
    for (let round = 0; round < 3; round++) expect(await pool.check(claims)).toEqual(expected);
    const groups = [claims.slice(0, 1), claims.slice(0, 80), [], claims.slice(80, 200), claims];
    const answers = await Promise.all(groups.map((group) => pool.check(group)));
    expect(answers.flat()).toEqual(
      [1, 80].flatMap((end) => expected.slice(0, end)).concat(expected.slice(80, 200), expected),
    );
  });

  it("starts no worker before one is needed, none for a few, and waits for no start", async () => {
    const { workers, spawn } = spawner();
    const pool = open({ spawn });
    expect(await pool.check(claims.slice(0, 63))).toEqual(expected.slice(0, 63));
    expect(workers).toHaveLength(0);
    expect(await pool.check(claims)).toEqual(expected);
    expect(workers).toHaveLength(2);
    expect(pool.ready).toBe(0);
    await pool.start();
    expect(workers).toHaveLength(2);
    expect(pool.ready).toBe(2);
  });

  it.each([1, 3])("gives its %d workers together the memory for keys that one thread has", async (size) => {
    const caps: KnownKeysCaps[] = [];
    const { spawn } = spawner();
    const pool = open({
      size,
      spawn: (start) => {
        caps.push(start.caps);
        return spawn(start);
      },
    });
    await pool.start();
    expect(caps).toHaveLength(size);
    for (const kind of ["tables", "keys"] as const) {
      const sum = caps.reduce((sum, one) => sum + one[kind], 0);
      expect(sum).toBeGreaterThanOrEqual(DEFAULT_CAPS[kind]);
      expect(sum).toBeLessThan(DEFAULT_CAPS[kind] + size);
    }
  });

  it("lets nothing wait while no worker is busy", async () => {
    const clock = heldClock();
    const pool = open({ clock });
    await pool.start();
    expect(await pool.check(claims.slice(0, 100))).toEqual(expected.slice(0, 100));
    expect(clock.due).toHaveLength(0);
  });

  it("gathers what comes while workers are busy, until they are done", async () => {
    const clock = heldClock();
    const pool = open({ clock });
    await pool.start();
    const order: string[] = [];
    const ask = async (name: string, from: number, to: number) => {
      expect(await pool.check(claims.slice(from, to))).toEqual(expected.slice(from, to));
      order.push(name);
    };
    const asked = [ask("first", 0, 300), ask("second", 0, 100), ask("third", 100, 200)];
    expect(clock.due).toHaveLength(1);
    await Promise.all(asked);
    expect(order).toEqual(["first", "second", "third"]);
    expect(clock.due).toHaveLength(0);
  });

  it("gathers for 2 ms at most, and no longer once there are 256", async () => {
    const clock = heldClock();
    const jobs: number[] = [];
    const { spawn } = spawner((worker) => {
      const post = worker.postMessage.bind(worker);
      worker.postMessage = (job: WorkerJob) => {
        jobs.push(job.group.count);
        post(job);
      };
    });
    const pool = open({ clock, spawn, size: 1 });
    await pool.start();
    const asked = [0, 100, 170].map((from) => pool.check(claims.slice(from, from + 70)));
    expect(jobs).toEqual([70]);
    expect(clock.due).toHaveLength(1);
    clock.due[0]?.();
    expect(jobs).toEqual([70, 140]);
    asked.push(pool.check(claims.slice(0, 255)));
    expect(jobs).toEqual([70, 140]);
    asked.push(pool.check(claims.slice(0, 64)));
    expect(jobs).toEqual([70, 140, 319]);
    expect(clock.due).toHaveLength(0);
    expect((await Promise.all(asked)).map((one) => one.length)).toEqual([70, 70, 70, 255, 64]);
  });

  it("answers all the same when workers are killed at work, and goes on with new ones", async () => {
    const { workers, spawn } = spawner();
    const pool = open({ spawn });
    for (let round = 0; round < 4; round++) {
      await pool.start();
      expect(pool.ready).toBe(2);
      const answer = pool.check(claims);
      await Promise.all(workers.map((worker) => worker.terminate()));
      expect(await answer).toEqual(expected);
      expect(pool.ready).toBe(0);
      await pool.start();
      expect(await pool.check(claims)).toEqual(expected);
    }
    expect(workers).toHaveLength(10);
  });

  it("answers when a worker throws", async () => {
    const { workers, spawn } = spawner();
    const pool = open({ spawn });
    await pool.start();
    for (const worker of workers) worker.postMessage({ id: -1, group: null });
    expect(await pool.check(claims)).toEqual(expected);
    expect(pool.ready).toBe(0);
    await pool.start();
    expect(await pool.check(claims)).toEqual(expected);
    expect(pool.ready).toBe(2);
  });

  it("stops replacing workers that die before they answer anything", async () => {
    const { workers, spawn } = spawner((worker) => worker.postMessage({ id: -1, group: null }));
    const pool = open({ spawn, size: 1 });
    for (let round = 0; round < 6; round++) {
      expect(await pool.check(claims)).toEqual(expected);
      await pool.start();
      // ready it may have been; now it has what it dies of
      if (pool.ready > 0) expect(await pool.check(claims)).toEqual(expected);
    }
    expect(workers).toHaveLength(3);
    expect(pool.ready).toBe(0);
  });

  it("does without workers where none can be started", async () => {
    let tries = 0;
    const spawn = () => {
      tries += 1;
      throw new Error("no threads");
    };
    const pool = open({ spawn, size: 1 });
    await pool.start();
    for (let round = 0; round < 5; round++) expect(await pool.check(claims)).toEqual(expected);
    expect(tries).toBe(3);
  });

  it("answers what waits and what runs when it is closed, and later checks too", async () => {
    const clock = heldClock();
    const { workers, spawn } = spawner();
    const pool = open({ clock, spawn });
    await pool.start();
    const running = pool.check(claims);
    const waiting = pool.check(claims.slice(0, 90));
    expect(clock.due).toHaveLength(1);
    await pool.close();
    expect(await running).toEqual(expected);
    expect(await waiting).toEqual(expected.slice(0, 90));
    expect(clock.due).toHaveLength(0);
    expect(pool.ready).toBe(0);
    expect(await pool.check(claims)).toEqual(expected);
    await pool.start();
    await pool.close();
    expect(workers).toHaveLength(2);
  });

  it("keeps no process alive that has nothing to do, but one that waits for an answer", () => {
    const program = `
      const { SignaturePool } = await import(${JSON.stringify(new URL("../../src/kernels/pool.ts", import.meta.url).href)});
      const { systemClock } = await import(${JSON.stringify(new URL("../../src/base/clock.ts", import.meta.url).href)});
      const pool = new SignaturePool({ clock: systemClock, size: 1 });
      const claims = ${JSON.stringify(claims)};
      await pool.check(claims);
      await pool.start();
      const verdicts = await pool.check(claims);
      console.log(pool.ready, verdicts.filter(Boolean).length);
    `;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { encoding: "utf8", timeout: 15_000 },
    );
    expect(stderr).toBe("");
    expect(stdout.trim()).toBe(`1 ${expected.filter(Boolean).length}`);
    expect(status).toBe(0);
  });
});

/** A group of which each account has signed so many, by the number that its address is; they take turns. */
function groupSignedBy(counts: Readonly<Record<number, number>>): SignatureGroup {
  const accounts = Object.keys(counts).map((at) => `0x${Number(at).toString(16).padStart(40, "0")}` as const);
  const turns = Object.values(counts).flatMap((count, signer) =>
    Array.from({ length: count }, (_, turn) => ({ turn, signer })),
  );
  const signers = Uint32Array.from(turns.sort((a, b) => a.turn - b.turn).map(({ signer }) => signer));
  const count = signers.length;
  const [signatures, parities, digests] = [64, 1, 32].map((bytes) => new Uint8Array(bytes * count));
  if (!signatures || !parities || !digests) throw new Error("no columns");
  return { count, signatures, parities, digests, signers, accounts };
}

/** How many of each account each worker gets. */
const sharesOf = (group: SignatureGroup, workers: number) => {
  const shares = shareOut(group, workers);
  expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: group.count }, (_, at) => at));
  return shares.map((share) => {
    const counts: Record<number, number> = {};
    for (const at of share) {
      const account = Number(group.accounts[group.signers[at] ?? 0]);
      counts[account] = (counts[account] ?? 0) + 1;
    }
    return counts;
  });
};

describe("the workers' shares", () => {
  it("leave every account with one worker, which is the same whatever else is in a group", () => {
    expect(sharesOf(groupSignedBy({ 0: 10, 1: 10, 2: 10, 3: 10 }), 2)).toEqual([
      { 0: 10, 2: 10 },
      { 1: 10, 3: 10 },
    ]);
    expect(sharesOf(groupSignedBy({ 3: 9, 4: 9, 8: 9 }), 3)).toEqual([{ 3: 9 }, { 4: 9 }, { 8: 9 }]);
    expect(sharesOf(groupSignedBy({ 5: 9, 3: 9, 1: 9 }), 3)).toEqual([{ 3: 9 }, { 1: 9 }, { 5: 9 }]);
  });

  it("may be a quarter above the even one for that", () => {
    const uneven = { 0: 25, 2: 25, 4: 12, 1: 38 };
    expect(sharesOf(groupSignedBy(uneven), 2)).toEqual([{ 0: 25, 2: 25, 4: 12 }, { 1: 38 }]);
  });

  it("are no larger: the rest goes to whoever has least", () => {
    expect(sharesOf(groupSignedBy({ 4: 100 }), 2)).toEqual([{ 4: 63 }, { 4: 37 }]);
    expect(sharesOf(groupSignedBy({ 6: 120 }), 3)).toEqual([{ 6: 50 }, { 6: 35 }, { 6: 35 }]);
  });
});
