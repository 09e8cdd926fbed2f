import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Shelf } from "../../../src/firmware/shelf.ts";

const MIB = 2 ** 20;

describe("the shelf of modules", () => {
  it("forgets what was not touched for longest", () => {
    const shelf = new Shelf<number>();
    shelf.put("a", 1, 3 * MIB);
    shelf.put("b", 2, 3 * MIB);
    expect(shelf.touch("a")).toBe(1);
    shelf.put("c", 3, 3 * MIB);
    expect(shelf.touch("b")).toBeUndefined();
    expect(shelf.touch("a")).toBe(1);
    expect(shelf.touch("c")).toBe(3);
  });

  it("holds a hundred tiny modules, not a million", () => {
    const shelf = new Shelf<number>();
    for (let i = 0; i < 1000; i++) shelf.put(`${i}`, i, 10);
    const held = Array.from({ length: 1000 }, (_, i) => shelf.touch(`${i}`)).filter(
      (each) => each !== undefined,
    );
    expect(held.length).toBeGreaterThanOrEqual(100);
    expect(held.length).toBeLessThanOrEqual(128);
    expect(held.at(-1)).toBe(999);
  });

  it("is the same on both ends of a pipe, whatever is asked", () => {
    const asked = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 4 * MIB })), { maxLength: 60 });
    fc.assert(
      fc.property(asked, (requests) => {
        const [near, far] = [new Shelf<true>(), new Shelf<number>()];
        for (const [module, size] of requests) {
          const key = `${module}`;
          const isHeld = near.touch(key) !== undefined;
          expect(far.touch(key)).toBe(isHeld ? module : undefined);
          if (isHeld) continue;
          near.put(key, true, size);
          far.put(key, module, size);
          expect(near.touch(key)).toBe(true);
          expect(far.touch(key)).toBe(module);
        }
      }),
    );
  });
});
