import { describe, expect, it } from "vitest";
import { HELP, parseLogRequest } from "../../../src/operator/log/options.ts";
import { FACT_KINDS } from "../../../src/protocol/facts.ts";

const list = (...args: string[]) => {
  const request = parseLogRequest(args, "/data");
  if (request.view !== "list") throw new Error(request.view);
  return request.list;
};

describe("parseLogRequest", () => {
  it("reads every view and option", () => {
    expect(parseLogRequest(["-h"], null)).toEqual({ view: "help" });
    expect(parseLogRequest(["verify", "--data", "here"], "/data")).toEqual({
      view: "verify",
      data: "here",
      json: false,
    });
    expect(parseLogRequest(["show", "12", "--json"], "/data")).toEqual({
      view: "show",
      data: "/data",
      index: 12,
      json: true,
    });
    expect(list("--kind", "paid,ended", "--kind", "offered", "--device", "robot-1")).toEqual({
      span: { lines: 50 },
      device: "robot-1",
      kinds: new Set(["paid", "ended", "offered"]),
      format: "text",
    });
  });

  it("takes a count or a period, and everything by default where a program reads", () => {
    expect(list("--last", "7").span).toEqual({ lines: 7 });
    expect(list("--last", "90s").span).toEqual({ ms: 90_000 });
    expect(list("--last", "2w", "--csv").span).toEqual({ ms: 1_209_600_000 });
    expect(list("--json").span).toBeNull();
    expect(list("--csv").span).toBeNull();
  });

  it.each([
    [["--kin", "paid"], "--kind"],
    [["--jsno"], "--json"],
    [["--kind", "payed"], "paid"],
    [["verfy"], "verify"],
    [["--frobnicate"], "--help"],
    [["-x"], "-x"],
  ])("answers %j with the nearest known name", (args, hint) => {
    const message = expect.stringContaining(hint);
    expect(() => parseLogRequest(args, "/data")).toThrow(expect.objectContaining({ code: "usage", message }));
  });

  it.each([
    [["--last"]],
    [["--last", "0"]],
    [["--last", "7y"]],
    [["--json", "--csv"]],
    [["--json=yes"]],
    [["show"]],
    [["show", "0"]],
    [["show", "1", "2"]],
    [["show", "-1"]],
    [["verify", "file"]],
    [["verify", "--kind", "paid"]],
  ])("refuses %j", (args) => {
    expect(() => parseLogRequest(args, "/data")).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("asks for a folder where none is known", () => {
    expect(() => parseLogRequest([], null)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("lists every kind in its help, in 80 columns", () => {
    for (const kind of FACT_KINDS) expect(HELP).toContain(kind);
    for (const line of HELP.split("\n").slice(1)) expect(line.length).toBeLessThanOrEqual(80);
  });
});
