/** A broker in a process of its own, on a core of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../free-port.ts";

const CAN_PIN = availableParallelism() > 1 && !spawnSync("taskset", ["--version"]).error;

/** The command that runs a program on one core, where the machine has two and Debian's `util-linux`. */
export function onCore(core: 0 | 1, program: string, args: readonly string[]): [string, string[]] {
  return CAN_PIN ? ["taskset", ["-c", String(core), program, ...args]] : [program, [...args]];
}

export class BrokerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #failed: Error | null = null;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    const end = () => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("error", (cause) => {
      this.#failed = cause;
    });
    child.once("exit", (code, signal) => {
      process.off("exit", end);
      this.#failed = new Error(`a broker's process has ended: ${signal ?? code}`);
    });
  }

  /** A program beside this file, which tells its port when it listens. */
  static async node(program: string, args: readonly string[]): Promise<BrokerProcess> {
    const path = join(import.meta.dirname, program);
    const [command, all] = onCore(0, process.execPath, [path, ...args]);
    const child = spawn(command, all, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const told = once(child, "message");
    const ended = once(child, "exit").then(([code]) =>
      Promise.reject(new Error(`${program} ended: ${code}`)),
    );
    const [{ port }] = (await Promise.race([told, ended])) as [{ port: number }];
    ended.catch(() => undefined);
    return new BrokerProcess(child, port);
  }

  /** Debian's mosquitto, as fast as it can be: it keeps nothing, and its queues and windows have no limit. */
  static async mosquitto(folder: string): Promise<BrokerProcess> {
    const port = await freePort();
    const file = join(folder, `mosquitto-${port}.conf`);
    const unlimited = ["max_inflight_messages 0", "max_queued_messages 0"];
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
    writeFileSync(file, [...lines, "set_tcp_nodelay true", "log_dest none", ...unlimited, ""].join("\n"));
    const [command, args] = onCore(0, MOSQUITTO, ["-c", file]);
    const child = spawn(command, args, { stdio: "ignore" });
    const broker = new BrokerProcess(child, port);
    while (!(await answers(port))) {
      if (broker.#failed)
        throw new Error(`${MOSQUITTO} does not start: install Debian's package mosquitto`, {
          cause: broker.#failed,
        });
      await sleep(20);
    }
    return broker;
  }

  get process(): number {
    return this.#child.pid ?? 0;
  }

  /** Resident memory, bytes. */
  get memory(): number {
    return this.#status("VmRSS");
  }

  /** The most resident memory since {@link forgetPeak}, bytes. */
  get peak(): number {
    return this.#status("VmHWM");
  }

  forgetPeak(): void {
    // proc_pid_clear_refs(5): 5 resets the peak
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, "5");
  }

  /** Asks a program of ours. */
  async ask(question: string): Promise<unknown> {
    const ended = once(this.#child, "exit").then(() =>
      Promise.reject(new Error("the broker's process has ended")),
    );
    const answered = once(this.#child, "message");
    this.#child.send(question);
    const [answer] = await Promise.race([answered, ended]);
    ended.catch(() => undefined);
    return answer;
  }

  /** @throws what ended it, if it has ended before */
  async stop(): Promise<void> {
    if (this.#failed) throw this.#failed;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  #status(name: string): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  }
}

const MOSQUITTO = "/usr/sbin/mosquitto";

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
