/** `hirewire settlements` where no gateway runs: it reads the journal itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isFault } from "../../../../src/base/fault.ts";
import { settlementPage } from "../../../../src/operator/api/settlement.ts";
import { settlementsCommand } from "../../../../src/operator/settlements/command.ts";
import { buildLife } from "../../../journal/life.ts";
import { append, STILL } from "../../../operator/views/shelf.ts";

const folder = mkdtempSync(join(tmpdir(), "hirewire-settlements-"));
const ports = { clock: STILL, defaultData: () => folder, readConfig: () => ({ data: folder }) };

beforeAll(async () => {
  append(folder, (await buildLife()).drafts);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  let out = "";
  let warned = "";
  const io = {
    isTerminal: false,
    write: (text: string) => {
      out += text;
    },
    warn: (text: string) => {
      warned += text;
    },
  };
  const exit = await settlementsCommand(args, io, ports);
  return { exit, out, warned, lines: out.split("\n").slice(0, -1) };
}

describe("hirewire settlements", () => {
  it("lists rows with their sums, and says where to go on", async () => {
    const { exit, lines, warned } = await run("--kind", "earned", "--limit", "2");
    expect(exit).toBe(0);
    expect(lines[0]).toMatch(
      /^row +time +kind +device +counterparty +firmware +amount +status +transaction$/,
    );
    expect(lines[1]).toMatch(/^ 12 .* earned +board-3 +robot-1 +path-plan +0\.000297 +pending +-$/);
    expect(lines.at(-2)).toBe("4 rows: earned 0.002579, spent 0.000000, of which fees 0.000000");
    expect(warned).toBe("there are more: --before 9\n");
  });

  it("gives the API's own answers as JSON, and exports in every format", async () => {
    const page = settlementPage.parse(JSON.parse((await run("--json", "--last", "1d")).out));
    expect(page.sums.rows).toBe(16);
    expect((await run("--csv", "--kind", "gas")).out.split("\r\n")).toHaveLength(4);
    const { warned, lines } = await run("show", "1");
    expect(warned).toBe("");
    expect(lines.join("\n")).toContain("transaction 0xc2c2");
    expect(lines.join("\n")).toContain("board-3: 0.001000, won: lowest");
  });

  it("says what is not there", async () => {
    expect((await run("--device", "nobody")).lines[0]).toBe("no such row");
    const missing = await run("show", "99").catch((fault: unknown) => fault);
    expect(isFault(missing, "not_found")).toBe(true);
    expect((await run("--help")).out).toContain("hirewire settlements show N");
  });
});
