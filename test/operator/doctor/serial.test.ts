import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import type { LineReport } from "../../../src/link/serial/lines.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { startControl } from "../../../src/operator/control/server.ts";
import { rowOf } from "../../../src/operator/doctor/line-row.ts";
import { thisMachine } from "../../../src/operator/doctor/machine.ts";
import { serialChecks } from "../../../src/operator/doctor/serial.ts";
import { openStand, type Stand } from "../device/stand.ts";

describe("the doctor, of serial lines", () => {
  let stand: Stand;
  beforeEach(() => {
    stand = openStand();
    return () => stand.remove();
  });

  /** The checks that the settings of a `[[serial]]` section lead to, by name. */
  async function look(serial: string) {
    stand.configure("127.0.0.1:0", {}, serial);
    const settings = stand.ports.readConfig(join(stand.folder, "gateway.toml"));
    const checks = await serialChecks(settings, thisMachine(""));
    return {
      names: checks.map(({ check }) => check),
      of: (name: string) => checks.find(({ check }) => check === name),
    };
  }

  it("looks at what a pattern finds", async () => {
    const folder = join(stand.folder, "by-id");
    const path = join(folder, "usb-*");
    const before = await look(`[[serial]]\npath = "${path}"`);
    expect(before.of(`serial ${path}`)).toMatchObject({
      outcome: "note",
      found: "nothing that fits is plugged in",
    });
    mkdirSync(folder);
    symlinkSync("/dev/null", join(folder, "usb-a"));
    symlinkSync("/dev/none", join(folder, "usb-b"));
    symlinkSync("/dev/none", join(folder, "pci-c"));
    const { of, names } = await look(`[[serial]]\npath = "${path}"`);
    expect(of(`serial ${join(folder, "usb-a")}`)).toMatchObject({ outcome: "good" });
    expect(of(`serial ${join(folder, "usb-b")}`)).toMatchObject({ outcome: "wrong", found: "not there" });
    expect(names.length).toBe(2);
    const other = await look(`[[serial]]\npath = "${path}"\nusb = "2e8a:000a"`);
    expect(other.of(`serial ${path}`)).toMatchObject({ found: "nothing that fits is plugged in" });
    expect(other.names.length).toBe(1);
  });

  it("says that a folder cannot be read", async () => {
    const folder = join(stand.folder, "by-id");
    symlinkSync(folder, folder);
    const { of } = await look(`[[serial]]\npath = "${folder}/*"`);
    expect(of(`serial ${folder}/*`)).toMatchObject({ outcome: "wrong", fix: `see: ls -l ${folder}` });
    expect(of(`serial ${folder}/*`)?.found).toMatch(/ELOOP/);
  });

  it("looks whether a path is the USB device that is meant", async () => {
    const { of } = await look('[[serial]]\npath = "/dev/null"\nusb = "2e8a:000a"');
    expect(of("serial /dev/null")).toEqual({
      ...{ check: "serial /dev/null", outcome: "wrong", found: "no USB device" },
      fix: "expected usb = 2e8a:000a",
    });
  });

  it("shows the lines of a gateway that runs", async () => {
    const statistics = { ...emptyStatistics(), sessions: 1, bytesReceived: 12_345, bytesSent: 7 };
    statistics.discarded.badCheck = 40;
    const line = { baud: 115_200, profile: "reliable", usb: null, roundTripMs: null, statistics } as const;
    const lost = new Fault("link_lost", "/dev/ttyS9 is not there");
    const wrong = new Fault("wrong_baud", "set baud = 57600");
    const reports: LineReport[] = [
      { ...line, path: "/dev/ttyACM0", usb: "2e8a:000a", state: { state: "session" } },
      { ...line, path: "/dev/ttyUSB0", state: { state: "open", fault: wrong } },
      { ...line, path: "/dev/ttyS8", state: { state: "open" } },
      { ...line, path: "/dev/ttyS9", state: { state: "absent", fault: lost } },
    ];
    mkdirSync(stand.data);
    const control = await startControl(stand.data, { lines: async () => ({ lines: reports.map(rowOf) }) });
    try {
      const { of } = await look('[[serial]]\npath = "/dev/null"');
      const figures = "1 session so far, 12,345 bytes in, 7 out, discarded: badCheck 40";
      expect(of("line /dev/ttyACM0")).toMatchObject({
        outcome: "good",
        found: `in session (USB 2e8a:000a): ${figures}`,
      });
      const note = { outcome: "note", found: `open, no session: ${figures}` };
      expect(of("line /dev/ttyUSB0")).toMatchObject({ ...note, fix: "set baud = 57600" });
      expect(of("line /dev/ttyS8")).toMatchObject({ ...note, fix: null });
      expect(of("line /dev/ttyS9")).toMatchObject({ outcome: "note", fix: "/dev/ttyS9 is not there" });
    } finally {
      await control.stop();
    }
  });
});
