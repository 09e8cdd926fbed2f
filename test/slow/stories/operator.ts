/** Somebody who runs a gateway and knows nothing but its command line: one process for each thing that is done. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type ConnectionFile, readConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { Program, type Said } from "../../stories/program.ts";
import type { Town } from "./town.ts";

/** What the operator knows of a device of its own. */
export type Owned = { readonly file: ConnectionFile; readonly path: string; readonly keyFile: string };

async function run(...args: readonly string[]): Promise<readonly Said[]> {
  const program = new Program(args);
  expect(await program.ended(), `hirewire ${args.join(" ")}: ${program.stderr}`).toBe(0);
  return program.said;
}

export class Operator {
  readonly data: string;
  readonly #town: Town;
  readonly #folder: string;
  readonly #config: string;
  readonly #gateway: Program;
  readonly #port: number;
  /** The account of the gateway's key. */
  readonly address: Hex;

  private constructor(town: Town, folder: string, gateway: Program, ready: Said) {
    this.#town = town;
    this.#folder = folder;
    this.#config = join(folder, "gateway.toml");
    this.data = join(folder, "data");
    this.#gateway = gateway;
    this.#port = Number(ready["port"]);
    this.address = ready["gateway"] as Hex;
  }

  /**
   * Deploys a vault, writes the settings around what that printed, and starts the gateway.
   *
   * @param more - tables of the settings
   */
  static async settle(town: Town, folder: string, confirmations: number, more = ""): Promise<Operator> {
    mkdirSync(folder, { recursive: true });
    const { wallet, url, token } = town;
    const deployed = await run("deploy", "--rpc", url, "--from", wallet.keyFile, "--token", token);
    const chain = deployed.map(({ text }) => text).join("\n");
    const settings = `version = 1
name = "barn-pi"

${chain}
confirmations = ${confirmations}
poll_ms = 500

[settlement]
lane_deposit = "0.00"

[operator]
listen = ""
${more}`;
    const config = join(folder, "gateway.toml");
    writeFileSync(config, settings);
    const gateway = new Program(["run", "--config", config, "--listen", "127.0.0.1:0", "--json"]);
    const failed = gateway.ended().then(() => {
      throw new Error(`the gateway ended: ${gateway.stderr}`);
    });
    const ready = await Promise.race([gateway.heard(({ kind }) => kind === "ready"), failed]);
    return new Operator(town, folder, gateway, ready);
  }

  /** Every fact that the gateway has told so far. */
  get facts(): readonly Said[] {
    return this.#gateway.said.filter(({ kind }) => kind === "facts").flatMap(({ facts }) => facts as Said[]);
  }

  get faults(): readonly Said[] {
    return this.#gateway.said.filter(({ kind }) => kind === "fault");
  }

  /** The first fact, told or still to come, that fits. */
  async fact(fits: (fact: Said) => boolean): Promise<Said> {
    const line = await this.#gateway.heard(
      ({ kind, facts }) => kind === "facts" && (facts as Said[]).some(fits),
    );
    const found = (line["facts"] as Said[]).find(fits);
    if (!found) throw new Error("a line without what it was found by");
    return found;
  }

  /** Runs one command to its end, which must be a good one; what it printed. */
  hirewire(...args: readonly string[]): Promise<readonly Said[]> {
    return run(...args, "--config", this.#config);
  }

  /** Has every hash and signature of the journal looked at. */
  async verify(): Promise<void> {
    await run("log", "verify", "--data", this.data);
  }

  /** Enrols a device; its connection file, and its key in a file of its own. */
  async enrol(name: string): Promise<Owned> {
    const path = join(this.#folder, `${name}.connection.json`);
    const keyFile = join(this.#folder, `${name}.key`);
    await this.hirewire("device", "add", name, "--broker", `mqtt://127.0.0.1:${this.#port}`, "--out", path);
    const file = await readConnectionFile(path);
    writeFileSync(keyFile, `${file.key}\n`, { mode: 0o600 });
    return { file, path, keyFile };
  }

  async fund(name: string, sum: string): Promise<void> {
    await this.hirewire("fund", name, sum, "--from", this.#town.wallet.keyFile);
  }

  /** Takes all that a device has in the vault out to an address; the wallet pays the gas. */
  async withdrawOf(name: string, { keyFile }: Owned, to: Hex): Promise<void> {
    const whose = ["--device", name, "--key", keyFile, "--relay-key", this.#town.wallet.keyFile];
    await this.hirewire("withdraw", "all", "--to", to, ...whose);
  }

  async stop(): Promise<void> {
    this.#gateway.process.kill("SIGTERM");
    await this.#gateway.ended();
  }
}
