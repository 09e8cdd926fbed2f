/** A Dockerfile as its instructions, in the part of its language that ours uses. */

export type Instruction = {
  /** In capitals: `"RUN"`. */
  readonly name: string;
  /** `--from=build` as `["from", "build"]`, in their order. */
  readonly flags: readonly (readonly [name: string, value: string])[];
  /** What follows the flags, on one line. */
  readonly rest: string;
  /** Where it begins, from 1. */
  readonly line: number;
};

export type Stage = {
  /** What others call it; null for one without a name. */
  readonly name: string | null;
  /** An image, or another stage. */
  readonly base: string;
  /** As it stands there: `"$BUILDPLATFORM"`; null for that of the image. */
  readonly platform: string | null;
  readonly steps: readonly Instruction[];
};

const INSTRUCTIONS: ReadonlySet<string> = new Set([
  ...["FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "LABEL"],
  ...["VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"],
]);

/**
 * The stages in their order.
 *
 * @throws Error about what is no instruction, or stands before the first stage
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: (Stage & { steps: Instruction[] })[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.name === "FROM") {
      const [, base, name = null] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.rest) ?? [];
      if (base === undefined) throw new Error(`line ${instruction.line}: FROM names no image`);
      stages.push({ name, base, platform: flagOf(instruction, "platform"), steps: [] });
    } else {
      const stage = stages.at(-1);
      if (!stage) throw new Error(`line ${instruction.line}: ${instruction.name} stands before FROM`);
      stage.steps.push(instruction);
    }
  }
  return stages;
}

/** The value of a flag, null where it is not given. */
export function flagOf({ flags }: Instruction, name: string): string | null {
  return flags.find(([flag]) => flag === name)?.[1] ?? null;
}

/** The words of an instruction in JSON form, as `["node", "x.js"]`; null for one in shell form. */
export function jsonForm(rest: string): readonly string[] | null {
  if (!rest.startsWith("[")) return null;
  const words: unknown = JSON.parse(rest);
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  throw new Error(`no list of words: ${rest}`);
}

/** `A=1 B="two words"` as pairs. */
export function pairsOf(rest: string): readonly (readonly [string, string])[] {
  return [...rest.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, name = "", quoted, plain]) => [
    name,
    quoted ?? plain ?? "",
  ]);
}

/**
 * `$NAME` and `${NAME}` in place.
 *
 * @throws Error about a name that has no value
 */
export function substitute(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (_, plain, braced) => {
    const value = values[plain ?? braced];
    if (value === undefined) throw new Error(`${plain ?? braced} has no value in: ${text}`);
    return value;
  });
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let parts: string[] = [];
  let line = 0;
  for (const [at, raw] of text.split("\n").entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    if (parts.length === 0) line = at + 1;
    parts.push(raw.replace(/\\\s*$/, "").trim());
    if (/\\\s*$/.test(raw)) continue;
    found.push(instructionOf(parts.join(" "), line));
    parts = [];
  }
  if (parts.length > 0) throw new Error(`line ${line} goes on after the end`);
  return found;
}

function instructionOf(said: string, line: number): Instruction {
  const [, word = "", tail = ""] = /^(\w+)\s*(.*)$/s.exec(said) ?? [];
  const name = word.toUpperCase();
  if (!INSTRUCTIONS.has(name)) throw new Error(`line ${line}: no instruction: ${said}`);
  const flags: [string, string][] = [];
  let rest = tail;
  for (;;) {
    const [whole, flag, value] = /^--([a-z-]+)=(\S+)\s+/.exec(rest) ?? [];
    if (whole === undefined || flag === undefined || value === undefined) break;
    flags.push([flag, value]);
    rest = rest.slice(whole.length);
  }
  return { name, flags, rest, line };
}
