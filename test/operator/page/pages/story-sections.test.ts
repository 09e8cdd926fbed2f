import { beforeAll, expect, test } from "vitest";
import { marketWords } from "../../../../src/operator/page/pages/market.words.ts";
import { storyWords } from "../../../../src/operator/page/pages/story.words.ts";
import {
  type Section,
  sectionsOf,
  sectionsOfDetail,
} from "../../../../src/operator/page/pages/story-sections.ts";
import { type SignedStory, signedStory } from "../fixture/signed-story.ts";
import { storyOf } from "../fixture/story.ts";

let signed: SignedStory;
beforeAll(async () => {
  signed = await signedStory();
});

const NAMES = ["offer", "bids", "contract", "work", "verdict", "bill", "vouchers", "transactions", "journal"];

const names = (sections: readonly Section[]) => sections.map(({ name }) => name);

function section(sections: readonly Section[], name: Section["name"]): Section {
  const found = sections.find((one) => one.name === name);
  if (!found) throw new Error(`no section ${name}`);
  return found;
}

test("a payment is told from itself to the transaction, in this order", () => {
  expect(names(sectionsOf(storyOf("0xab")))).toEqual(NAMES);
  expect(names(sectionsOfDetail(signed.detail))).toEqual([
    "payment",
    ...NAMES.filter((name) => name !== "transactions"),
  ]);
});

test("how a verdict was reached is told in Chinese too, from its checks", () => {
  const check = { rung: "checker", passed: true, verdict: null, reason: "valid" };
  const other = { rung: "rerun", passed: false, verdict: "ok", reason: "another output" };
  const referee = { rung: "referee", passed: false, verdict: null, reason: "" };
  const word = (text: string) => new Map(Object.entries(marketWords.zh.words)).get(text) ?? text;
  const told = storyWords.zh.ruling("English", "accepted", [check, other, referee], word);
  expect(told).toBe(
    "通过：固件自带的复核程序接受了输出（有效）；另一供应方得出不同结果（输出不同）；网关自己的运行没有得出结论。",
  );
  expect(storyWords.zh.ruling("English", "accepted", [], word)).toBe("通过：按交付接受，未抽中复核。");
  expect(storyWords.en.ruling("English", "accepted", [check], word)).toBe("English");
});

test("what has not happened has no section", () => {
  const { story } = signed;
  const begun = {
    ...story,
    bids: [],
    awards: [],
    runs: [],
    checks: [],
    verdict: null,
    bill: null,
    vouchers: [],
  };
  expect(names(sectionsOf(begun))).toEqual(["offer", "work", "journal"]);
});

test("everything that a story says is shown somewhere, or copied with its section", () => {
  const { story } = signed;
  const sections = sectionsOf(story);
  const shown = JSON.stringify(sections.map(({ lines, tables }) => [lines, tables]));
  const copied = JSON.stringify(sections.map(({ json }) => json));
  const facts = [
    story.task,
    story.offer.input,
    story.offer.firmware.hash,
    story.runs[0]?.output,
    story.awards[0]?.award,
    story.awards[0]?.accepted?.signature,
    story.verdict?.how,
    story.bill?.receipt,
    ...story.bids.flatMap(({ why, signature, price }) => [why, signature, price]),
    ...story.vouchers.flatMap(({ cumulative, signature }) => [cumulative, signature]),
    ...story.entries.flatMap(({ hash, previous }) => [hash, previous]),
  ];
  for (const fact of facts) {
    expect(fact).toBeTruthy();
    expect(shown).toContain(fact);
    expect(copied).toContain(fact);
  }
});

test("hashes of firmware, input and output stand where the work is told", () => {
  const { offer, runs } = signed.story;
  const { lines, tables } = section(sectionsOf(signed.story), "work");
  const shown = JSON.stringify([lines, tables]);
  for (const hash of [offer.firmware.hash, offer.input, ...runs.map(({ output }) => output)]) {
    expect(shown).toContain(hash);
  }
});

test("a transaction shows its block, gas and confirmations", () => {
  const story = storyOf("0xab");
  const [table] = section(sectionsOf(story), "transactions").tables;
  const cells = table?.rows[0]?.cells;
  expect(table?.columns).toEqual([
    ..."transaction purpose state block confirmations gasUsed gasCost nonce".split(" "),
  ]);
  expect(cells?.slice(3, 7)).toEqual([
    { as: "count", count: 21_400_312 },
    { as: "confirmations", count: 7, of: 12 },
    { as: "count", count: 412_031 },
    { as: "wei", count: "41203100000000" },
  ]);
});

test("the bid that won stands out, and every bid says why", () => {
  const [table] = section(sectionsOf(signed.story), "bids").tables;
  expect(table?.rows.map(({ strong }) => strong)).toEqual([true, false]);
  expect(table?.rows.map(({ cells }) => cells[4])).toEqual([
    { as: "word", word: "lowest" },
    { as: "word", word: "dearer" },
  ]);
});

test("each section names the records that prove it, and they are in the story", () => {
  const { story } = signed;
  const known = story.entries.map(({ index }) => index);
  for (const { entries } of sectionsOf(story)) {
    expect(entries.length).toBeGreaterThan(0);
    for (const index of entries) expect(known).toContain(index);
    expect([...entries]).toEqual([...new Set(entries)].sort((a, b) => a - b));
  }
});

test("a movement without a task is told from its record and its transaction", () => {
  const { detail } = signed;
  const [transaction = null] = storyOf("0xab").transactions;
  const alone = { ...detail, story: null, transaction };
  expect(names(sectionsOfDetail(alone))).toEqual(["payment", "transactions", "journal"]);
  expect(section(sectionsOfDetail(alone), "journal").entries).toEqual([detail.entry.index]);
});
