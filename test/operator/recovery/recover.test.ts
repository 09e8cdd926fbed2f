import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../../src/config.ts";
import { recoverCommand } from "../../../src/operator/recovery/recover.ts";
import { openRecoveryStand, type RecoveryStand } from "./stand.ts";

const code = (name: string, words = /./) =>
  expect.objectContaining({ code: name, message: expect.stringMatching(words) });

let stand: RecoveryStand;
beforeEach(async () => {
  stand = openRecoveryStand();
  await stand.live();
});
afterEach(() => stand.remove());

const recover = (...args: readonly string[]) =>
  stand.call(
    (rest, io, ports) => recoverCommand(rest, io, { ...ports, readConfig }),
    ...args,
    "--config",
    stand.config,
  );

describe("hirewire recover", () => {
  it("has help", async () => {
    expect((await recover("--help")).written).toMatch(/^hirewire recover --data NEWDIR/);
  });

  it("wants a new folder, and a block's number", async () => {
    await expect(recover()).rejects.toThrow(code("usage", /--data/));
    await expect(recover("new", "--data", stand.at("new"))).rejects.toThrow(code("usage"));
    await expect(recover("--data", stand.data)).rejects.toThrow(code("usage", /not empty/));
    await expect(recover("--data", stand.at("new"), "--from-block", "-1")).rejects.toThrow(code("usage"));
    await expect(recover("--data", stand.at("new"), "--voucher", "x")).rejects.toThrow(
      code("usage", /--vouchers/),
    );
  });

  it("names the file that is none of vouchers, and the key that is missing", async () => {
    writeFileSync(stand.at("notes.txt"), "nothing here\n");
    await expect(recover("--data", stand.at("new"), "--vouchers", stand.at("notes.txt"))).rejects.toThrow(
      code("file_format", /notes\.txt, line 1/),
    );
    await expect(recover("--data", stand.at("new"), "--key", stand.at("notes.txt"))).rejects.toThrow(
      code("key_file"),
    );
  });

  it("writes nothing when the chain cannot be asked", async () => {
    mkdirSync(stand.at("new"));
    await expect(recover("--data", stand.at("new"))).rejects.toThrow(code("chain_unreachable"));
    expect(readdirSync(stand.at("new"))).toEqual([]);
    expect(readdirSync(stand.folder).filter((name) => name.includes("partial"))).toEqual([]);
  });
});
