/**
 * As much of PromQL as the alert rules use, on one reading of one gateway's metrics: numbers, metrics with equal-to labels,
 * `time()`, `abs`, `sum by (instance)`, `increase` over a range (of counters that were zero at its beginning), `+ - * /`
 * and comparisons, which keep what holds, and `or`.
 */
import type { Read, ReadFamily } from "./exposition.ts";

type Vector = readonly { readonly labels: string; readonly value: number }[];
type Value = number | Vector;

const WORD = /\s*(\d+(?:\.\d+)?|[a-zA-Z_:][\w:]*|"[^"]*"|<=|>=|==|!=|\[\w+\]|[-+*/<>(){},=])/y;

/** Whether the expression has a result, which is when Prometheus fires. */
export function fires(expression: string, metrics: ReadonlyMap<string, ReadFamily>, now: number): boolean {
  const words: string[] = [];
  for (WORD.lastIndex = 0; WORD.lastIndex < expression.trimEnd().length; ) {
    const found = WORD.exec(expression)?.[1];
    if (found === undefined) throw new Error(`cannot read ${expression}`);
    words.push(found);
  }
  const value = new Reader(words, metrics, now).whole();
  if (typeof value === "number") throw new Error(`${expression} is a number`);
  return value.length > 0;
}

class Reader {
  readonly #words: string[];
  readonly #metrics: ReadonlyMap<string, ReadFamily>;
  readonly #now: number;

  constructor(words: string[], metrics: ReadonlyMap<string, ReadFamily>, now: number) {
    this.#words = words;
    this.#metrics = metrics;
    this.#now = now;
  }

  whole(): Value {
    const value = this.#either();
    if (this.#words.length > 0) throw new Error(`left over: ${this.#words.join(" ")}`);
    return value;
  }

  #either(): Value {
    let value = this.#compared();
    while (this.#words[0] === "or") {
      this.#words.shift();
      const other = this.#compared();
      if (typeof value === "number" || typeof other === "number") throw new Error("or of a number");
      const known = new Set(value.map(({ labels }) => labels));
      value = [...value, ...other.filter(({ labels }) => !known.has(labels))];
    }
    return value;
  }

  #compared(): Value {
    const left = this.#sum();
    const sign = this.#words[0] ?? "";
    if (!["<", ">", "<=", ">=", "==", "!="].includes(sign)) return left;
    this.#words.shift();
    const right = this.#sum();
    const kept = joined(left, right, (a, b) => (holds(sign, a, b) ? a : Number.NaN));
    return typeof kept === "number" ? kept : kept.filter(({ value }) => !Number.isNaN(value));
  }

  #sum(): Value {
    let value = this.#product();
    while (this.#words[0] === "+" || this.#words[0] === "-") {
      const sign = this.#words.shift();
      value = joined(value, this.#product(), (a, b) => (sign === "+" ? a + b : a - b));
    }
    return value;
  }

  #product(): Value {
    let value = this.#atom();
    while (this.#words[0] === "*" || this.#words[0] === "/") {
      const sign = this.#words.shift();
      value = joined(value, this.#atom(), (a, b) => (sign === "*" ? a * b : a / b));
    }
    return value;
  }

  #atom(): Value {
    const word = this.#words.shift() ?? "";
    if (/^\d/.test(word)) return Number(word);
    if (word === "(") return this.#until(")");
    if (word === "time") {
      this.#take("(", ")");
      return this.#now / 1_000;
    }
    if (word === "abs" || word === "increase") {
      this.#take("(");
      const inner = this.#until(")");
      return typeof inner === "number"
        ? Math.abs(inner)
        : inner.map((one) => ({ ...one, value: Math.abs(one.value) }));
    }
    if (word === "sum") {
      this.#take("by", "(", "instance", ")", "(");
      const inner = this.#until(")");
      if (typeof inner === "number") throw new Error("sum of a number");
      return inner.length === 0
        ? []
        : [{ labels: "", value: inner.reduce((sum, { value }) => sum + value, 0) }];
    }
    return this.#metric(word);
  }

  #metric(name: string): Vector {
    const family = this.#metrics.get(name);
    if (!family) throw new Error(`there is no metric ${name}`);
    const wanted: Record<string, string> = {};
    const brace = this.#words[0] === "{" ? this.#words.shift() : "}";
    while (brace === "{" && this.#words.length > 0) {
      const label = this.#words.shift() ?? "";
      if (label === "}") break;
      if (label === ",") continue;
      this.#take("=");
      wanted[label] = (this.#words.shift() ?? "").slice(1, -1);
    }
    if (this.#words[0]?.startsWith("[")) this.#words.shift();
    const fits = ({ labels }: Read) =>
      Object.entries(wanted).every(([label, value]) => labels[label] === value);
    return family.samples
      .filter(fits)
      .map(({ labels, value }) => ({ labels: JSON.stringify(labels), value }));
  }

  #until(end: string): Value {
    const value = this.#either();
    this.#take(end);
    return value;
  }

  #take(...words: readonly string[]): void {
    for (const word of words) {
      const found = this.#words.shift();
      if (found !== word) throw new Error(`expected ${word}, found ${found}`);
    }
  }
}

function joined(left: Value, right: Value, work: (a: number, b: number) => number): Value {
  if (typeof left === "number" && typeof right === "number") return work(left, right);
  if (typeof left === "number")
    return (right as Vector).map((one) => ({ ...one, value: work(left, one.value) }));
  if (typeof right === "number") return left.map((one) => ({ ...one, value: work(one.value, right) }));
  return left.flatMap((one) => {
    const other = right.find(({ labels }) => labels === one.labels);
    return other ? [{ ...one, value: work(one.value, other.value) }] : [];
  });
}

function holds(sign: string, a: number, b: number): boolean {
  if (sign === "<") return a < b;
  if (sign === ">") return a > b;
  if (sign === "<=") return a <= b;
  if (sign === ">=") return a >= b;
  return sign === "==" ? a === b : a !== b;
}
