/** The lives of one gateway: a process that is started, asked to end, killed, and started again on the same port. */
import { readFileSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import { Program, type Said } from "../../stories/program.ts";

/** What the image and the unit give it, for a small machine. */
const AS_DEPLOYED = {
  NODE_OPTIONS: "--max-semi-space-size=1 --v8-pool-size=1",
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_MMAP_THRESHOLD_: "65536",
};

/** How a life ended by itself: its exit code, and what it said. */
type End = { readonly code: number | null; readonly why: string };

export class Lives {
  readonly #config: string;
  readonly #died = Promise.withResolvers<never>();
  #gateway: Program;
  #port = 0;
  /** Whether it may end now. */
  #mayEnd: boolean = false;
  /** How many there were. */
  count = 0;
  /** How often the operator was told what, in all lives. */
  readonly faults = new Map<string, number>();

  private constructor(config: string) {
    this.#config = config;
    this.#gateway = this.#spawn();
    // whoever waits for something else is told by it
    this.#died.promise.catch(() => undefined);
  }

  static async begin(config: string): Promise<Lives> {
    const lives = new Lives(config);
    await lives.#ready();
    return lives;
  }

  get port(): number {
    return this.#port;
  }

  /** Rejects when it ends by itself. */
  get died(): Promise<never> {
    return this.#died.promise;
  }

  /** MiB of memory that it has. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.#gateway.process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
  }

  /** Begins the next one. */
  async begin(): Promise<void> {
    this.#mayEnd = false;
    this.#gateway = this.#spawn();
    await this.#ready();
  }

  /** Begins one that does not come to be ready. */
  async fail(): Promise<End> {
    this.#mayEnd = true;
    this.#gateway = this.#spawn();
    return await this.#end();
  }

  /** Waits for this one's end, and kills it when it has not come after `ms`: null then. */
  async endBy(ms: number): Promise<End | null> {
    this.#mayEnd = true;
    const end = await Promise.race([this.#end(), systemClock.sleep(ms)]);
    if (end) return end;
    await this.end("SIGKILL");
    return null;
  }

  /** Ends it: `SIGTERM` as an operator does, `SIGKILL` as a power cut does. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#mayEnd = true;
    this.#gateway.process.kill(signal);
    await this.#gateway.ended();
  }

  /** Resolves when this life writes a fact that fits. */
  wrote(fits: (fact: Said) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gateway.listen(({ kind, facts }) => {
      if (kind === "facts" && (facts as Said[]).some(fits)) resolve();
    });
    return promise;
  }

  async #end(): Promise<End> {
    const gateway = this.#gateway;
    return { code: await gateway.ended(), why: gateway.stderr };
  }

  async #ready(): Promise<void> {
    const gateway = this.#gateway;
    const ready = await Promise.race([gateway.heard(({ kind }) => kind === "ready"), this.died]);
    this.#port = Number(ready["port"]);
  }

  #spawn(): Program {
    this.count += 1;
    const listen = ["--listen", `127.0.0.1:${this.#port}`];
    const gateway = new Program(["run", "--json", ...listen, "--config", this.#config], AS_DEPLOYED);
    gateway.listen(({ kind, code }) => {
      if (kind === "fault") this.faults.set(String(code), (this.faults.get(String(code)) ?? 0) + 1);
      // nobody reads records again, and there are many
      if (kind === "facts") gateway.said.length = 0;
    });
    void gateway.ended().then((code) => {
      if (this.#mayEnd) return;
      this.#died.reject(
        new Error(
          `the gateway ended by itself with ${code ?? gateway.process.signalCode}: ${gateway.stderr}`,
        ),
      );
    });
    return gateway;
  }
}
