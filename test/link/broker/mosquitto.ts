/** A mosquitto of its own on an ephemeral port, with its files in a temporary folder. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../../free-port.ts";

/** Debian puts the broker where only root's PATH looks. */
const TOOLS = { env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin` } };

const missing = ["mosquitto", "mosquitto_passwd", "mosquitto_pub", "mosquitto_sub"].filter(
  (tool) => spawnSync(tool, ["--help"], TOOLS).error,
);

/** For describe.skipIf: a machine without mosquitto skips, CI fails. */
export const noMosquitto = missing.length > 0 && process.env["CI"] !== "true";
/** For the title of what is skipped. */
export const whySkipped = noMosquitto ? ` (skipped: apt-get install mosquitto mosquitto-clients)` : "";

export type MosquittoOptions = {
  /** Where to listen on 127.0.0.1; any free port unless told. */
  readonly port?: number;
  /** Passwords by user name; anybody may connect when there are none. */
  readonly users?: Readonly<Record<string, string>>;
  /** Lines of the ACL file. */
  readonly acl?: readonly string[];
  /** Keeps sessions, retained messages and queues over a restart. */
  readonly persistent?: boolean;
  /** More lines of the configuration: bridges, limits, listeners. */
  readonly config?: readonly string[];
};

export type Mosquitto = {
  readonly port: number;
  /** `mqtt://127.0.0.1:port` */
  readonly url: string;
  readonly pid: () => number;
  /** What it has logged, all starts together. */
  readonly log: readonly string[];
  /** Sends a signal; resolves once the process has ended, or at once for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and files, killing it first if it runs; resolves when it listens. */
  restart(): Promise<void>;
  /** Ends it for good and removes its files. */
  stop(): Promise<void>;
};

/** Starts mosquitto; resolves when it listens, rejects with its log when it does not. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  const port = options.port ?? (await freePort());
  const file = writeConfig(folder, port, options);
  const log: string[] = [];
  let child = await launch(file, log);
  const kill = async (signal: NodeJS.Signals) => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (isOver) return;
    const ended = once(child, "exit");
    child.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") await ended;
  };
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    pid: () => child.pid ?? 0,
    log,
    kill,
    async restart() {
      await kill("SIGKILL");
      child = await launch(file, log);
    },
    async stop() {
      await kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeConfig(folder: string, port: number, options: MosquittoOptions): string {
  const { users, acl, persistent = false, config = [] } = options;
  const lines = [
    `listener ${port} 127.0.0.1`,
    // only root can change who it runs as, and then it could not read this folder
    "user root",
    "set_tcp_nodelay true",
    "log_dest stderr",
    ...["error", "warning", "notice", "information"].map((type) => `log_type ${type}`),
    `persistence ${persistent}`,
    `persistence_location ${folder}/`,
    `allow_anonymous ${users === undefined}`,
  ];
  if (users) {
    const passwords = join(folder, "passwords");
    const text = Object.entries(users).map(([user, password]) => `${user}:${password}\n`);
    writeFileSync(passwords, text.join(""), { mode: 0o600 });
    spawnSync("mosquitto_passwd", ["-U", passwords], TOOLS);
    lines.push(`password_file ${passwords}`);
  }
  if (acl) {
    const rights = join(folder, "acl");
    writeFileSync(rights, `${acl.join("\n")}\n`, { mode: 0o600 });
    lines.push(`acl_file ${rights}`);
  }
  const file = join(folder, "mosquitto.conf");
  writeFileSync(file, `${[...lines, ...config].join("\n")}\n`);
  return file;
}

async function launch(file: string, log: string[]): Promise<ChildProcess> {
  const child = spawn("mosquitto", ["-c", file], { ...TOOLS, stdio: ["ignore", "ignore", "pipe"] });
  const lines = createInterface({ input: child.stderr });
  await new Promise<void>((listens, fails) => {
    child.once("error", fails);
    child.once("exit", () => fails(new Error(`mosquitto ended:\n${log.join("\n")}`)));
    lines.on("line", (line) => {
      log.push(line);
      if (/mosquitto version .* running/.test(line)) listens();
    });
  });
  return child;
}
