/** A unit of systemd as its settings, and a file of udev's rules as its lines. */

/** Values by `Section.Key`, in their order. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** @throws Error about a line that is neither a section, a setting nor a comment */
export function parseUnit(text: string): Unit {
  const found = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (key === undefined) throw new Error(`no setting: ${line}`);
    else found.set(`${section}.${key}`, [...(found.get(`${section}.${key}`) ?? []), value]);
  }
  return found;
}

/** One part of a rule: `SUBSYSTEM!="tty"`. */
export type RulePart = { readonly key: string; readonly operator: string; readonly value: string };

/** @throws Error about what is no part of a rule */
export function parseRules(text: string): readonly (readonly RulePart[])[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  return lines.map((line) =>
    line.split(/,\s*/).map((part) => {
      const [, key, operator, value] = /^([A-Z]+(?:\{\w+\})?)(==|!=|\+=|-=|:=|=)"([^"]*)"$/.exec(part) ?? [];
      if (key === undefined || operator === undefined || value === undefined)
        throw new Error(`no part of a rule: ${part}`);
      return { key, operator, value };
    }),
  );
}
