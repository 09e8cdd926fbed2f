import { describe, expect, it } from "vitest";
import { alertWords } from "../../../src/operator/page/pages/alert.words.ts";
import { RULE_NAMES } from "../../../src/operator/watch/alert/rules.ts";

describe("the page's words of alerts", () => {
  it("know every rule, in both languages", () => {
    expect(new Set(Object.keys(alertWords.en))).toEqual(new Set(RULE_NAMES));
    expect(new Set(Object.keys(alertWords.zh))).toEqual(new Set(RULE_NAMES));
  });
});
