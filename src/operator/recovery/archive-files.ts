/**
 * The archive of a journal in a backup. Its files never change, so a backup has them by another name of the same file where
 * the file system can do that: that of the data folder, or that of an older backup on the same disk.
 */
import { constants, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingArchives } from "../../journal/archive.ts";
import { type BackedUpFile, describeFile, isBackedUp, readManifest } from "./manifest.ts";

const FOLDER = "archive";

/**
 * Puts the archive of a data folder into a backup that is being made, whatever of it is not there yet.
 *
 * @param draft - the backup's folder; older backups are beside it
 * @returns paths of the files in it, relative to the draft. Throws what the system says
 */
export function carryArchive(data: string, draft: string): string[] {
  const paths = archiveIn(data);
  if (paths.length > 0) mkdirSync(join(draft, FOLDER), { recursive: true, mode: 0o700 });
  const older = paths.length > 0 ? backupsBeside(draft) : [];
  for (const path of paths) {
    const place = join(draft, path);
    if (existsSync(place) || isLinked(join(data, path), place)) continue;
    const twin = twinOf(data, path, older);
    if (twin === null || !isLinked(twin, place))
      copyFileSync(join(data, path), place, constants.COPYFILE_EXCL);
  }
  return paths;
}

/**
 * Whether all files that a backup's journal leans on are in it, and in an older backup with the same hashes.
 *
 * @param files - of the backup that is being made
 * @throws {@link Fault} as {@link missingArchives}
 */
export function isArchiveKnown(draft: string, files: readonly BackedUpFile[]): boolean {
  if (missingArchives(draft).length > 0) return false;
  const archive = files.filter(({ path }) => path.startsWith(`${FOLDER}/`));
  if (archive.length === 0) return true;
  return backupsBeside(draft).some((folder) => {
    const known = new Map(listedIn(folder).map(({ path, sha256 }) => [path, sha256]));
    return archive.every(({ path, sha256 }) => known.get(path) === sha256);
  });
}

function archiveIn(data: string): string[] {
  const folder = join(data, FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `${FOLDER}/${name}`)
    .filter(isBackedUp)
    .toSorted();
}

/** Gives a file another name, where both are on one disk whose file system knows such names. */
function isLinked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch {
    return false;
  }
}

/** Folders of whole backups beside one that is being made. */
function backupsBeside(draft: string): string[] {
  const parent = dirname(draft);
  return readdirSync(parent, { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .map(({ name }) => join(parent, name))
    .filter((folder) => folder !== draft && existsSync(join(folder, FOLDER)));
}

/** A file of an older backup that has the very bytes of one in the data folder. */
function twinOf(data: string, path: string, older: readonly string[]): string | null {
  const { size } = statSync(join(data, path));
  const like = older.filter((folder) => isListed(folder, path, size));
  if (like.length === 0) return null;
  const { sha256 } = describeFile(data, path);
  // read again: a file that has rotted must not be carried on
  const twin = like.find((folder) => describeFile(folder, path).sha256 === sha256);
  return twin === undefined ? null : join(twin, path);
}

function isListed(folder: string, path: string, bytes: number): boolean {
  const found = statSync(join(folder, path), { throwIfNoEntry: false });
  return found?.size === bytes && listedIn(folder).some((file) => file.path === path && file.bytes === bytes);
}

/** What a backup says is in it; nothing where it is none. */
function listedIn(folder: string): readonly BackedUpFile[] {
  try {
    return readManifest(folder).files;
  } catch {
    return [];
  }
}
