/**
 * Writes Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): a help line, a type
 * line and the samples of each family, every line ended by a line feed.
 */

export type Labels = Readonly<Record<string, string>>;

/** `name` is the family's, or for a histogram's parts the family's with `_bucket`, `_sum` or `_count`. */
export type Sample = { readonly name: string; readonly labels: Labels; readonly value: number };

export type Family = {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
};

/** The families as text, in their order; one without samples has its help and type alone. */
export function writeFamilies(families: readonly Family[]): string {
  return families.map(writeFamily).join("");
}

function writeFamily({ name, type, help, samples }: Family): string {
  const head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  return head + samples.map(writeSample).join("");
}

function writeSample({ name, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
