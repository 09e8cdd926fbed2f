import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { accountOf } from "../../../src/operator/doctor/accounts.ts";
import { cardOf, numberOf } from "../../../src/operator/doctor/card.ts";
import { thisMachine } from "../../../src/operator/doctor/machine.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-machine-"));
  return () => rmSync(folder, { recursive: true });
});

/** A `/sys` in which the disk of this folder is a partition of that one. */
function sysOf(disk: string, type: string | null): string {
  const sys = join(folder, "sys");
  const device = join(sys, "devices", "platform", "soc", "block", disk);
  mkdirSync(join(device, `${disk}p2`), { recursive: true });
  mkdirSync(join(sys, "dev", "block"), { recursive: true });
  mkdirSync(join(sys, "block"));
  symlinkSync(join(device, `${disk}p2`), join(sys, "dev", "block", numberOf(folder)));
  symlinkSync(device, join(sys, "block", disk));
  mkdirSync(join(device, "device"));
  if (type !== null) writeFileSync(join(device, "device", "type"), `${type}\n`);
  return sys;
}

it.each([
  ["mmcblk0", "SD", "mmcblk0"],
  ["mmcblk1", "MMC", null],
  ["mmcblk0", null, null],
  ["sda", "SD", null],
])("a folder on %s of type %s is on the card %s", (disk, type, card) => {
  expect(cardOf(folder, sysOf(disk, type))).toBe(card);
});

it("a folder that is on no disk, or is not there, is on no card", () => {
  expect(cardOf(folder, join(folder, "nothing"))).toBeNull();
  expect(cardOf(join(folder, "none"))).toBeNull();
  expect(numberOf("/")).toMatch(/^\d+:\d+$/);
});

it("knows users by number, with the groups that they are in", () => {
  writeFileSync(
    join(folder, "passwd"),
    "root:x:0:0::/root:/bin/sh\nhirewire:x:990:985::/:/usr/sbin/nologin\n",
  );
  writeFileSync(
    join(folder, "group"),
    "root:x:0:\ndialout:x:20:pi,hirewire\nhirewire:x:985:\nvideo:x:44:pi\n",
  );
  expect(accountOf(990, folder)).toEqual({ name: "hirewire", groups: ["dialout", "hirewire"] });
  expect(accountOf(0, folder)).toEqual({ name: "root", groups: ["root"] });
  expect(accountOf(61_184, folder)).toBeNull();
  expect(accountOf(0, join(folder, "nothing"))).toBeNull();
});

it("looks at this machine", async () => {
  const here = thisMachine("/nowhere");
  expect(here.owner("/")?.name).toBe("root");
  // what there is depends on the machine; that it is said does not
  expect([true, null]).toContain(await here.synchronized());
  here.card(folder);
});
