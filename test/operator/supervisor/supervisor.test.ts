import { describe, expect, it } from "vitest";
import { isFault } from "../../../src/base/fault.ts";
import { openSupervisor, type Supervisor } from "../../../src/operator/supervisor/supervisor.ts";
import { MISSING, openNotifySocket } from "./notify-socket.ts";

const absent = MISSING.length > 0 && process.env["CI"] !== "true";
const why = absent ? ` (skipped: ${MISSING.join(" and ")} not installed)` : "";
const { PATH } = process.env;
const PID = 4_711;

/** Timers that a test fires, and what the gateway is made to be. */
function stand(env: Readonly<Record<string, string | undefined>>) {
  const timers: { readonly ms: number; readonly then: () => void }[] = [];
  const faults: unknown[] = [];
  const gateway = { probe: () => Promise.resolve(), line: "serving" };
  const supervisor: Supervisor = openSupervisor({
    ...{ env: { PATH, ...env }, pid: PID, probe: () => gateway.probe(), status: () => gateway.line },
    clock: {
      after: (ms, then) => {
        timers.push({ ms, then });
        return () => timers.splice(0);
      },
    },
    onFault: (fault) => faults.push(fault),
  });
  const fire = () => timers.shift()?.then();
  return { supervisor, timers, faults, gateway, fire };
}

describe.skipIf(absent)(`systemd hears${why}`, () => {
  it.each([false, true])(
    "when the gateway serves, lives and stops; abstract socket: %s",
    async (abstract) => {
      const socket = await openNotifySocket({ abstract });
      const { supervisor, timers, faults, gateway, fire } = stand({
        NOTIFY_SOCKET: socket.name,
        WATCHDOG_USEC: "30000000",
        WATCHDOG_PID: String(PID),
      });
      supervisor.busy("reads the\njournal");
      supervisor.ready();
      await socket.until(2);
      expect(timers.map(({ ms }) => ms)).toEqual([15_000]);
      gateway.line = "3 tasks are open";
      fire();
      await socket.until(3);
      expect(timers).toHaveLength(1);
      await supervisor.stopping();
      await supervisor.close();
      expect(timers).toEqual([]);
      expect(socket.heard).toEqual([
        "STATUS=reads the journal|EXTEND_TIMEOUT_USEC=120000000",
        "READY=1|STATUS=serving",
        "WATCHDOG=1|STATUS=3 tasks are open",
        "STOPPING=1|STATUS=stopping",
      ]);
      expect(faults).toEqual([]);
    },
  );

  it("nothing of a gateway whose heart stands still, until it beats again", async () => {
    const socket = await openNotifySocket();
    const { supervisor, gateway, fire } = stand({ NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "2000000" });
    const stuck = Promise.withResolvers<void>();
    let probes = 0;
    gateway.probe = () => (++probes === 1 ? stuck.promise : Promise.resolve());
    supervisor.ready();
    for (let round = 0; round < 3; round++) fire();
    await supervisor.stopping();
    expect(probes).toBe(1);
    expect(socket.heard.filter((line) => line.includes("WATCHDOG"))).toEqual([]);
    stuck.resolve();
    await socket.until(3);
    expect(socket.heard[2]).toBe("WATCHDOG=1|STATUS=serving");
    await supervisor.close();
  });

  it.each([
    ["of another process", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }],
    ["that is none", { WATCHDOG_USEC: "soon" }],
  ])("no sign of life for a watchdog %s, and how it is all the same", async (_, env) => {
    const socket = await openNotifySocket();
    const { supervisor, timers, fire } = stand({ NOTIFY_SOCKET: socket.name, ...env });
    supervisor.ready();
    expect(timers.map(({ ms }) => ms)).toEqual([30_000]);
    fire();
    await socket.until(2);
    expect(socket.heard[1]).toBe("STATUS=serving");
    await supervisor.close();
  });
});

it("tells once that systemd-notify is not there, and goes on", async () => {
  const { supervisor, faults } = stand({ NOTIFY_SOCKET: "/nowhere", PATH: "/nowhere" });
  supervisor.ready();
  await supervisor.stopping();
  await supervisor.close();
  expect(faults).toHaveLength(1);
  expect(isFault(faults[0], "not_found")).toBe(true);
});

it("does nothing where nobody supervises", async () => {
  const { supervisor, timers, faults } = stand({ WATCHDOG_USEC: "30000000" });
  supervisor.busy("starting");
  supervisor.ready();
  await supervisor.stopping();
  await supervisor.close();
  expect([timers, faults]).toEqual([[], []]);
});
