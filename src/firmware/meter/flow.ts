/** Where the bits of floats come from that something sees. */

/** Not a node: a value whose bits are the same everywhere, or are no float's. */
export const PLAIN = -1;

/**
 * Nodes between which values flow, in whatever order. What is seen of a node is seen of all that flows into it. A mask
 * says for which shapes of floats that matters; of a node that is one float, only the bit of its own shape means anything.
 */
export class Flow {
  /** By node: the shapes whose NaNs' bits are seen, as far as is known. */
  readonly seen: Uint8Array;
  /** By node: the last flow into it, or -1. */
  readonly #last: Int32Array;
  // by flow
  readonly #from: number[] = [];
  readonly #before: number[] = [];
  readonly #shift: number[] = [];

  constructor(nodes: number) {
    this.seen = new Uint8Array(nodes);
    this.#last = new Int32Array(nodes).fill(-1);
  }

  see(node: number, shapes: number): void {
    if (node !== PLAIN) this.seen[node] = (this.seen[node] ?? 0) | shapes;
  }

  /** `shift` says by how many places shapes move on the way back: between a vector and its lanes. */
  add(from: number, to: number, shift = 0): void {
    if (from === PLAIN || to === PLAIN) return;
    this.#before.push(this.#last[to] ?? -1);
    this.#shift.push(shift);
    this.#last[to] = this.#from.push(from) - 1;
  }

  /** Follows what is seen back to where it comes from. Flows that `stops` names are not followed. */
  spread(stops: (from: number, to: number) => boolean): void {
    const seen = this.seen;
    const queue: number[] = [];
    for (let node = 0; node < seen.length; node++) if (seen[node] !== 0) queue.push(node);
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      for (let k = this.#last[node] ?? -1; k !== -1; k = this.#before[k] ?? -1) {
        const from = this.#from[k] ?? 0;
        const both = (seen[from] ?? 0) | shifted(seen[node] ?? 0, this.#shift[k] ?? 0);
        if (both === seen[from] || stops(from, node)) continue;
        seen[from] = both;
        queue.push(from);
      }
    }
  }
}

function shifted(shapes: number, shift: number): number {
  if (shift === 0) return shapes;
  return shift > 0 ? (shapes << shift) & 15 : shapes >> -shift;
}
