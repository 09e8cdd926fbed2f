/**
 * The meter's output is part of the market's rules: these bytes are the same on every engine and machine, and change
 * only with METER_VERSION or the costs. Whoever changes those copies the new hashes from this test's failure.
 */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { COSTS_HASH } from "../../../src/firmware/meter/costs.ts";
import { instrument } from "../../../src/firmware/meter/instrument.ts";
import { decodeModule } from "../../../src/firmware/wasm/module.ts";

const STRATEGIES = ["block", "global", "local", "threaded"] as const;

/** Base64: nested loops of several forms; calls of every kind; float and vector sums; bulk instructions and growth. */
const MODULES: Readonly<Record<string, string>> = {
  loops:
    "AGFzbQEAAAABDAJgAX8Bf2ACf38BfgMDAgABBQQBAQECBxgDBm1lbW9yeQIABWFsbG9jAAADcnVuAAEKZAIFAEGACAtcAQJ/A0Ag" +
    "AiABSARAQQAhAwNAIAEgA0sEQCAAIANqIAIgA2w2AgAgA0EEaiEDDAELCyACQQFqIQIMAQsLA0AgAkEBayICDQALIABFBEBCAA8L" +
    "IACtQiCGIAGthAs=",
  calls:
    "AGFzbQEAAAABDwNgAX8Bf2AAAGABfwJ/fgIMAQNlbnYEaG9zdAAAAwYFAQAAAgAEBQFwAQQEBgYBfwFBBQsHBwEDcnVuAAUIAQEJ" +
    "CQEAQQALAwACAwpLBQYAQQYkAAsRACAABH8gAEEBaxACBUEACwsHACAAQQFxCwYAIABCAwshAgJ/AX4gABADEAQhAyIBIQIgAxog" +
    "AhogAEEBEQAAEAAL",
  floats:
    "AGFzbQEAAAABBgFgAX8BfAMCAQAFBAEBAQEHEAIGbWVtb3J5AgADcnVuAAAKQgFAAgF8AXsDQCABIAArAwCgIQEgAiAA/QAEAP3m" +
    "ASECIABBCGoiAEHAAEcNAAtBACABtjgCAEEQIAL9CwQAIAGfCw==",
  bulk:
    "AGFzbQEAAAABCQJgAABgAX8BfwMDAgABBAUBcAEICAUEAQEBBAcQAgZtZW1vcnkCAANydW4AAQkGAQEAAgAACjYCAgALMQBBAEEB" +
    "IAD8CwBBAEEIIAD8CgAAQQBBACAA/AwAAAJAAkAgAA4BAQALIABAAA8LAAs=",
};

const GOLDEN = {
  costs: "0x31c5f568ae5e2c4838e9cb05cd1ebd740c2e8a9dabb0c1df4bf8f9125b927f0f",
  loops: {
    block: "99dee806e54734a158e4561742b85caf",
    global: "d43d30bec9d8a7370f60136a03bf7e9d",
    local: "8d82821fae7cd8dc3682859d9911e0d1",
    threaded: "ce6b2da3eca16d72602d923bb5ecdd23",
  },
  calls: {
    block: "8f03c0cfe1114dba28ecca7de357bdda",
    global: "d97d886d4617d9a30ce300124a06b78b",
    local: "8e6b412ea8cad102897797e3c11a6297",
    threaded: "6bbfc3fff0c655b552bb4b83f41cc10d",
  },
  floats: {
    block: "a04656260668741cca1addbc80d25e91",
    global: "4ff31a5910250ca84e0eaaabf162913e",
    local: "855ca6c3814d70fb605deb882a33c1ca",
    threaded: "eb9c36451b3a6a83a4f07a01fc107d07",
  },
  bulk: {
    block: "c8b5243a654fe815b3c6d3e101c0b1e9",
    global: "c7097443944fd011d878b2fd37a00709",
    local: "48e568dee9b487f68ae035d65e60271a",
    threaded: "34cd695cd69f013c8c866ed0c1f19286",
  },
};

function hashesOf(base64: string): Record<string, string> {
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new Error(module.reason);
  return Object.fromEntries(
    STRATEGIES.map((strategy) => {
      const metered = instrument(module, { strategy });
      expect(WebAssembly.validate(metered)).toBe(true);
      return [strategy, createHash("sha256").update(metered).digest("hex").slice(0, 32)];
    }),
  );
}

describe("the metered bytes", () => {
  it("and the costs have the hashes they had", () => {
    const hashes = Object.entries(MODULES).map(([name, base64]) => [name, hashesOf(base64)]);
    expect({ costs: COSTS_HASH, ...Object.fromEntries(hashes) }).toEqual(GOLDEN);
  });
});
