import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pairsOf, parseDockerfile } from "../slow/docker/dockerfile.ts";
import { parseRules, parseUnit, type RulePart } from "./unit-file.ts";

const TEXT = readFileSync("docker/hirewire.service", "utf8");
const UNIT = parseUnit(TEXT);
const RULES = parseRules(readFileSync("docker/60-hirewire.rules", "utf8"));

describe("the unit of systemd", () => {
  const one = (key: string) => UNIT.get(`Service.${key}`)?.join(" ");

  it("says when it serves, is watched, and comes back ever more slowly", () => {
    expect([one("Type"), one("NotifyAccess"), one("Restart")]).toEqual(["notify", "all", "on-failure"]);
    expect(Number(one("WatchdogSec"))).toBeGreaterThanOrEqual(60);
    expect([one("RestartSec"), one("RestartSteps"), one("RestartMaxDelaySec")]).toEqual(["5", "5", "10min"]);
    expect(UNIT.get("Unit.StartLimitIntervalSec")).toEqual(["0"]);
    expect(UNIT.get("Unit.After")?.join(" ").split(" ")).toContain("time-sync.target");
    expect([one("KillMode"), one("OOMPolicy"), one("LimitCORE")]).toEqual(["mixed", "continue", "0"]);
  });

  it("runs Node as the image does", () => {
    const last = parseDockerfile(readFileSync("docker/Dockerfile", "utf8")).at(-1)?.steps ?? [];
    const env = new Map(last.flatMap(({ name, rest }) => (name === "ENV" ? pairsOf(rest) : [])));
    const set = (UNIT.get("Service.Environment") ?? []).map((word) => word.replaceAll('"', ""));
    const malloc = ["ARENA_MAX", "TRIM_THRESHOLD_", "MMAP_THRESHOLD_"].map((name) => `MALLOC_${name}`);
    for (const name of ["NODE_ENV", "NODE_OPTIONS", ...malloc]) {
      expect(set).toContain(`${name}=${env.get(name)}`);
    }
  });

  it("has its own user, folder and key, and serial lines alone", () => {
    expect([one("User"), one("StateDirectory"), one("UMask")]).toEqual(["hirewire", "hirewire", "0077"]);
    expect(one("WorkingDirectory")).toBe("/var/lib/hirewire");
    expect(one("LoadCredential")).toBe("gateway.key:/etc/hirewire/gateway.key");
    expect(one("SupplementaryGroups")).toBe("dialout");
    expect(one("DevicePolicy")).toBe("closed");
    for (const device of UNIT.get("Service.DeviceAllow") ?? []) expect(device).toMatch(/^char-tty[A-Z]+ rw$/);
  });

  it("writes to its own folder, and to backups on another disk where there is one", () => {
    expect(one("ProtectSystem")).toBe("strict");
    expect(UNIT.get("Service.ReadWritePaths")).toEqual(["-/mnt/usb/hirewire"]);
  });

  it("is installed by steps that enter no folder of mode 0700 as somebody else", () => {
    const steps = TEXT.split("\n").filter((line) => /^# {3}(sudo|cd|npm) /.test(line));
    expect(steps.length).toBeGreaterThan(8);
    for (const step of steps) expect(step).not.toMatch(/\bcd |\bmv (?!\/\S+ \/)/);
    const own = steps.filter((step) => /-u hirewire/.test(step));
    expect(own).toHaveLength(2);
    for (const step of own) expect(step).toContain("sudo -u hirewire env -C /var/lib/hirewire hirewire ");
  });

  it("leaves open what compiles WebAssembly and what shuts task firmware in", () => {
    expect(one("MemoryDenyWriteExecute")).toBe("no");
    expect(one("RestrictNamespaces")?.split(" ").toSorted()).toEqual(["net", "user"]);
    expect(one("RestrictAddressFamilies")?.split(" ")).toContain("AF_UNIX");
    expect(one("SystemCallFilter")).toBe("@system-service");
    expect(one("CapabilityBoundingSet")).toBe("");
    // both would hide what it needs: the group of serial lines, or the machine's own facts
    for (const key of ["PrivateUsers", "PrivateDevices", "ProcSubset"]) expect(one(key)).toBeUndefined();
  });
});

/** What udev does with a device, in the part of its language that the rules use. */
function applied(device: Readonly<Record<string, string>>): Record<string, string> {
  const given: Record<string, string> = {};
  let label: string | null = null;
  for (const rule of RULES) {
    const [{ key, value } = { key: "", value: "" }] = rule;
    if (label !== null && !(key === "LABEL" && value === label)) continue;
    label = null;
    const conditions = rule.filter(({ operator }) => operator === "==" || operator === "!=");
    if (!conditions.every((part) => holds(part, device))) continue;
    for (const part of rule.filter((each) => !conditions.includes(each))) {
      if (part.key === "GOTO") label = part.value;
      else if (part.key !== "LABEL") given[part.key] = part.value;
    }
  }
  expect(label).toBeNull();
  return given;
}

function holds({ key, operator, value }: RulePart, device: Readonly<Record<string, string>>): boolean {
  const pattern = value
    .split("|")
    .map((glob) => glob.replaceAll("*", ".*"))
    .join("|");
  return new RegExp(`^(${pattern})$`).test(device[key] ?? "") === (operator === "==");
}

describe("udev's rules", () => {
  const given = {
    ...{ GROUP: "dialout", MODE: "0660", TAG: "uaccess" },
    ...{ "ENV{ID_MM_DEVICE_IGNORE}": "1", "ENV{ID_MM_PORT_IGNORE}": "1" },
  };

  it.each(["ttyUSB0", "ttyACM12"])("give %s to the gateway, and not to ModemManager", (KERNEL) => {
    expect(applied({ ACTION: "add", SUBSYSTEM: "tty", KERNEL })).toEqual(given);
    expect(applied({ ACTION: "change", SUBSYSTEM: "tty", KERNEL })).toEqual(given);
  });

  it.each([
    { ACTION: "add", SUBSYSTEM: "tty", KERNEL: "tty1" },
    { ACTION: "add", SUBSYSTEM: "tty", KERNEL: "ttyS0" },
    { ACTION: "add", SUBSYSTEM: "block", KERNEL: "sda" },
    { ACTION: "remove", SUBSYSTEM: "tty", KERNEL: "ttyUSB0" },
  ])("leave %j alone", (device) => expect(applied(device)).toEqual({}));
});
