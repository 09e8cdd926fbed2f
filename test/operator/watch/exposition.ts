/**
 * A strict reader of Prometheus' text format 0.0.4, written from its description: what it does not allow is an error, and
 * what it only recommends (one group of lines for a metric) is asked for as well.
 */
export type Read = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
export type ReadFamily = { readonly type: string; readonly help: string; readonly samples: Read[] };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];

export function readExposition(text: string): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
  const families = new Map<string, ReadFamily & { isTyped: boolean }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) ([^\n]*)$/.exec(line);
    if (comment) {
      const [, what, name = "", rest = ""] = comment;
      if (!NAME.test(name)) throw new Error(`no name: ${line}`);
      const known = families.get(name);
      if (what === "HELP") {
        if (known) throw new Error(`a second group: ${line}`);
        families.set(name, { type: "", help: unescaped(rest, "\\n"), samples: [], isTyped: false });
      } else {
        if (!known || known.isTyped || known.samples.length > 0)
          throw new Error(`a late or second type: ${line}`);
        if (!TYPES.includes(rest)) throw new Error(`no type: ${line}`);
        families.set(name, { ...known, type: rest, isTyped: true });
      }
      current = name;
      continue;
    }
    if (line.startsWith("#") || line.trim() === "") throw new Error(`a line for nobody: ${line}`);
    const sample = readSample(line);
    const family = families.get(current);
    const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    if (!family || !suffixes.some((suffix) => sample.name === current + suffix)) {
      throw new Error(`outside of its group: ${line}`);
    }
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") checkHistogram(name, samples);
  return families;
}

function readSample(line: string): Read {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? "";
  if (name === "") throw new Error(`no sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const found = /^([^=]+)="((?:[^"\\\n]|\\[\\"n])*)"(,|(?=\}))/.exec(rest);
      const [whole, label = "", value = ""] = found ?? [];
      if (whole === undefined || !LABEL.test(label) || label in labels)
        throw new Error(`bad labels: ${line}`);
      labels[label] = unescaped(value, '\\"n');
      rest = rest.slice(whole.length);
    }
    rest = rest.slice(1);
  }
  const value = /^ ([+-]?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Inf)|NaN)$/.exec(rest)?.[1];
  if (value === undefined) throw new Error(`no value: ${line}`);
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function unescaped(text: string, allowed: string): string {
  return text.replaceAll(/\\([^\n]?)/g, (_, after: string) => {
    if (after === "" || !allowed.includes(after)) throw new Error(`a strange escape: ${text}`);
    return after === "n" ? "\n" : after;
  });
}

function checkHistogram(name: string, samples: readonly Read[]): void {
  const sets = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, own] of sets) {
    const buckets = own.filter((one) => one.name === `${name}_bucket`);
    const bounds = buckets.map((one) => Number(one.labels["le"]?.replace("Inf", "Infinity")));
    const counts = buckets.map(({ value }) => value);
    const isSorted = (list: readonly number[]) =>
      list.every((one, at) => at === 0 || one >= (list[at - 1] ?? 0));
    const total = own.find((one) => one.name === `${name}_count`)?.value;
    const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && counts.at(-1) === total;
    const hasSum = own.some((one) => one.name === `${name}_sum`);
    if (!isSorted(bounds) || !isSorted(counts) || !isWhole || !hasSum)
      throw new Error(`${name}${labels} is broken`);
  }
}
