/**
 * Makes backups from time to time, and keeps the newest few. What it makes is what `hirewire backup` makes; it removes
 * nothing that it has not made itself.
 */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault, isFault } from "../../base/fault.ts";
import type { Head } from "../../journal/journal.ts";
import { journalFile } from "../../journal/sqlite-journal.ts";
import { type FreeBytes, freeBytes, isSameDisk, requireRoom } from "../disk/free-bytes.ts";
import type { Settings } from "../settings.ts";
import type { MakeBackup } from "./backup-process.ts";
import {
  autoBackupName,
  backupFolderOf,
  newestBackup,
  removeLeftovers,
  removeOldBackups,
  removeUnfinished,
} from "./kept-backups.ts";

/** Before the first one after a start: whoever starts a gateway has other things to do, milliseconds. */
const FIRST_MS = 600_000;

/** Between two attempts when there was nothing new, or one has failed, milliseconds. */
const AGAIN_MS = 3_600_000;

export type BackupScheduleOptions = {
  readonly settings: Pick<Settings, "data" | "disk">;
  readonly gateway: Hex;
  /** The newest entry of the journal. */
  readonly head: () => Head;
  readonly clock: Clock;
  readonly make: MakeBackup;
  readonly free?: FreeBytes;
  /** Is told once of each way in which backups fail, until one is made again. */
  readonly onFault: (fault: unknown) => void;
  /** A backup was made here. */
  readonly onMade: (folder: string) => void;
};

export class BackupSchedule {
  readonly #options: BackupScheduleOptions;
  readonly #stop = new AbortController();
  #going: Promise<void> | null = null;
  /** Code of the fault that was told last; null since a backup was made. */
  #told: string | null = null;

  constructor(options: BackupScheduleOptions) {
    this.#options = options;
  }

  /** Begins; does nothing where `[disk] backup_every_ms` is 0. */
  start(): void {
    if (this.#options.settings.disk.backup_every_ms > 0) this.#going = this.#goOn();
  }

  /** Ends a backup that is under way; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#going;
  }

  async #goOn(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    for (let pause = Math.max(FIRST_MS, this.#dueIn()); ; pause = Math.max(this.#dueIn(), this.#again())) {
      await clock.sleep(pause, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#try();
    }
  }

  /** Milliseconds until the next one is due; below zero when it is late. */
  #dueIn(): number {
    const { settings, clock } = this.#options;
    const { backup_every_ms: everyMs } = settings.disk;
    const newest = this.#newest();
    const now = clock.now();
    // how old one from the future is, before the clock was set back, nobody knows: it puts off nothing
    return newest === null || newest.at > now ? 0 : newest.at + everyMs - now;
  }

  #again(): number {
    return Math.min(AGAIN_MS, this.#options.settings.disk.backup_every_ms);
  }

  #newest() {
    const { settings, gateway, head } = this.#options;
    return newestBackup(backupFolderOf(settings), gateway, head().index);
  }

  async #try(): Promise<void> {
    const { settings, gateway, head, clock, onFault, onMade } = this.#options;
    if (this.#newest()?.index === head().index) return;
    const folder = backupFolderOf(settings);
    const to = join(folder, autoBackupName(clock.now()));
    try {
      await this.#make(folder, to);
      removeOldBackups(folder, gateway, settings.disk.backups, head().index);
      this.#told = null;
      onMade(to);
    } catch (cause) {
      removeUnfinished(to);
      if (this.#stop.signal.aborted) return;
      const fault = asFault(folder, cause);
      if (fault.code !== this.#told) onFault(fault);
      this.#told = fault.code;
    }
  }

  async #make(folder: string, to: string): Promise<void> {
    const { settings, make, free = freeBytes } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeLeftovers(folder);
    const reserve = isSameDisk(folder, settings.data) ? settings.disk.reserve : 0;
    const { size } = statSync(journalFile(settings.data));
    requireRoom(folder, size + reserve, "a backup", free);
    await make(to, this.#stop.signal);
  }
}

function asFault(folder: string, cause: unknown): Fault {
  if (isFault(cause)) return cause;
  const message = `no backup can be made in ${folder}: ${diskReason(cause)}`;
  return new Fault(diskCode(cause), message, { cause, facts: { folder } });
}
