/** Why each bid won or lost, against the auction itself over random lives, and by hand where words are needed. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { roomFor } from "../../../src/exchange/course.ts";
import { decide } from "../../../src/exchange/decide.ts";
import type { State } from "../../../src/exchange/state.ts";
import { applyToMarket } from "../../../src/market/apply.ts";
import { rankBids } from "../../../src/market/auction.ts";
import { mostOf } from "../../../src/market/task.ts";
import { BidStory } from "../../../src/operator/views/bid-story.ts";
import type { Fact, FactNamed } from "../../../src/protocol/facts.ts";
import { anyLongLife, commandOf, contextOf, newLife, record, signVouchers } from "../../exchange/life.ts";
import { RULES } from "../../exchange/stage.ts";
import { BOARD, bytes32, CHECKER, offerFact, START } from "../../journal/signed-facts.ts";

beforeAll(signVouchers);

describe("why a bid won or lost", () => {
  it("is what the auction has done, in any life", () => {
    let awards = 0;
    const law = fc.property(anyLongLife, (steps) => {
      const life = newLife();
      const stories = new Map<Hex, BidStory>();
      for (const step of steps) {
        const command = commandOf(life, step);
        if (!command) continue;
        const context = contextOf(life, step.coin);
        const { facts, refused } = decide(life.state, command, context);
        if (facts.length === 0) continue;
        // the market a fact at a time, beside the state, which takes the whole record
        const market = structuredClone(life.state.market);
        const index = life.records.length + 1;
        for (const fact of facts) {
          if (fact.kind === "awarded" && fact.role === "run") {
            const kept = { ...life.state, market } as State;
            const hasRoom = (provider: Hex, cost: bigint) => roomFor(life.state, context, provider) >= cost;
            const task = market.tasks.get(fact.task);
            const story = stories.get(fact.task);
            if (!task || !story) throw new Error("an award without its task");
            const [best] = rankBids(task, life.now, RULES, hasRoom);
            expect(best?.provider).toBe(fact.provider);
            story.awarded(fact, life.now, [...kept.disabled]);
            awards += 1;
            for (const bid of task.bids) {
              const told = story.bids.findLast((one) => one.fact.provider === bid.provider);
              if (bid.provider === fact.provider) {
                expect(told).toMatchObject({
                  won: true,
                  why: expect.stringMatching(/^(lowest|earliest of equals)$/),
                });
                continue;
              }
              const { price, fee } = mostOf(bid.rate, task.fuelLimit, RULES.feeBasisPoints);
              const isOut = task.out.includes(bid.provider);
              const isLate = bid.expires <= life.now;
              const isFull = !hasRoom(bid.provider, price - fee);
              const words: Record<string, boolean> = {
                "kept out by its operator": kept.disabled.has(bid.provider),
                "ran out": isLate,
                dearer: bid.rate > fact.rate,
                "later at the same rate": bid.rate === fact.rate,
                "no room on its lane": isFull && bid.rate <= fact.rate,
              };
              expect(told?.won).toBe(false);
              if (!isOut) expect(words[told?.why ?? ""], `${told?.why}`).toBe(true);
            }
          } else tell(stories, fact, index, life.now);
          applyToMarket(market, fact, life.now);
        }
        record(life, facts, command, refused);
      }
    });
    fc.assert(law, { numRuns: 20 });
    expect(awards).toBeGreaterThan(0);
  });

  const placed = (provider: Hex, rate: bigint, expires = 9_000): FactNamed<"bidPlaced"> => {
    const terms = { rate: amount(rate), expires: instant(START + expires), signature: bytes32(1) };
    return { kind: "bidPlaced", task: bytes32(9), provider, id: "b", ...terms };
  };
  const award = (provider: Hex, role: "run" | "check" = "run"): FactNamed<"awarded"> => {
    const times = { acceptBy: instant(START), runBy: instant(START) };
    const terms = {
      rate: amount(5n),
      feeBasisPoints: 200,
      ...times,
      award: bytes32(7),
      signature: bytes32(1),
    };
    return { kind: "awarded", task: bytes32(9), role, provider, ...terms };
  };
  const words = ({ bids }: BidStory) => bids.map(({ won, why }) => `${won ? "won" : "lost"}: ${why}`);
  const third: Hex = `0x${"33".repeat(20)}`;

  it("follows the awards: who leaves has lost, and the next one wins", async () => {
    const story = new BidStory(await offerFact("o", 1_000n, 400n));
    for (const [at, one] of [
      placed(BOARD.address, 10n),
      placed(CHECKER.address, 10n),
      placed(third, 30n),
    ].entries()) {
      story.placed(one, at, START);
    }
    story.awarded(award(BOARD.address), START, []);
    expect(words(story)).toEqual(["won: earliest of equals", "lost: later at the same rate", "lost: dearer"]);
    const left = { kind: "withdrawn" as const, task: bytes32(9), role: "run" as const, reason: "" };
    story.withdrawn({ ...left, provider: BOARD.address, how: "accept_timeout" });
    story.awarded(award(CHECKER.address), START, []);
    expect(words(story)).toEqual(["lost: accepted too late", "won: lowest", "lost: dearer"]);
    story.withdrawn({ ...left, provider: CHECKER.address, how: "declined" });
    story.placed(placed(CHECKER.address, 20n), 9, START);
    story.awarded(award(CHECKER.address), START, [third]);
    expect(words(story)).toEqual([
      ...["lost: accepted too late", "lost: declined"],
      ...["lost: kept out by its operator", "won: lowest"],
    ]);
  });

  it("tells of a check who was drawn, and whom the budget would not have paid", async () => {
    const offer = await offerFact("o", 1_000n, 40n);
    const story = new BidStory(offer);
    const fourth: Hex = `0x${"44".repeat(20)}`;
    const all = [
      placed(BOARD.address, 10n),
      placed(CHECKER.address, 20n),
      placed(third, 30n),
      placed(fourth, 90n, 100),
    ];
    for (const [at, one] of all.entries()) story.placed(one, at, START);
    story.awarded(award(BOARD.address), START + 500, []);
    story.awarded(award(CHECKER.address, "check"), START + 600, []);
    expect(words(story)).toEqual(["won: lowest", "won: drawn as checker", "lost: dearer", "lost: ran out"]);
  });

  it("says of what never came to an award that there was none", async () => {
    const story = new BidStory(await offerFact("o", 1_000n, 40n));
    story.placed(placed(BOARD.address, 10n), 1, START);
    expect(words(story)).toEqual(["lost: waiting"]);
    story.ended();
    expect(words(story)).toEqual(["lost: no award"]);
  });
});

function tell(stories: Map<Hex, BidStory>, fact: Fact, index: number, at: number): void {
  if (fact.kind === "offered") stories.set(fact.task, new BidStory(fact));
  if (!("task" in fact)) return;
  const story = stories.get(fact.task);
  if (fact.kind === "bidPlaced") story?.placed(fact, index, at);
  if (fact.kind === "awarded") story?.awarded(fact, at, []);
  if (fact.kind === "withdrawn") story?.withdrawn(fact);
}
