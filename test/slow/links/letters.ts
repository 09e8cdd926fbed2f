/** Messages with damage: the same ones for a seed, but for their signatures. */
import type { Random } from "../exchange/random.ts";

const NASTY_NUMBERS = [
  "1e308",
  "-1",
  "0.5",
  "9007199254740993",
  "-0",
  `1${"0".repeat(300)}`,
  "1e-7",
  "4294967296",
];
const NASTY_TEXTS = [
  "",
  "\\u0000",
  "\\ud800",
  "\\u202e0x00",
  "0x",
  "\u{1f916}".repeat(40),
  "__proto__",
  "constructor",
  "79228162514264337593543950336",
  "-1",
  "01",
  "1e3",
  "a".repeat(2_000),
  "h-1\\n",
];
const NASTY_KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "prototype",
  "",
  "id",
  "version",
  "signature",
];
const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);
const NASTY_VALUES = [
  "null",
  "true",
  "[]",
  "{}",
  '{"__proto__":{"version":1}}',
  '{"toString":null,"valueOf":1}',
  deep("[", "]", 900),
  deep('{"a":', "}", 300).replace("}", "1}"),
];

type Fields = [key: string, value: string][];

/** JSON text of an object with one to three changes, or that of a changed text. */
export function damagedText(text: string, other: string, random: Random): Uint8Array {
  if (random.chance(0.25)) return damagedBytes(new TextEncoder().encode(text), random);
  let fields = fieldsOf(text);
  for (let changes = 1 + random.below(3); changes > 0; changes--)
    fields = changed(fields, fieldsOf(other), random);
  const whole = `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`;
  return new TextEncoder().encode(random.chance(0.02) ? `[${whole}]` : whole);
}

function fieldsOf(text: string): Fields {
  if (!isJson(text)) return [["", text]];
  return Object.entries(JSON.parse(text) as object).map(([key, value]) => [key, JSON.stringify(value)]);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function changed(fields: Fields, others: Fields, random: Random): Fields {
  const at = random.below(fields.length);
  const field = fields[at];
  if (!field) return others;
  const [key, value] = field;
  const set = (to: string): Fields => fields.with(at, [key, to]);
  const quoted = (bare: string) => `"${bare}"`;
  const ways = [
    () => fields.toSpliced(at, 1),
    () => fields.toSpliced(at, 0, [random.pick(NASTY_KEYS), random.pick([...NASTY_VALUES, value])]),
    () => fields.toSpliced(at, 0, field),
    () => set(random.pick(NASTY_VALUES)),
    () => set(random.pick(NASTY_NUMBERS)),
    () => set(quoted(random.pick(NASTY_TEXTS))),
    () => set(quoted(random.pick(NASTY_NUMBERS))),
    () => set(value.startsWith('"') ? value.slice(1, -1) || "0" : quoted(value.replaceAll('"', ""))),
    () => set(`[${value}]`),
    () => set(oneDigitOff(value, random)),
    () => set(oneDigitOff(value, random)),
    () => set(random.pick(others)[1]),
    () => fields.map(([name, old]): [string, string] => [name, others.find(([n]) => n === name)?.[1] ?? old]),
    () => set(value.toUpperCase().replace('"0X', '"0x')),
    () => set(nested(value, random)),
  ];
  return random.pick(ways)();
}

/** A change inside an object's value, such as a voucher's; of any other value, the value itself. */
function nested(value: string, random: Random): string {
  if (!value.startsWith("{")) return value;
  const fields = fieldsOf(value);
  const at = random.below(fields.length);
  const field = fields[at];
  if (!field) return "null";
  const [key, inner] = field;
  const to = random.pick([
    oneDigitOff(inner, random),
    random.pick(NASTY_NUMBERS),
    "null",
    `"${random.pick(NASTY_TEXTS)}"`,
  ]);
  return `{${fields
    .with(at, [key, to])
    .map(([name, one]) => `${JSON.stringify(name)}:${one}`)
    .join()}}`;
}

function oneDigitOff(value: string, random: Random): string {
  const digits = [...value.matchAll(/[0-9a-f]/g)];
  if (digits.length === 0) return value;
  const { index } = random.pick(digits);
  return value.slice(0, index) + random.below(10) + value.slice(index + 1);
}

function damagedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const copy = Buffer.from(bytes);
  const ways = [
    () => Buffer.from(copy.fill(random.below(256), at, at + 1)),
    () => Buffer.from(copy.fill((bytes[at] ?? 0) ^ (1 << random.below(8)), at, at + 1)),
    () => copy.subarray(0, at),
    () => copy.subarray(at),
    () => Buffer.concat([copy, copy.subarray(at)]),
    () => Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), copy]),
    () => Buffer.concat([copy.subarray(0, at), Buffer.of(0xff, 0xfe), copy.subarray(at)]),
    () => Buffer.from(deep("[", "]", random.below(2_000))),
    () => Buffer.from(random.pick([...NASTY_VALUES, ...NASTY_NUMBERS])),
    () => Buffer.concat([copy, Buffer.alloc(random.below(5_000), " ")]),
  ];
  return random.pick(ways)();
}
