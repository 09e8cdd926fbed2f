/** What the browser checks, run here: the same modules, the same kernels, handed over as bytes. */
import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { loadKernels } from "../../../src/kernels/kernels.ts";
import type { StoryEntry } from "../../../src/operator/api/task.ts";
import { type CheckResult, checkEntries, type FetchKernel } from "../../../src/operator/page/check/check.ts";
import { buildLife } from "../../journal/life.ts";
import { MARKET } from "../../journal/signed-facts.ts";

const life = await buildLife();
const journal = memoryJournal();
journal.append(life.drafts);
const all: StoryEntry[] = [...journal.entries()].map(({ index, at, hash, previous, facts, text }) => {
  return { index, at, hash, previous, kinds: facts.map(({ kind }) => kind), text };
});
/** The records of the task that was paid, as its story has them. */
const story = all.filter(({ text }) => text?.includes(life.paid));

const build = (variant: string) =>
  new Uint8Array(readFileSync(new URL(`../../../build/kernels/${variant}.wasm`, import.meta.url)));
const fetchKernel: FetchKernel = (variant) => Promise.resolve(build(variant));

const check = (entries: readonly StoryEntry[]) => checkEntries(entries, MARKET, fetchKernel);
const wrongIn = ({ signatures }: CheckResult) => signatures.filter(({ state }) => state === "wrong");

/** The story with the text of one entry changed, its hash as well where `rehashed`. */
function changed(kind: string, change: (text: string) => string, rehashed = false): StoryEntry[] {
  let found = false;
  const entries = story.map((entry) => {
    if (found || !entry.kinds.includes(kind) || entry.text === null) return entry;
    const text = change(entry.text);
    found = text !== entry.text;
    return { ...entry, text, ...(rehashed ? { hash: sha256(text) } : {}) };
  });
  expect(found).toBe(true);
  return entries;
}

describe("checking here", () => {
  it("finds that all holds in a whole task: each hash, the chain, and every signature by whom", async () => {
    const result = await check([...story].reverse());
    expect(result.holds).toBe(true);
    expect(result.entries.map(({ index }) => index)).toEqual(story.map(({ index }) => index));
    expect(result.entries.every(({ hash, computed }) => hash === computed)).toBe(true);
    expect(result.entries.map(({ follows }) => follows)).toEqual([
      "unknown",
      ...Array.from({ length: story.length - 1 }, () => "yes"),
    ]);
    const kinds = result.signatures.map(({ what }) => what).sort();
    const each = ["accept", "accept", "award", "award", "bid", "offer", "receipt", "result", "result"];
    expect(kinds).toEqual([...each, "voucher", "voucher", "voucher"]);
    for (const { state, by, digest } of result.signatures) {
      expect(state).toBe("holds");
      expect(by).toMatch(/^0x[0-9a-f]{40}$/);
      expect(digest).toMatch(/^0x[0-9a-f]{64}$/);
    }
  });

  it("holds for every record of a journal", async () => {
    const result = await checkEntries(all, null, fetchKernel);
    expect(wrongIn(result)).toEqual([]);
    expect(result.holds).toBe(true);
    expect(result.signatures.filter(({ state }) => state === "holds")).toHaveLength(31);
  });

  it("finds a changed text by its hash, and what it breaks", async () => {
    const result = await check(
      changed("delivered", (text) => text.replace('"verdict":"ok"', '"verdict":"trap"')),
    );
    expect(result.holds).toBe(false);
    const [entry] = result.entries.filter(({ holds }) => !holds);
    expect(entry?.why).toContain("its text does not have its hash");
    expect(entry?.computed).not.toBe(entry?.hash);
    expect(wrongIn(result).map(({ what }) => what)).toContain("result");
  });

  it("finds a signature of somebody else under a right hash", async () => {
    const swap = (text: string) => text.replace(/("signature":"0x)(..)/, (_, head) => `${head}00`);
    const result = await check(changed("awarded", swap, true));
    const [wrong, ...more] = wrongIn(result);
    expect(more).toEqual([]);
    expect(wrong).toMatchObject({
      what: "award",
      by: MARKET.gateway,
      why: `the award is not signed by ${MARKET.gateway}`,
    });
    expect(result.holds).toBe(false);
  });

  it("finds a changed amount of a voucher under a right hash", async () => {
    const raise = (text: string) => text.replace('"cumulative":"990"', '"cumulative":"9990"');
    const result = await check(changed("paid", raise, true));
    expect(wrongIn(result)).toMatchObject([{ what: "voucher", by: MARKET.gateway }]);
  });

  it("finds a changed price of a receipt under a right hash", async () => {
    const result = await check(
      changed("paid", (text) => text.replace('"price":"1500"', '"price":"1501"'), true),
    );
    expect(result.entries.find(({ holds }) => !holds)?.why).toContain("the receipt asks 1001");
    expect(result.holds).toBe(false);
  });

  it("finds an entry that does not follow its neighbour", async () => {
    const [first, second, ...rest] = story;
    if (!first || !second) throw new Error("no story");
    const result = await check([first, { ...second, previous: second.hash }, ...rest]);
    expect(result.entries[1]).toMatchObject({ follows: "no", holds: false });
    // each of the two is sound in itself
    const text = first.text?.replace('"by":null', `"by":"${MARKET.gateway}"`) ?? "";
    const other = await check([{ ...first, text, hash: sha256(text) }, second]);
    expect(other.entries.map(({ why }) => why)).toEqual([null, `it does not follow entry ${first.index}`]);
  });

  it("says what it cannot check, and is not disturbed by it", async () => {
    const payment = story.filter(({ kinds }) => kinds.includes("paid"));
    const result = await check(payment);
    expect(result.holds).toBe(true);
    const unchecked = result.signatures.filter(({ state }) => state === "unchecked");
    expect(unchecked).toMatchObject([
      { what: "receipt", by: MARKET.gateway, why: expect.stringContaining("not here") },
    ]);
    const hidden = await check(story.map((entry) => ({ ...entry, text: null })));
    expect(hidden.holds).toBe(true);
    expect(hidden.signatures.every(({ state }) => state === "unchecked")).toBe(true);
    expect(hidden.entries.every(({ computed }) => computed === null)).toBe(true);
  });

  it("is of one gateway: another's is not believed", async () => {
    const other = { ...MARKET, gateway: `0x${"12".repeat(20)}` } as const;
    const result = await checkEntries(story, other, fetchKernel);
    expect(result.holds).toBe(false);
  });
});

describe("loading the kernels", () => {
  it("does without the faster build", async () => {
    onTestFinished(() => loadKernels({ base: build("base"), relaxed: build("relaxed") }));
    const { loadForCheck } = await import("../../../src/operator/page/check/load.ts");
    const asked: string[] = [];
    await loadForCheck((variant) => {
      asked.push(variant);
      return variant === "base" ? fetchKernel(variant) : Promise.reject(new Error("404"));
    });
    expect(new Set(asked)).toEqual(new Set(["base", "relaxed"]));
  });

  it("fails where there is none, and can be tried again", async () => {
    const { loadForCheck } = await import("../../../src/operator/page/check/load.ts");
    const gone = new Error("404");
    await expect(loadForCheck(() => Promise.reject(gone))).rejects.toBe(gone);
  });
});
