/**
 * The root that a stage begins with, in place of its base image: a folder with this machine's system folders as mount
 * points, Node and npm at `/usr/local`, and the accounts of the image `node`.
 *
 * A program in it sees what is mounted there for it alone (`unshare`), and nothing else of this machine's files. Root
 * is not needed where an ordinary user may make namespaces; then its user is root there and owns every file.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const IS_ROOT = process.getuid?.() === 0;
const PASSWD = `root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
node:x:1000:1000::/home/node:/bin/bash
`;
const GROUP = "root:x:0:\ndialout:x:20:\nnogroup:x:65534:\nnode:x:1000:\n";
const NPM = "/usr/local/lib/node_modules/npm";
/** Where an arm64 Node lies in a root of that platform; what is called there is a script that has it emulated. */
const FOREIGN_NODE = "/usr/local/lib/node-arm64";
const EMULATOR = `#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu ${FOREIGN_NODE} "$@"\n`;

export type Account = { readonly uid: number; readonly gid: number };

/** What is mounted at `to`, a path in the root. */
export type Mount = { readonly from: string; readonly to: string; readonly readOnly: boolean };

/** A program to run in a root. */
export type Launch = {
  readonly root: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: Account;
  readonly mounts: readonly Mount[];
  /** Only mounts, `/tmp` and `/run` can be written, there are no capabilities, and none can be had. */
  readonly isConfined: boolean;
};

/** Makes the root. `foreignNode`: an arm64 Node, for a root of that platform; null for this machine's own. */
export function makeBaseRoot(root: string, foreignNode: string | null): void {
  for (const one of ["proc", "dev", "run", "mnt", "root", "home/node", "var/tmp", "usr/local/bin"]) {
    mkdirSync(join(root, one), { recursive: true });
  }
  for (const one of ["tmp", "etc/ssl", NPM]) mkdirSync(join(root, one), { recursive: true });
  for (const one of systemFolders()) mkdirSync(join(root, one), { recursive: true });
  for (const one of ["bin", "sbin", "lib", "lib64"]) {
    const from = `/${one}`;
    if (existsSync(from) && lstatSync(from).isSymbolicLink())
      symlinkSync(readlinkSync(from), join(root, one));
  }
  chmodSync(join(root, "tmp"), 0o1777);
  if (IS_ROOT) chownSync(join(root, "home/node"), 1000, 1000);
  writeFileSync(join(root, "etc/passwd"), PASSWD);
  writeFileSync(join(root, "etc/group"), GROUP);
  for (const one of ["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"]) {
    if (existsSync(one)) writeFileSync(join(root, one), readFileSync(one));
  }
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
  symlinkSync("../lib/node_modules/npm/bin/npx-cli.js", join(root, "usr/local/bin/npx"));
  writeFileSync(join(root, "usr/local/bin/node"), foreignNode ? EMULATOR : "", { mode: 0o755 });
  if (foreignNode) writeFileSync(join(root, FOREIGN_NODE), "", { mode: 0o755 });
}

/** Starts a program in its root; it keeps this process's child's id, so that signals reach it. */
export function launch(
  { root, command, env, workdir, user, mounts, isConfined }: Launch,
  foreignNode: string | null,
): ChildProcess {
  const lines = [
    "set -e",
    `mount --bind ${quoted(root)} ${quoted(root)}`,
    ...(isConfined ? [`mount -o remount,bind,ro ${quoted(root)}`] : []),
    ...systemMounts(foreignNode).map((mount) => mountLine(root, mount)),
    ...devices(root),
    `mount -t tmpfs -o mode=755 tmpfs ${quoted(join(root, "run"))}`,
    ...(isConfined ? [`mount -t tmpfs -o mode=1777 tmpfs ${quoted(join(root, "tmp"))}`] : []),
    ...mounts.map((mount) => mountPoint(root, mount)),
    ...mounts.map((mount) => mountLine(root, mount)),
    `cd ${quoted(root)}`,
    "pivot_root . .",
    "umount -l .",
    `cd ${quoted(workdir)}`,
    `exec ${[...become(user, isConfined), ...command].map(quoted).join(" ")}`,
  ];
  const alone = IS_ROOT ? ["--mount"] : ["--map-root-user", "--mount"];
  const own = { PATH, HOME: user.uid === 0 ? "/root" : "/home/node", ...env };
  return spawn("unshare", [...alone, "sh", "-c", lines.join("\n")], {
    env: own,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The account of a name or number in the root. */
export function accountOf(root: string, user: string): Account {
  for (const line of readFileSync(join(root, "etc/passwd"), "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(`nobody is called ${user} in the image`);
}

/** Gives a file to an account, where this process may. */
export function giveTo(path: string, { uid, gid }: Account): void {
  if (IS_ROOT) chownSync(path, uid, gid);
}

/** What npm is told of this machine's settings: where packages come from, and whom to believe. */
export function npmSettings(): { readonly env: Readonly<Record<string, string>>; readonly mounts: Mount[] } {
  const asked = ["userconfig", "globalconfig", "cafile"] as const;
  const files = [
    ...asked.map((key) => [`npm_config_${key}`, ask(key)] as const),
    ["NODE_EXTRA_CA_CERTS", process.env["NODE_EXTRA_CA_CERTS"] ?? ""] as const,
  ].filter(([, path]) => path.startsWith("/") && existsSync(path));
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name));
  return {
    env: {
      ...Object.fromEntries(files.map(([name], at) => [name, `/run/host/${at}`])),
      ...Object.fromEntries(proxies.map(([name, value = ""]) => [name, value])),
    },
    mounts: files.map(([, from], at) => ({ from, to: `/run/host/${at}`, readOnly: true })),
  };
}

/** Where this machine's npm keeps what it has downloaded. */
export function npmCache(): string {
  return ask("cache");
}

function ask(key: string): string {
  return execFileSync("npm", ["config", "get", key], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

/** `usr/bin`, `usr/lib`, …: all of `/usr` but what an administrator has put there. */
function systemFolders(): readonly string[] {
  return readdirSync("/usr", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "local")
    .map(({ name }) => `usr/${name}`);
}

function systemMounts(foreignNode: string | null): readonly Mount[] {
  const node = {
    from: foreignNode ?? process.execPath,
    to: foreignNode ? FOREIGN_NODE : "/usr/local/bin/node",
  };
  return [
    ...systemFolders().map((one) => ({ from: `/${one}`, to: `/${one}`, readOnly: true })),
    { from: "/etc/ssl", to: "/etc/ssl", readOnly: true },
    { from: "/proc", to: "/proc", readOnly: false },
    { from: npmFolder(), to: NPM, readOnly: true },
    { ...node, readOnly: true },
  ];
}

function npmFolder(): string {
  const path = execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim();
  return dirname(dirname(realpathSync(path)));
}

function devices(root: string): readonly string[] {
  const dev = join(root, "dev");
  const names = ["null", "zero", "full", "random", "urandom"];
  return [
    `mount -t tmpfs -o mode=755 tmpfs ${quoted(dev)}`,
    ...names.map((name) => `touch ${quoted(join(dev, name))}`),
    ...names.map((name) => `mount --bind /dev/${name} ${quoted(join(dev, name))}`),
    `ln -s /proc/self/fd ${quoted(join(dev, "fd"))}`,
  ];
}

/** In a confined root the mount points have to be there, but below `/run` and `/tmp`. */
function mountPoint(root: string, { from, to }: Mount): string {
  const at = quoted(join(root, to));
  if (lstatSync(from).isDirectory()) return `mkdir -p ${at}`;
  return `mkdir -p ${quoted(join(root, dirname(to)))}; [ -e ${at} ] || touch ${at}`;
}

function mountLine(root: string, { from, to, readOnly }: Mount): string {
  const at = quoted(join(root, to));
  const bind = `mount --rbind ${quoted(from)} ${at}`;
  return readOnly ? `${bind}; mount -o remount,bind,ro ${at}` : bind;
}

function become({ uid, gid }: Account, isConfined: boolean): readonly string[] {
  const noSets = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"];
  const none = isConfined ? ["--no-new-privs", ...noSets] : [];
  if (IS_ROOT && uid === 0 && !isConfined) return [];
  if (IS_ROOT) return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...none];
  // who is to drop every capability has to have one still
  const keep = isConfined ? ["--keep-caps"] : [];
  const mapped = uid === 0 ? [] : ["unshare", `--map-user=${uid}`, `--map-group=${gid}`, ...keep];
  return isConfined ? [...mapped, "setpriv", ...none] : mapped;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
