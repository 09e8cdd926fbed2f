/** Runs random sequences of calls against the real vault and the model side by side, and checks the laws of money. */
import fc from "fast-check";
import type { Abi } from "viem";
import { expect } from "vitest";
import { type Act, ageLanes, prelude } from "./acts.ts";
import { type Arena, openArena, type Sight, wordOf } from "./arena.ts";
import { Books } from "./books.ts";
import type { Address } from "./cells.ts";
import { NOBODY } from "./ground.ts";
import { obeyLaws } from "./laws.ts";
import { Planner } from "./planner.ts";
import { type Step, step } from "./steps.ts";

/** Time enough to think in before the year 2106, in which lanes can no longer be closed. */
const LAST_YEAR = 2n ** 32n - 100_000n;

/** What was called and how it went. */
export interface Tally {
  sequences: number;
  calls: number;
  /** Calls by function, and how many of them went through. */
  readonly functions: Map<string, { ok: number; refused: number }>;
  /** How often each error was the answer. */
  readonly errors: Map<string, number>;
  /** Every event that there was. */
  readonly events: Set<string>;
}

/** The vault's functions that change something. */
export function functionsOf(abi: Abi): string[] {
  return abi.flatMap((item) =>
    item.type === "function" && item.stateMutability === "nonpayable" ? [item.name] : [],
  );
}

/** The vault's custom errors, or its events. */
export function namesOf(abi: Abi, type: "error" | "event"): string[] {
  return abi.flatMap((item) => (item.type === type ? [item.name] : []));
}

/**
 * Runs sequences of up to `longest` calls. Chain and model must agree after every call, and every law must hold.
 *
 * @param seed - of fast-check; the same seed makes the same calls
 */
export async function fuzz(runs: number, seed: number, longest: number): Promise<Tally> {
  const arena = await openArena();
  const tally: Tally = { sequences: 0, calls: 0, functions: new Map(), errors: new Map(), events: new Set() };
  try {
    const birth = await prepare(arena);
    const steps = fc.array(step, { minLength: longest >> 1, maxLength: longest, size: "max" });
    const law = async (sequence: readonly Step[]) => {
      const clean = await arena.rpc("evm_snapshot", []);
      try {
        await runSequence(arena, birth, sequence, tally);
      } finally {
        await arena.rpc("evm_revert", [clean]);
      }
    };
    await fc.assert(fc.asyncProperty(steps, law), { numRuns: runs, seed });
    return tally;
  } finally {
    await arena.stop();
  }
}

/** Where every sequence starts. */
interface Birth {
  readonly second: bigint;
  readonly books: Books;
}

/** Puts on the chain what every sequence starts with. */
async function prepare(arena: Arena): Promise<Birth> {
  const mirror = arena.mirror();
  const books = new Books();
  const { timestamp } = (await arena.rpc("eth_getBlockByNumber", ["latest", false])) as { timestamp: string };
  mirror.vault.now = BigInt(timestamp);
  for (const act of prelude(arena, mirror)) {
    mirror.vault.now += 1n;
    expect(act.run(act.by), act.name).toBe("ok");
    const { answer, logs } = await arena.send(act.by, act.to, act.data, mirror.vault.now);
    expect(answer, act.name).toBe("ok");
    for (const log of logs) books.take(log);
  }
  for (const { lane, slot, word } of ageLanes(arena, mirror)) {
    await arena.rpc("anvil_setStorageAt", [arena.vault, slot, word]);
    books.lanes.set(lane, BigInt(word));
  }
  return { second: mirror.vault.now, books };
}

async function runSequence(
  arena: Arena,
  birth: Birth,
  sequence: readonly Step[],
  tally: Tally,
): Promise<void> {
  const mirror = arena.mirror();
  for (const act of prelude(arena, mirror)) act.run(act.by);
  ageLanes(arena, mirror);
  mirror.vault.now = birth.second;
  const books = new Books(birth.books);
  const planner = new Planner(arena, mirror);
  let before = await arena.look();
  for (const one of sequence) {
    const { vault } = mirror;
    if (one.wait !== "2106") vault.now += one.wait;
    else vault.now = vault.now < LAST_YEAR ? LAST_YEAR : vault.now + 1n;
    const act = await planner.act(one);
    const { answer, logs } = await arena.send(act.by, act.to, act.data, vault.now);
    const after = await arena.look();
    expect(answer, `${act.name} by ${act.by}`).toBe(act.run(act.by));
    count(tally, act, answer);
    obeyLaws(vault, planner.vouched, act, before, after);
    expectSame(after, vault);
    for (const log of logs) books.take(log);
    expectBooked(after, books);
    before = after;
  }
  await expectSameRights(arena, mirror.vault, books);
  for (const name of books.seen) tally.events.add(name);
  tally.sequences += 1;
}

function count(tally: Tally, { name }: Act, answer: string): void {
  const found = tally.functions.get(name) ?? { ok: 0, refused: 0 };
  tally.functions.set(name, found);
  tally.calls += 1;
  if (answer === "ok") found.ok += 1;
  else {
    found.refused += 1;
    tally.errors.set(answer, (tally.errors.get(answer) ?? 0) + 1);
  }
}

function expectSame(sight: Sight, vault: ReturnType<Arena["mirror"]>["vault"]): void {
  const vaults = [...sight.vaults].filter(([key, units]) => vault.vaults.get(key) !== units);
  const lanes = [...sight.lanes].filter(([key, word]) => wordOf(vault.lanes.get(key)) !== word);
  const held = [...sight.held].filter(([key, units]) => vault.holdings(key as Address) !== units);
  expect({ vaults, lanes, held }).toEqual({ vaults: [], lanes: [], held: [] });
}

/** Events alone tell every vault and lane. */
function expectBooked(sight: Sight, books: Books): void {
  const vaults = [...sight.vaults].filter(([key, units]) => (books.vaults.get(key) ?? 0n) !== units);
  const lanes = [...sight.lanes].filter(([key, word]) => (books.lanes.get(key) ?? 0n) !== word);
  expect({ vaults, lanes }, "events tell everything").toEqual({ vaults: [], lanes: [] });
}

/** Owners, allowances and nonces: on the chain, in the model, and as events tell them. */
async function expectSameRights(
  arena: Arena,
  vault: ReturnType<Arena["mirror"]>["vault"],
  books: Books,
): Promise<void> {
  const accounts = arena.parties.map(({ address }) => address);
  for (const account of accounts) {
    const owner = vault.owners.get(account);
    expect(String(await arena.read("ownerOf", [account])).toLowerCase()).toBe(owner);
    expect(books.owners.get(account) ?? NOBODY).toBe(owner);
  }
  for (const [keys, units] of vault.allowances.entries()) {
    expect(await arena.read("allowance", keys)).toBe(units);
    expect(books.allowances.get(keys.join()) ?? 0n).toBe(units);
  }
  for (const [key, units] of books.allowances) expect(vault.allowances.get(key)).toBe(units);
  const burnt = vault.used.entries().filter(([, used]) => used);
  expect(books.used.size).toBe(burnt.length);
  for (const [[signer, nonce], used] of vault.used.entries()) {
    expect(await arena.read("nonceUsed", [signer, BigInt(nonce ?? 0)])).toBe(used);
    expect(books.used.has(`${signer},${nonce}`)).toBe(used);
  }
}

/** Prints what a run has covered. */
export function report({ sequences, calls, functions, errors }: Tally): string {
  const lines = [...functions]
    .toSorted()
    .map(([name, { ok, refused }]) => `  ${name}: ${ok} ok, ${refused} refused`);
  const refusals = [...errors].toSorted().map(([name, times]) => `${name || "(silent)"} ${times}`);
  return [`${sequences} sequences, ${calls} calls`, ...lines, `  errors: ${refusals.join(", ")}`].join("\n");
}
