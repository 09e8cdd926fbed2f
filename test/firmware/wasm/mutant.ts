/** Modules with damage, and what must hold of each. */
import { instrument, type Strategy } from "../../../src/firmware/meter/instrument.ts";
import { judgeModule, type Rejection } from "../../../src/firmware/policy.ts";
import { type Body, decodeModule, type Module } from "../../../src/firmware/wasm/module.ts";
import { joined, OP } from "../module.ts";
import { spliced } from "./splice.ts";

/** Numbers below `limit`, the same ones for a seed: xorshift32 (Marsaglia, 2003). */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Bytes that mean something in many places: opcodes, types, ends of numbers, section ids. */
const TELLING = [0x00, 0x01, 0x02, 0x05, 0x0b, 0x10, 0x40, 0x7f, 0x80, 0xfc, 0xfd, 0xfe, 0xff];

/** A copy with one to three changes: bytes set, flipped, left out, doubled, moved, put in, or cut off. */
export function mutated(bytes: Uint8Array, random: (limit: number) => number): Uint8Array {
  let result: Uint8Array = bytes;
  for (let changes = 1 + random(3); changes > 0 && result.length > 0; changes--) {
    result = changed(result, random);
  }
  return result;
}

/** A copy in which one to four runs of instructions of some function are left out, doubled or put elsewhere. */
export function rearranged(bytes: Uint8Array, random: (limit: number) => number): Uint8Array {
  let result = bytes;
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const module = decodeModule(result);
    if ("rejection" in module) break;
    const [body, other] = [random(module.bodies.length), random(module.bodies.length)];
    result = moved(module, module.bodies[body], module.bodies[other], random);
  }
  return result;
}

/** Where the height is what it was at an instruction, in the same frame, or that frame's end. */
function statementEnd({ op, height, match }: Body, first: number): number {
  for (let i = first; ; ) {
    const opcode = op[i] ?? OP.end;
    if (opcode === OP.end || opcode === OP.else) return i;
    if (opcode >= 0x02 && opcode <= 0x04) {
      const middle = match[i] ?? 0;
      i = op[middle] === OP.else ? (match[middle] ?? 0) : middle;
    }
    i++;
    if (height[i] === height[first]) return i;
  }
}

function moved(
  module: Module,
  to: Body | undefined,
  from: Body | undefined,
  random: (limit: number) => number,
): Uint8Array {
  if (to === undefined || from === undefined) return module.bytes;
  const run = (body: Body): [number, number] => {
    const first = random(body.length);
    // some runs are anything; most leave as many operands as they found, which often fits elsewhere
    const last = random(4) === 0 ? Math.min(body.length, first + random(4)) : statementEnd(body, first);
    return [body.at[first] ?? 0, body.at[last] ?? 0];
  };
  const taken = random(3) === 0 ? new Uint8Array() : module.bytes.subarray(...run(from));
  const [start, end] = run(to);
  return spliced(module, to, random(2) === 0 ? [start, start] : [start, end], taken);
}

function changed(bytes: Uint8Array, random: (limit: number) => number): Uint8Array {
  const at = random(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random(8));
  const before = bytes.subarray(0, at);
  const part = bytes.subarray(at, end);
  const after = bytes.subarray(end);
  const old = bytes[at] ?? 0;
  switch (random(9)) {
    case 0:
      return bytes.with(at, random(256));
    case 1:
      return bytes.with(at, old ^ (1 << random(8)));
    case 2:
      return bytes.with(at, TELLING[random(TELLING.length)] ?? 0);
    case 3:
      return bytes.with(at, old + (random(2) === 0 ? 1 : -1));
    case 4:
      return joined(before, after);
    case 5:
      return joined(before, part, part, after);
    case 6:
      // a number with a byte more than it needs
      return joined(before, [old | 0x80, 0], bytes.subarray(at + 1));
    case 7:
      return joined(before, [random(256)], part, after);
    default:
      return random(20) === 0 ? before : bytes.with(at, bytes[random(bytes.length)] ?? 0);
  }
}

/** How far a module came: metered, refused by the engine though it decodes, or rejected. */
export type Fate = "metered" | "invalid" | Rejection;

const STRATEGIES: readonly Strategy[] = ["threaded", "block"];

/**
 * Takes bytes all the way that the executor's child does. @throws where a step does, where a module that the engine
 * accepts is called malformed, or where the engine does not accept what the meter made of one that it accepts.
 */
export function fateOf(bytes: Uint8Array): Fate {
  const outline = judgeModule(bytes);
  const module = "module" in outline ? outline.module : decodeModule(bytes);
  if ("rejection" in module) {
    const { rejection, reason } = module;
    if (rejection === "malformed" && WebAssembly.validate(bytes))
      throw new TypeError(`not malformed: ${reason}`);
    return rejection;
  }
  if (!WebAssembly.validate(bytes)) return "invalid";
  for (const strategy of STRATEGIES) {
    if (!WebAssembly.validate(instrument(module, { strategy }))) {
      throw new TypeError(`the engine refuses the ${strategy} build`);
    }
  }
  // what the policy alone rejects is metered as well, for it is the meter that is tried here
  return "rejection" in outline ? outline.rejection : "metered";
}
