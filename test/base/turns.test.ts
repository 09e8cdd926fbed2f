import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";

const NEVER = new AbortController().signal;

/** One who asks: until its work begins it waits. */
type Asker = {
  readonly who: string;
  readonly abort: AbortController;
  readonly work: PromiseWithResolvers<void>;
  state: "waiting" | "at work" | "done" | "gone";
};

/** Everything that waits for nothing but promises is done afterwards. */
function settled(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** Askers, in the order in which they came, and what is always true of them. */
class Row {
  readonly askers: Asker[] = [];
  readonly #turns: Turns;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#turns = new Turns(limit);
  }

  in(state: Asker["state"]): Asker[] {
    return this.askers.filter((each) => each.state === state);
  }

  ask(who: string): void {
    const asker: Asker = {
      ...{ who, abort: new AbortController(), work: Promise.withResolvers<void>() },
      state: "waiting",
    };
    this.askers.push(asker);
    const begin = () => {
      const busy = this.in("at work").map((each) => each.who);
      const passed = this.in("waiting").filter(
        (each) => this.askers.indexOf(each) < this.askers.indexOf(asker),
      );
      expect(passed.filter((each) => !busy.includes(each.who))).toEqual([]);
      asker.state = "at work";
      return asker.work.promise;
    };
    this.#turns.take(who, asker.abort.signal, begin).then(
      () => {
        asker.state = "done";
      },
      (reason: unknown) => {
        asker.state = reason === asker ? "gone" : "done";
      },
    );
  }

  /** Ends the work of one of those at work, well or not. */
  end(pick: number, isWell: boolean): void {
    const all = this.in("at work");
    const work = all[pick % all.length]?.work;
    if (isWell) work?.resolve();
    else work?.reject(new Error("no luck"));
  }

  leave(pick: number): void {
    const all = this.in("waiting");
    const asker = all[pick % all.length];
    asker?.abort.abort(asker);
  }

  check(): void {
    const busy = this.in("at work").map(({ who }) => who);
    expect(busy.length).toBeLessThanOrEqual(this.#limit);
    expect(new Set(busy).size).toBe(busy.length);
    // nobody waits who need not
    if (busy.length < this.#limit) for (const { who } of this.in("waiting")) expect(busy).toContain(who);
  }
}

type Step =
  | { readonly do: "ask"; readonly who: string }
  | { readonly do: "end"; readonly pick: number; readonly isWell: boolean }
  | { readonly do: "leave"; readonly pick: number };

describe("turns", () => {
  const word = <T extends string>(text: T) => fc.constant(text);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: word("ask"), who: fc.constantFrom("a", "b", "c", "d") }) },
    { weight: 2, arbitrary: fc.record({ do: word("end"), pick: fc.nat(9), isWell: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: word("leave"), pick: fc.nat(9) }) },
  );

  it("are never more than the limit, one for each, in order; everybody who stays comes to a turn", async () => {
    const property = async (limit: number, steps: readonly Step[]) => {
      const row = new Row(limit);
      for (const each of steps) {
        if (each.do === "ask") row.ask(each.who);
        else if (each.do === "end") row.end(each.pick, each.isWell);
        else row.leave(each.pick);
        await settled();
        row.check();
      }
      for (let most = row.askers.length; row.in("at work").length > 0 && most > 0; most--) {
        row.end(0, true);
        await settled();
        row.check();
      }
      expect([row.in("waiting"), row.in("at work")]).toEqual([[], []]);
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 40 }), property),
    );
  });

  it("give what the work gives, and are over when it fails", async () => {
    const turns = new Turns(1);
    expect(await turns.take("a", NEVER, () => Promise.resolve(7))).toBe(7);
    const failure = new Error("no luck");
    await expect(turns.take("a", NEVER, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await turns.take("a", NEVER, () => Promise.resolve(8))).toBe(8);
  });

  it("are not begun, and kept from nobody, once the signal has aborted", async () => {
    const turns = new Turns(1);
    const first = Promise.withResolvers<void>();
    const done = turns.take("a", NEVER, () => first.promise);
    const abort = new AbortController();
    const begun: string[] = [];
    const begin = (name: string) => () => Promise.resolve(void begun.push(name));
    const left = expect(turns.take("b", abort.signal, begin("b"))).rejects.toBe("late");
    const stays = turns.take("c", NEVER, begin("c"));
    abort.abort("late");
    await left;
    await expect(turns.take("d", abort.signal, begin("d"))).rejects.toBe("late");
    first.resolve();
    await Promise.all([done, stays]);
    expect(begun).toEqual(["c"]);
  });

  it("go on to their end though the signal aborts meanwhile", async () => {
    const turns = new Turns(1);
    const abort = new AbortController();
    const work = Promise.withResolvers<number>();
    const found = turns.take("a", abort.signal, () => work.promise);
    abort.abort();
    work.resolve(9);
    expect(await found).toBe(9);
  });
});
