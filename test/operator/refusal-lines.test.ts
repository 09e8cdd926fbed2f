import { describe, expect, it } from "vitest";
import { refuse } from "../../src/base/refusal.ts";
import { refusalLines } from "../../src/operator/refusal-lines.ts";

function stand() {
  const lines: Record<string, unknown>[] = [];
  const timers: (() => void)[] = [];
  const after = (_ms: number, then: () => void) => {
    timers.push(then);
    return () => {};
  };
  const tell = refusalLines((kind, what) => lines.push({ kind, ...what }), { after });
  return { lines, timers, tell };
}

describe("refusalLines", () => {
  it("tells all that is known of a few", () => {
    const { lines, timers, tell } = stand();
    tell(refuse("too_slow"), `0x${"1".repeat(40)}`, "offer");
    tell(refuse("bad_token"), null, "");
    for (const end of timers.splice(0)) end();
    expect(lines).toMatchObject([
      { kind: "refused", code: "too_slow", by: `0x${"1".repeat(40)}`, topic: "offer" },
      { kind: "refused", code: "bad_token", by: null, topic: "" },
    ]);
  });

  it("tells how many there were in a flood, and of the next second's first ones again", () => {
    const { lines, timers, tell } = stand();
    for (let at = 0; at < 1_000; at++) tell(refuse(at % 2 === 0 ? "bad_packet" : "bad_token"), null, "");
    expect([lines.length, timers.length]).toEqual([20, 1]);
    for (const end of timers.splice(0)) end();
    const rest = [
      { kind: "refused", code: "bad_packet", times: 490 },
      { kind: "refused", code: "bad_token", times: 490 },
    ];
    expect(lines.slice(20)).toEqual(rest);
    tell(refuse("too_slow"), null, "");
    expect(lines.at(-1)).toMatchObject({ code: "too_slow", hint: expect.any(String) });
    expect(timers).toHaveLength(1);
  });
});
