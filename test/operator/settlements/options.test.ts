/** The arguments of `hirewire settlements`, read strictly. */
import { describe, expect, it } from "vitest";
import { parseSettlementsRequest } from "../../../src/operator/settlements/options.ts";

const NOW = 1_000_000_000_000;
const filterOf = (...args: string[]) => {
  const request = parseSettlementsRequest(args, NOW);
  return request.view === "list" || request.view === "export" ? request.filter : {};
};

describe("what is asked", () => {
  it("is read strictly", () => {
    expect(filterOf("--last", "1w")).toEqual({ from: NOW - 604_800_000 });
    expect(filterOf("--last", "1week")).toEqual({ from: NOW - 604_800_000 });
    expect(filterOf("--last", "15 minutes")).toEqual({ from: NOW - 900_000 });
    expect(filterOf("--from", "2026-11-22", "--to", "2026-11-22T10:00")).toEqual({
      ...{ from: Date.UTC(2026, 10, 22), to: Date.UTC(2026, 10, 22, 10) },
    });
    expect(filterOf("--from", "2026-11-22T10:00:00+02:00")).toEqual({ from: Date.UTC(2026, 10, 22, 8) });
    expect(filterOf("--device", "board-3", "--kind", "earned", "--status", "final", "--min", "0.5")).toEqual({
      ...{ device: "board-3", kind: "earned", status: "final", min: "0.5" },
    });
    expect(parseSettlementsRequest(["--csv"], NOW)).toMatchObject({ view: "export", format: "csv" });
  });

  it.each([
    [["--last", "0d"], "--last takes"],
    [["--last", "3"], "--last takes"],
    [["--last", "1d", "--from", "2026-01-01"], "give --last, or"],
    [["--from", "yesterday"], "--from takes a time"],
    [["--to", "2026-13-01"], "--to takes a time"],
    [["--kind", "earnd"], "did you mean earned?"],
    [["--status", "done"], "there is no status done"],
    [["--min", "a lot"], "--min cannot be read"],
    [["--min", "-1"], ""],
    [["--limit", "0"], "--limit takes"],
    [["--before", "0"], "--before takes"],
    [["--csv", "--json"], "exclude each other"],
    [["--divice", "x"], "did you mean --device?"],
    [["shw", "3"], "expected hirewire settlements"],
    [["show"], "expected hirewire settlements"],
    [["show", "x"], "show takes the number of a row"],
  ])("%j is refused", (args, words) => {
    const refused = expect.objectContaining({ code: "usage", message: expect.stringContaining(words) });
    expect(() => parseSettlementsRequest(args, NOW)).toThrow(refused);
  });
});
