/**
 * Several nodes of one chain, asked in order.
 *
 * A question is a function of one node, so that what belongs together is read from the same one. What a single node
 * says is good enough where a lie costs nothing but time. What would be believed as a gain is asked of two: see
 * {@link Rpc.agreed}. With one node nothing can be compared and everything is believed.
 */
import type { FaultCode } from "../base/fault.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { RpcNode } from "./rpc-node.ts";

export interface Answer<T> {
  readonly node: RpcNode;
  readonly value: T;
}

/**
 * How a comparison ended. `agreed`: two say the same and no other two say something else. `silent`: at most one of them
 * had anything to say. `differ`: nothing can be believed.
 */
export type Poll<T> =
  | { readonly kind: "agreed"; readonly value: T }
  | { readonly kind: "silent"; readonly answers: readonly Answer<T>[] }
  | { readonly kind: "differ"; readonly answers: readonly Answer<T>[] };

/** What is wrong with one node and not with the question: another node may answer. */
const PASSED_OVER: ReadonlySet<FaultCode> = new Set([
  "chain_unreachable",
  "chain_mismatch",
  "chain_reorganized",
]);

export class Rpc {
  readonly #nodes: readonly RpcNode[];
  readonly #onFault: (fault: Fault) => void;

  /**
   * @param nodes - in the order in which they are asked
   * @param onFault - told when two nodes outvote another one
   * @throws {@link Fault} `config_syntax` when there is none, or the same one twice: a node must not confirm itself
   */
  constructor(nodes: readonly RpcNode[], onFault: (fault: Fault) => void = () => {}) {
    if (nodes.length === 0) throw new Fault("config_syntax", "expected the URL of at least one node");
    for (const [index, node] of nodes.entries()) {
      if (nodes.slice(0, index).some((other) => other.isSameAs(node))) {
        throw new Fault("config_syntax", `node ${node.name} is named twice`);
      }
    }
    this.#nodes = nodes;
    this.#onFault = onFault;
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length;
  }

  /**
   * Asks one node after the other until one answers. Those in trouble a short while ago come last.
   *
   * @throws {@link Fault} `chain_unreachable`, `chain_mismatch`, `chain_reorganized` when none does; whatever else the
   *   question throws, at once
   */
  async first<T>(question: (node: RpcNode) => Promise<T>): Promise<T> {
    const [answer] = await this.some(1, question);
    if (!answer) throw new Fault("impossible", "answers without an answer");
    return answer.value;
  }

  /**
   * Asks `count` nodes at once, and another one for each that does not answer.
   *
   * @returns at least one answer, in the order of the nodes; fewer than `count` when no more answered
   * @throws {@link Fault} as {@link first}
   */
  async some<T>(count: number, question: (node: RpcNode) => Promise<T>): Promise<Answer<T>[]> {
    const awake = this.#nodes.filter((node) => !node.isResting());
    const order = [...awake, ...this.#nodes.filter((node) => !awake.includes(node))];
    return await this.#gather(order, count, question);
  }

  /**
   * Asks all nodes at once, except those in trouble a short while ago unless all are.
   *
   * @returns at least one answer, in the order of the nodes
   * @throws {@link Fault} as {@link first}
   */
  async every<T>(question: (node: RpcNode) => Promise<T>): Promise<Answer<T>[]> {
    const awake = this.#nodes.filter((node) => !node.isResting());
    const order = awake.length > 0 ? awake : this.#nodes;
    return await this.#gather(order, order.length, question);
  }

  /**
   * Asks all nodes at once.
   *
   * @returns at least one answer, in the order of the nodes
   * @throws {@link Fault} as {@link first}
   */
  async all<T>(question: (node: RpcNode) => Promise<T>): Promise<Answer<T>[]> {
    return await this.#gather(this.#nodes, this.size, question);
  }

  /**
   * An answer that two different nodes give, if there are two.
   *
   * @param digest - equal for equal answers
   * @param what - was asked, for the fault
   * @throws {@link Fault} `rpc_disagrees`, which names two nodes; `chain_unreachable` when only one answers; as {@link first}
   */
  async agreed<T>(
    question: (node: RpcNode) => Promise<T>,
    digest: (answer: T) => string,
    what: string,
  ): Promise<T> {
    const poll = await this.poll(question, digest);
    if (poll.kind === "agreed") return poll.value;
    throw disagreement(poll.answers, what);
  }

  /**
   * Compares what two nodes say, and what all say when these two differ. A node that is outvoted is put to rest.
   *
   * @param digest - equal for equal answers; null for "I do not have it", which contradicts nothing
   * @throws {@link Fault} `chain_unreachable` when there are several nodes and only one answers; as {@link first}
   */
  async poll<T>(
    question: (node: RpcNode) => Promise<T>,
    digest: (answer: T) => string | null,
  ): Promise<Poll<T>> {
    if (this.size === 1) return { kind: "agreed", value: await this.first(question) };
    const two = await this.some(2, question);
    const [one, other] = two;
    if (!one || !other) {
      const names = two.map(({ node }) => node.name).join();
      throw new Fault("chain_unreachable", `two nodes must agree, and only ${names} answers`);
    }
    const said = digest(one.value);
    if (said === digest(other.value)) {
      return said === null ? { kind: "silent", answers: two } : { kind: "agreed", value: one.value };
    }
    const rest = this.#nodes.filter((node) => two.every((answer) => answer.node !== node));
    // those who did not answer a moment ago and those who were not asked
    const more = rest.length === 0 ? [] : await this.#gather(rest, rest.length, question).catch(passedOver);
    return this.#count([...two, ...more], digest);
  }

  #count<T>(answers: readonly Answer<T>[], digest: (answer: T) => string | null): Poll<T> {
    const speaking = answers.filter(({ value }) => digest(value) !== null);
    const parties = Map.groupBy(speaking, ({ value }) => digest(value));
    const strong = [...parties.values()].filter((party) => party.length >= 2);
    const [winner] = strong;
    if (strong.length === 1 && winner?.[0]) {
      for (const answer of speaking.filter((each) => !winner.includes(each))) {
        answer.node.rest();
        this.#onFault(disagreement([answer, winner[0]], "what two others agree on"));
      }
      return { kind: "agreed", value: winner[0].value };
    }
    return parties.size <= 1 ? { kind: "silent", answers } : { kind: "differ", answers: speaking };
  }

  async #gather<T>(
    order: readonly RpcNode[],
    count: number,
    question: (node: RpcNode) => Promise<T>,
  ): Promise<Answer<T>[]> {
    const waiting = [...order];
    const answers: Answer<T>[] = [];
    const faults: Fault[] = [];
    const ask = async () => {
      for (let node = waiting.shift(); node; node = waiting.shift()) {
        try {
          answers.push({ node, value: await question(node) });
          return;
        } catch (fault) {
          if (!isFault(fault) || !PASSED_OVER.has(fault.code)) throw fault;
          faults.push(fault);
        }
      }
    };
    await Promise.all(Array.from({ length: count }, ask));
    if (answers.length === 0) throw together(faults);
    return answers.sort((a, b) => this.#nodes.indexOf(a.node) - this.#nodes.indexOf(b.node));
  }
}

/** Two nodes that contradict each other. */
export function disagreement(answers: readonly Answer<unknown>[], what: string): Fault {
  const [one = "?", other = "?"] = answers.map(({ node }) => node.name);
  const message = `nodes ${one} and ${other} disagree on ${what}: nothing of it is believed`;
  return new Fault("rpc_disagrees", message, { facts: { one, other } });
}

/** The worst of what is wrong, or all of it. */
function together(faults: readonly Fault[]): Fault {
  const worst = faults.find(({ code }) => code !== "chain_unreachable");
  const [only, ...others] = faults;
  if (worst) return worst;
  if (only && others.length === 0) return only;
  return new Fault("chain_unreachable", faults.map(({ message }) => message).join("; "));
}

function passedOver(fault: unknown): never[] {
  if (isFault(fault) && PASSED_OVER.has(fault.code)) return [];
  throw fault;
}
