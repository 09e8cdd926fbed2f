import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";

describe("the system clock", () => {
  it("counts milliseconds since 1970", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("calls once after the time, and not at all when told to stop", async () => {
    const calls: string[] = [];
    await new Promise<void>((done) => {
      const stop = systemClock.after(1, () => calls.push("stopped"));
      stop();
      systemClock.after(5, () => {
        calls.push("after");
        done();
      });
    });
    expect(calls).toEqual(["after"]);
  });

  it("sleeps until the signal wakes it with its reason", async () => {
    const abort = new AbortController();
    const sleeping = systemClock.sleep(60_000, abort.signal);
    const reason = new Error("wake up");
    abort.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(systemClock.sleep(60_000, abort.signal)).rejects.toBe(reason);
    await expect(systemClock.sleep(1, new AbortController().signal)).resolves.toBeUndefined();
  });
});
