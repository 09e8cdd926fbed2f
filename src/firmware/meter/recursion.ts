/** The call graph: which functions can recurse, how deep the others go, and an order in which callees come first. */
import type { Module } from "../wasm/module.ts";
import { frameOf } from "./budget.ts";

/** By index of defined function, the first one that is not imported being 0. */
export type CallGraph = {
  /** All defined functions: callees before their callers, except around a cycle. */
  readonly order: readonly number[];
  /** 1: it is on a cycle of calls. An indirect call may reach every function whose address is taken. */
  readonly isCyclic: Uint8Array;
  /** 1: it is on a cycle or can reach one. */
  readonly reachesCycle: Uint8Array;
  /** Whether an indirect call can. */
  readonly indirectReachesCycle: boolean;
  /** Modelled bytes of the longest chain of calls, frames of functions on cycles left out: those pay when they run. */
  readonly acyclic: number;
};

/** Modelled stack of a module, before it runs: {@link CallGraph.acyclic}, and how many functions can recurse. */
export function stackOf(module: Module): { readonly acyclic: number; readonly cyclic: number } {
  const { acyclic, isCyclic } = callGraphOf(module);
  return { acyclic, cyclic: isCyclic.reduce((count, one) => count + one, 0) };
}

/** Tarjan's strongly connected components, in time linear in functions and calls. */
export function callGraphOf(module: Module): CallGraph {
  const search = new Search(module);
  for (let node = 0; node <= module.bodies.length; node++) search.visit(node);
  return search.finish();
}

/** By node; imported functions call nothing. */
function calleesOf({ bodies, importedFunctions, addressable }: Module): number[][] {
  const defined = (functions: readonly number[]): number[] => {
    const found: number[] = [];
    for (const f of functions) if (f >= importedFunctions) found.push(f - importedFunctions);
    return found;
  };
  const callees = bodies.map(({ calls, hasIndirect }) => {
    const found = defined(calls);
    if (hasIndirect) found.push(bodies.length);
    return found;
  });
  return [...callees, defined(addressable)];
}

class Search {
  readonly #module: Module;
  /** The node that stands for every indirect call. */
  readonly #indirect: number;
  readonly #callees: readonly (readonly number[])[];
  readonly #order: number[] = [];
  readonly #isCyclic: Uint8Array;
  readonly #reachesCycle: Uint8Array;
  /** Bytes of the longest chain from a node, itself included. */
  readonly #chain: Float64Array;
  /** When a node was met, counted from 1. */
  readonly #met: Int32Array;
  /** The earliest met node of its component that is known to be reached. */
  readonly #low: Int32Array;
  readonly #isOpen: Uint8Array;
  readonly #open: number[] = [];
  #clock = 0;

  constructor(module: Module) {
    const nodes = module.bodies.length + 1;
    this.#module = module;
    this.#indirect = nodes - 1;
    this.#callees = calleesOf(module);
    this.#isCyclic = new Uint8Array(nodes);
    this.#reachesCycle = new Uint8Array(nodes);
    this.#chain = new Float64Array(nodes);
    this.#met = new Int32Array(nodes);
    this.#low = new Int32Array(nodes);
    this.#isOpen = new Uint8Array(nodes);
  }

  /** Searches from a node: a function, or behind all of them the indirect call. */
  visit(start: number): void {
    if (this.#met[start] !== 0) return;
    const path = [this.#enter(start)];
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const { node, callees } = step;
      const callee = callees[step.next++];
      if (callee === undefined) {
        path.pop();
        const caller = path.at(-1);
        if (caller !== undefined) this.#lower(caller.node, this.#low[node] ?? 0);
        if (this.#low[node] === this.#met[node]) this.#close(node);
      } else if (this.#met[callee] === 0) path.push(this.#enter(callee));
      else if (this.#isOpen[callee]) this.#lower(node, this.#met[callee] ?? 0);
    }
  }

  finish(): CallGraph {
    return {
      order: this.#order,
      isCyclic: this.#isCyclic.subarray(0, this.#indirect),
      reachesCycle: this.#reachesCycle.subarray(0, this.#indirect),
      indirectReachesCycle: this.#reachesCycle[this.#indirect] === 1,
      acyclic: this.#chain.reduce((most, bytes) => Math.max(most, bytes), 0),
    };
  }

  #enter(node: number): { node: number; callees: readonly number[]; next: number } {
    this.#met[node] = this.#low[node] = ++this.#clock;
    this.#isOpen[node] = 1;
    this.#open.push(node);
    return { node, callees: this.#callees[node] ?? [], next: 0 };
  }

  #lower(node: number, to: number): void {
    this.#low[node] = Math.min(this.#low[node] ?? 0, to);
  }

  /** `root` and all that were met after it and are still open are one component; what they call outside is finished. */
  #close(root: number): void {
    const from = this.#open.lastIndexOf(root);
    const component = this.#open.splice(from);
    const isCyclic = component.length > 1 || this.#callees[root]?.includes(root) === true;
    let longest = 0;
    let reaches = isCyclic;
    for (const node of component) {
      // those of the component itself have no chain yet
      for (const callee of this.#callees[node] ?? []) {
        longest = Math.max(longest, this.#chain[callee] ?? 0);
        if (this.#reachesCycle[callee]) reaches = true;
      }
    }
    for (const node of component) {
      const body = this.#module.bodies[node];
      this.#isOpen[node] = 0;
      this.#isCyclic[node] = isCyclic ? 1 : 0;
      this.#reachesCycle[node] = reaches ? 1 : 0;
      this.#chain[node] = longest + (isCyclic || body === undefined ? 0 : frameOf(body));
      if (body !== undefined) this.#order.push(node);
    }
  }
}
