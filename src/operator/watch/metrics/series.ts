/** Counters and histograms with labels, and the bounded names of firmware, which strangers choose. */
import type { Hex } from "../../../base/bytes.ts";
import type { Labels, Sample } from "./text.ts";

/** A counter for each set of labels. */
export class Counts {
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  /** @param by - at least 0 */
  add(labels: Labels, by = 1): void {
    const key = JSON.stringify(labels);
    const known = this.#values.get(key);
    if (known) known.value += by;
    else this.#values.set(key, { labels, value: by });
  }

  samples(name: string): Sample[] {
    return [...this.#values.values()].map(({ labels, value }) => ({ name, labels, value }));
  }
}

/** Upper bounds of durations, seconds: from a small task on a fast line to a long one that waits for bidders. */
const BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800] as const;

type Distribution = { readonly labels: Labels; readonly below: number[]; sum: number; count: number };

/** A histogram for each set of labels. */
export class Durations {
  readonly #values = new Map<string, Distribution>();

  /** @param seconds - less than nothing, after the clock was put back, counts as nothing */
  observe(labels: Labels, seconds: number): void {
    const key = JSON.stringify(labels);
    const empty = { labels, below: BOUNDS.map(() => 0), sum: 0, count: 0 };
    const found: Distribution = this.#values.get(key) ?? empty;
    this.#values.set(key, found);
    const took = Math.max(0, seconds);
    for (const [at, bound] of BOUNDS.entries())
      if (took <= bound) found.below[at] = (found.below[at] ?? 0) + 1;
    found.sum += took;
    found.count++;
  }

  samples(name: string): Sample[] {
    return [...this.#values.values()].flatMap(({ labels, below, sum, count }) => [
      ...BOUNDS.map((bound, at) => ({
        name: `${name}_bucket`,
        labels: { ...labels, le: String(bound) },
        value: below[at] ?? 0,
      })),
      { name: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
      { name: `${name}_sum`, labels, value: sum },
      { name: `${name}_count`, labels, value: count },
    ]);
  }
}

/** What stands for every name past the limit. */
export const OTHER = "other";

/** What firmware is called in labels: its manifest's name, else the first 8 digits of its hash. */
export class FirmwareNames {
  readonly #limit: number;
  readonly #names = new Map<Hex, string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param manifest - the name that its author gives it; a name that other firmware has already is its no more */
  of(firmware: Hex, manifest: string | null): string {
    const known = this.#names.get(firmware);
    if (known !== undefined) return known;
    if (this.#names.size >= this.#limit) return OTHER;
    const isFree = manifest !== null && manifest !== OTHER && ![...this.#names.values()].includes(manifest);
    const name = isFree ? manifest : firmware.slice(2, 10);
    this.#names.set(firmware, name);
    return name;
  }
}
