import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { isRefusal } from "../../src/base/refusal.ts";
import type { Use } from "../../src/blob/blob.ts";
import { Shelf } from "../../src/blob/shelf.ts";

const QUOTA = 100;
const OWNER_QUOTA = 60;
const RETENTION_MS = 50;
const OWNERS = ["anna", "ben", "cleo"];
const HASHES = Array.from({ length: 8 }, (_, at): Hex => `0x${at}${"0".repeat(63)}`);
/** The same hash is the same bytes. */
const lengthOf = (hash: Hex) => 5 + 7 * HASHES.indexOf(hash);

const owner = fc.constantFrom(...OWNERS);
const hash = fc.constantFrom(...HASHES);
const action = fc.oneof(
  fc.record({ kind: fc.constant("begin" as const), hash, owner }),
  fc.record({ kind: fc.constant("finish" as const), which: fc.nat() }),
  fc.record({ kind: fc.constant("discard" as const), which: fc.nat() }),
  fc.record({ kind: fc.constant("assign" as const), hash, owner }),
  fc.record({
    kind: fc.constant("hold" as const),
    holder: fc.constantFrom("1", "2", "3"),
    uses: fc.array(fc.record({ hash, owner }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("sweep" as const) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(40) }),
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** Does what it is told to a shelf, and knows by counting what must be on it. */
class Counting {
  readonly shelf = new Shelf({ quota: QUOTA, ownerQuota: OWNER_QUOTA, retentionMs: RETENTION_MS });
  readonly coming: { hash: Hex; owner: string }[] = [];
  readonly holds = new Map<string, readonly Use[]>();
  now = 1_000;

  isHeld(one: Hex, by?: string): boolean {
    return [...this.holds.values()]
      .flat()
      .some((use) => use.hash === one && (by === undefined || use.owner === by));
  }

  /** Whether another owner's bytes have to leave this one here. */
  isKeptFrom(by: string, one: Hex): boolean {
    const { owners, lastUse } = this.shelf.find(one) ?? { owners: new Set<string>(), lastUse: 0 };
    return lastUse + RETENTION_MS > this.now && [...owners].some((other) => other !== by);
  }

  kept(): Hex[] {
    return HASHES.filter((one) => this.shelf.find(one));
  }

  do(act: Action): void {
    const before = this.kept();
    const left = this.#act(act);
    for (const one of left) expect([before.includes(one), this.isHeld(one)]).toEqual([true, false]);
    const gone = before.filter((one) => !this.shelf.find(one));
    expect(new Set(gone)).toEqual(new Set(left));
  }

  #act(act: Action): readonly Hex[] {
    const { shelf } = this;
    const at = instant(this.now);
    switch (act.kind) {
      case "begin": {
        const kept = this.kept().filter((one) => this.isKeptFrom(act.owner, one));
        const whyNot = shelf.whyNot(lengthOf(act.hash), act.owner, at);
        const leaving = shelf.setAside(lengthOf(act.hash), act.owner, at);
        expect(isRefusal(leaving) ? leaving : null).toEqual(whyNot);
        if (isRefusal(leaving)) return this.#mustRefuse(leaving.refused, act.hash, act.owner);
        this.coming.push(act);
        expect(leaving.filter((one) => kept.includes(one))).toEqual([]);
        return leaving;
      }
      case "finish":
      case "discard": {
        const [one] = this.coming.splice(act.which % Math.max(this.coming.length, 1), 1);
        if (!one) return [];
        shelf.giveBack(lengthOf(one.hash), one.owner);
        if (act.kind === "finish") shelf.add(one.hash, lengthOf(one.hash), one.owner, at);
        return [];
      }
      case "assign": {
        const leaving = shelf.assign(act);
        return isRefusal(leaving) ? [] : leaving;
      }
      case "hold": {
        this.holds.set(act.holder, act.uses);
        for (const free of shelf.hold(act.holder, act.uses, at)) expect(this.isHeld(free)).toBe(false);
        return [];
      }
      case "sweep": {
        const over = shelf.sweep(at);
        for (const left of this.kept()) {
          const since = shelf.find(left)?.lastUse ?? 0;
          expect(this.isHeld(left) || since + RETENTION_MS > this.now).toBe(true);
        }
        return over;
      }
      case "wait":
        this.now += act.ms;
        return [];
    }
  }

  /** A refusal is right only when what is held, on its way, and fresh of others leaves no room. */
  #mustRefuse(code: string, one: Hex, by: string): [] {
    const coming = (who?: string) =>
      this.coming.filter(({ owner: whose }) => who === undefined || whose === who);
    const aside = (who?: string) => coming(who).reduce((sum, next) => sum + lengthOf(next.hash), 0);
    const bytes = (hashes: readonly Hex[]) => hashes.reduce((sum, next) => sum + lengthOf(next), 0);
    if (code === "blob_quota") {
      const theirs = this.kept().filter((next) => this.shelf.find(next)?.owners.has(by));
      const fixed = bytes(theirs.filter((next) => this.isHeld(next, by))) + aside(by);
      expect(fixed + lengthOf(one)).toBeGreaterThan(OWNER_QUOTA);
    } else {
      expect(code).toBe("too_large");
      const stays = this.kept().filter((next) => this.isHeld(next) || this.isKeptFrom(by, next));
      const fixed = bytes(stays) + aside();
      expect(fixed + lengthOf(one)).toBeGreaterThan(QUOTA);
    }
    return [];
  }

  check(): void {
    const { shelf } = this;
    const aside = this.coming.reduce((sum, { hash: one }) => sum + lengthOf(one), 0);
    const here = this.kept().reduce((sum, one) => sum + lengthOf(one), 0);
    expect(shelf.size).toBe(here + aside);
    expect(shelf.size).toBeLessThanOrEqual(QUOTA);
    for (const who of OWNERS) {
      const theirs = this.kept().filter((one) => shelf.find(one)?.owners.has(who));
      const own = this.coming.filter(({ owner: whose }) => whose === who).map(({ hash: one }) => one);
      expect(shelf.shareOf(who)).toBe([...theirs, ...own].reduce((sum, one) => sum + lengthOf(one), 0));
    }
  }
}

describe("the shelf", () => {
  it("counts every byte on whom it must, keeps to its quotas, and lets go nothing that is held", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const counting = new Counting();
        for (const act of actions) {
          counting.do(act);
          counting.check();
        }
      }),
      { numRuns: 400 },
    );
  });

  it("knows nobody any more once all has gone", () => {
    const shelf = new Shelf({ quota: QUOTA, ownerQuota: OWNER_QUOTA, retentionMs: RETENTION_MS });
    const [one = "0x"] = HASHES;
    expect(shelf.setAside(10, "anna", instant(0))).toEqual([]);
    shelf.giveBack(10, "anna");
    shelf.add(one, 10, "anna", instant(0));
    expect(shelf.shareOf("anna")).toBe(10);
    expect(shelf.sweep(instant(RETENTION_MS))).toEqual([one]);
    expect([shelf.size, shelf.shareOf("anna")]).toEqual([0, 0]);
  });
});
