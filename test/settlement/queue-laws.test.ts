/** Whatever happens to a queue, each thing is done exactly once: scripts of blocks, reorganizations, outages and deaths. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFault } from "../../src/base/fault.ts";
import { CRASH_POINTS, callNumber, isCrash, QueueNode, until } from "./queue-node.ts";

/** What can happen to a queue. */
type Event =
  | {
      readonly what:
        | "mine"
        | "drop pool"
        | "spike"
        | "calm"
        | "outage"
        | "deaf"
        | "lie"
        | "restart"
        | "foreign";
    }
  | { readonly what: "reorganize"; readonly depth: number; readonly forgets: boolean }
  | { readonly what: "wait"; readonly ms: number }
  | { readonly what: "crash"; readonly point: (typeof CRASH_POINTS)[number] };

const plain = fc.constantFrom(
  "mine",
  "drop pool",
  "spike",
  "calm",
  "outage",
  "deaf",
  "lie",
  "restart",
  "foreign",
);

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: plain.map((what) => ({ what }) as Event) },
  { weight: 2, arbitrary: fc.constant<Event>({ what: "mine" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("reorganize" as const),
      depth: fc.integer({ min: 1, max: 2 }),
      forgets: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant("wait" as const), ms: fc.integer({ min: 10, max: 15_000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant("crash" as const), point: fc.constantFrom(...CRASH_POINTS) }),
  },
);

const INTENTS = 3;

/** Does three things, each until the journal says it is done: what settlement does with claims and top-ups. */
function start(node: QueueNode): { isOver: boolean; crashed: boolean } {
  const life = { isOver: false, crashed: false };
  const { queue } = node;
  const run = async () => {
    for (let number = 0; number < INTENTS; ) {
      try {
        await queue.resume();
        if (isDone(node, number)) number++;
        else await queue.send("fund", callNumber(number), 1);
      } catch (fault) {
        if (isCrash(fault) || !isFault(fault)) throw fault;
        await node.clock.sleep(500);
      }
    }
  };
  void run().then(
    () => {
      life.isOver = true;
    },
    () => {
      life.crashed = true;
    },
  );
  return life;
}

function isDone(node: QueueNode, number: number): boolean {
  const { data } = callNumber(number);
  const of = new Set(
    node.prepared().flatMap(({ raw, transaction }) => (raw.includes(data.slice(2)) ? [transaction] : [])),
  );
  return node.facts.some((fact) => fact.kind === "transactionMined" && of.has(fact.transaction));
}

async function happen(node: QueueNode, event: Event): Promise<void> {
  const { chain } = node;
  switch (event.what) {
    case "mine":
      return chain.mine();
    case "drop pool":
      return chain.pool.clear();
    case "spike":
      chain.baseFee = 700n;
      return;
    case "calm":
      chain.baseFee = 100n;
      return;
    case "outage":
      chain.isDown = !chain.isDown;
      return;
    case "deaf":
      chain.isDeaf = !chain.isDeaf;
      return;
    case "lie":
      chain.isLying = !chain.isLying;
      return;
    case "foreign":
      return await chain.foreign(chain.used());
    case "reorganize":
      return chain.reorganize(event.depth, event.forgets);
    case "wait":
      return await node.clock.advance(event.ms);
    case "crash":
      node.crashAt = event.point;
      return;
    default:
  }
}

describe("whatever happens", () => {
  it("each thing is done exactly once, and no nonce is skipped", async () => {
    const seen = { crashes: 0, bumps: 0, dropped: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (script) => {
        const node = new QueueNode();
        // blocks that count are never reorganized away here
        node.chain.confirmations = 3;
        let life = start(node);
        for (const each of script) {
          await happen(node, each);
          await node.clock.advance(1);
          if (each.what !== "restart" && !life.crashed) continue;
          node.restart();
          await node.clock.advance(1);
          life = start(node);
        }
        node.crashAt = null;
        Object.assign(node.chain, { isDown: false, isDeaf: false, isLying: false, baseFee: 100n });
        if (life.crashed) life = start(node);
        await until(node, () => life.isOver, 2_000);
        const effects = node.chain.effects();
        for (let number = 0; number < INTENTS; number++) {
          expect(effects.filter((data) => data === callNumber(number).data)).toHaveLength(1);
        }
        expect(node.broken).toEqual([]);
        expect(node.state.transactions.size).toBe(0);
        seen.crashes += node.crashes;
        seen.bumps += node.prepared().filter(({ replaces }) => replaces !== null).length;
        seen.dropped += node.facts.filter(({ kind }) => kind === "transactionDropped").length;
      }),
      { numRuns: 200 },
    );
    // the scripts do reach what they are about
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  }, 60_000);
});
