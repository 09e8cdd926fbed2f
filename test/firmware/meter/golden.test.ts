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
  costs: "0xfacb5dff75c92d38df086cf9b26c12495f854a5f682352277fdb0870fec2578d",
  loops: {
    block: "b728d99dfc4d6e0aee4ce7f0fc2f9722",
    global: "97e9ef817ea0cc0ff8e3fad8c4e627f2",
    local: "8dc79f8bf091f21c8a38a510ab423bc2",
    threaded: "11a7b6aac8930d11e0e542606d2e2cd4",
  },
  calls: {
    block: "dec5b403992b31c6b69640cae1bd486f",
    global: "ecb9627b378d171831aa065f45243248",
    local: "b2064aafa7d250a3295f2ed22b0062c4",
    threaded: "551ad0f44873901cefaba47d31a5bdd4",
  },
  floats: {
    block: "caedef5309c4f3ddbf7586079e23aa79",
    global: "33f82ea04acd9046f0f3cd45047c7520",
    local: "0343fc3af04823db5ccbcb0c80f0c056",
    threaded: "35c56ee948965ed18fd7145e421e9a99",
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
