/** Every frame there can be, for laws. */
import fc from "fast-check";
import type { Frame } from "../../../src/link/serial/frame.ts";

const byte = fc.integer({ min: 0, max: 255 });

export const anyFrame: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom("data", "ack", "nak", "syn", "synack", "reset"),
  session: byte,
  sequence: byte,
  acknowledged: byte,
  selective: fc.integer({ min: 0, max: 0xffff }),
  credit: fc.integer({ min: 0, max: 16 }),
  payload: fc.uint8Array({ maxLength: 240 }),
});
