/** `hirewire run` on a folder of the version before, and on a disk that is full. */
import { appendFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { openJournal } from "../../../../src/journal/sqlite-journal.ts";
import { makeWorld, type World } from "../../../../src/operator/demo/world.ts";
import { verifyBackup } from "../../../../src/operator/recovery/manifest.ts";
import { storeVersion } from "../../../../src/operator/upgrade/store-version.ts";
import { type LocalChain, startLocalChain } from "../../../../src/settlement/local-chain.ts";
import { writeVersion3 } from "../../../operator/upgrade/version-3.ts";
import { Program } from "../../../stories/program.ts";
import { hasOwnMounts, runWithOwnMounts, SmallDisk, smallDiskMissing } from "../../stories/small-disk.ts";

const missing = smallDiskMissing();

it.runIf(missing !== null && hasOwnMounts())(
  "a gateway on a small disk, as root of a user namespace",
  async () => {
    process.stdout.write(await runWithOwnMounts(import.meta.filename));
  },
);

const MIB = 1_048_576;
const RESERVE = 8 * MIB;

describe.skipIf(missing !== null)(
  `a gateway on a small disk${missing === null ? "" : ` (${missing})`}`,
  () => {
    let local: LocalChain;
    let disk: SmallDisk;
    let world: World;

    beforeAll(async () => {
      local = await startLocalChain();
      disk = new SmallDisk(64);
      const names = { requesters: ["picker"], providers: ["arm"] };
      const place = { local, clock: systemClock, serialPath: "tcp://127.0.0.1:9", names };
      world = await makeWorld({ ...place, folder: disk.folder });
      appendFileSync(world.config, `\n[disk]\nreserve = ${RESERVE}\n`);
    });
    afterAll(async () => {
      disk.close();
      await local.stop();
    });

    function run(...args: readonly string[]): Program {
      const program = new Program(["run", "--config", world.config, "--listen", "127.0.0.1:0", ...args]);
      onTestFinished(() => void program.process.kill("SIGKILL"));
      return program;
    }

    const isReady = ({ kind }: { kind: string }) => kind === "ready";
    const isFull = ({ kind, code }: { kind: string; code?: unknown }) =>
      kind === "fault" && code === "disk_full";

    async function stop(program: Program): Promise<void> {
      program.process.kill("SIGTERM");
      expect([await program.ended(), program.stderr]).toEqual([0, ""]);
    }

    it("does not start while the disk is full, and says how much it needs", async () => {
      disk.fill(2 * MIB);
      const program = run();
      expect(await program.ended()).toBe(1);
      expect(program.stderr).toMatch(
        /^hirewire \[disk_full\]: the gateway needs 4\.2 MB, and 2\.\d MB are free where/,
      );
      expect(existsSync(join(disk.folder, "journal.sqlite"))).toBe(false);
      disk.empty();
    });

    it("starts below the reserve, tells of it, and goes on when there is room again", async () => {
      const program = run("--json");
      await program.heard(isReady);
      const { length } = program.said;
      disk.fill(RESERVE - MIB);
      const told = await program.heard(isFull);
      expect(told["message"]).toMatch(
        /new offers are not taken: 7\.\d MB are free where .* 8\.4 MB are kept/,
      );
      disk.empty();
      await stop(program);
      expect(program.said.slice(length).filter(isFull)).toHaveLength(1);
      disk.fill(RESERVE - MIB);
      const again = run("--json");
      await again.heard(isReady);
      expect(again.said.filter(isFull)).toHaveLength(1);
      await stop(again);
      disk.empty();
    });

    it("ends by that name when there is no room left for what it has to write, and loses nothing", async () => {
      const program = run();
      await program.heard(({ text }) => String(text).startsWith("gateway 0x"));
      disk.fill(0);
      // it is written down, and in a file of its own besides
      const halt = new Program(["halt", "--config", world.config]);
      await halt.ended();
      expect(await program.ended()).toBe(1);
      expect(program.stderr).toMatch(/hirewire \[disk_full\]: (?!new offers)/);
      disk.empty();
      const again = run("--json");
      await again.heard(isReady);
      await stop(again);
    });

    it("brings a folder of version 3 forward before it starts, and says so", async () => {
      const before = openJournal(disk.folder, { readOnly: true });
      const entries = [...before.entries()];
      before.close();
      for (const name of readdirSync(disk.folder)) {
        if (/^(journal|snapshot|store|archive)/.test(name))
          rmSync(join(disk.folder, name), { recursive: true });
      }
      const head = writeVersion3(disk.folder, entries);
      expect([head.hash, storeVersion(disk.folder)]).toEqual([entries.at(-1)?.hash, 3]);
      const program = run();
      await program.heard(({ text }) => String(text).startsWith("gateway 0x"));
      program.process.kill("SIGTERM");
      expect(await program.ended()).toBe(0);
      expect(program.stderr).toMatch(/the store in .* is of version 3, this hirewire needs 4/);
      expect(program.stderr).toMatch(/the store is of version 4 now/);
      const [backup = ""] = readdirSync(join(disk.folder, "backups"));
      expect(backup).toMatch(/^before-upgrade-3-to-4-/);
      expect(verifyBackup(join(disk.folder, "backups", backup)).journal).toEqual(head);
      const after = openJournal(disk.folder, { readOnly: true });
      expect([...after.entries()].slice(0, entries.length)).toEqual(entries);
      after.close();
    });
  },
);
