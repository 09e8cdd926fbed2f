/** Arguments of a command, read strictly: what is not known is named, with what may have been meant. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { getAddress, isAddress } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { nearestName } from "./nearest.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * The options and the other words of `args`.
 *
 * @param command - what was called, for the hint: `"hirewire fund"`
 * @throws {@link Fault} `usage`
 */
export function parseArguments<const O extends Options>(
  command: string,
  args: readonly string[],
  options: O,
) {
  const config = { args: [...args], options, allowPositionals: true as const };
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== "option" || isKnown(options, token.rawName)) continue;
    const known = Object.keys(options).map((name) => `--${name}`);
    throw unknownWord(command, "option", token.rawName, known);
  }
  try {
    return parseArgs<typeof config>(config);
  } catch (cause) {
    throw new Fault("usage", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function isKnown(options: Options, rawName: string): boolean {
  if (rawName.startsWith("--")) return Object.hasOwn(options, rawName.slice(2));
  return Object.values(options).some(({ short }) => short === rawName.slice(1));
}

/** A `usage` fault that names what was not known, and what may have been meant. */
export function unknownWord(command: string, sort: string, word: string, known: Iterable<string>): Fault {
  const nearest = nearestName(word, known);
  const hint = nearest === null ? `see ${command} --help` : `did you mean ${nearest}?`;
  return new Fault("usage", `there is no ${sort} ${word}: ${hint}`);
}

/** @throws {@link Fault} `usage` when a command that takes options only was given other words */
export function nothingElse(command: string, words: readonly string[]): void {
  if (words.length > 0) throw new Fault("usage", `${command} takes options only, not "${words.join(" ")}"`);
}

/**
 * An account's address, lower case.
 *
 * Capitals are a checksum (EIP-55), so a mixed-case address with a typo is found.
 *
 * @throws {@link Fault} `usage` for other text, a wrong checksum and the zero address
 */
export function parseAddress(text: string, what: string): Hex {
  if (!isAddress(text, { strict: false })) {
    throw new Fault("usage", `${what} takes an address of 0x and 40 hexadecimal digits, not "${text}"`);
  }
  const digits = text.slice(2);
  const isMixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (isMixed && getAddress(text) !== text) {
    throw new Fault("usage", `${what} ${text} has a typo: its capitals are no EIP-55 checksum`);
  }
  if (/^0+$/.test(digits)) throw new Fault("usage", `${what} is the zero address: nobody has its key`);
  return text.toLowerCase() as Hex;
}
