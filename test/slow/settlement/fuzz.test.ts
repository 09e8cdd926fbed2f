import { describe, expect, it } from "vitest";
import { VAULT_ABI } from "../../settlement/fuzz/calldata.ts";
import { functionsOf, fuzz, namesOf, report } from "../../settlement/fuzz/fuzz.ts";

const SEQUENCES = 500;
const SEED = 20_261_122;

describe("LaneVault and its model", () => {
  it("agree on every call of hundreds of random sequences, which leave no function and no error out", async () => {
    const tally = await fuzz(SEQUENCES, SEED, 40);
    console.info(report(tally));
    expect(tally.sequences).toBe(SEQUENCES);
    const succeeded = [...tally.functions].flatMap(([name, { ok }]) => (ok > 0 ? [name] : []));
    const missed = functionsOf(VAULT_ABI).filter((name) => !succeeded.includes(name));
    const unhit = namesOf(VAULT_ABI, "error").filter((name) => !tally.errors.has(name));
    const unseen = namesOf(VAULT_ABI, "event").filter((name) => !tally.events.has(name));
    expect({ missed, unhit, unseen }).toEqual({ missed: [], unhit: [], unseen: [] });
  }, 900_000);
});
