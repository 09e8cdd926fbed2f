/** The first few of many, without sorting all of them. */

/**
 * The `count` items that come first by `compare`, in that order; of equals the earlier ones.
 *
 * @param compare - below zero when `a` comes before `b`
 */
export function bestOf<T>(items: Iterable<T>, count: number, compare: (a: T, b: T) => number): T[] {
  const best: T[] = [];
  for (const item of items) {
    const last = best.at(-1);
    if (last !== undefined && best.length === count && compare(item, last) >= 0) continue;
    let at = best.length;
    for (let before = best[at - 1]; before !== undefined && compare(item, before) < 0; before = best[at - 1])
      at--;
    best.splice(at, 0, item);
    if (best.length > count) best.pop();
  }
  return best;
}
