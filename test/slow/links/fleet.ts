/** Starts a broker and honest devices as processes of their own, and talks to them and to strangers' sockets. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { goodConnect, rawClient } from "../../link/broker/raw-client.ts";
import { type Device, makeDevice, market } from "../../link/broker/stand.ts";
import type { CompanionFigures, CompanionOptions, HubFigures, HubOptions, Say } from "./orders.ts";

/** Connects like `connect`, from an address of its own: what one of them does, no limit holds against another. */
const COMPANION_ADDRESS = "127.0.0.99";

/** How long the hub may take to come to what a test waits for. */
const PATIENCE_MS = 30_000;

type Reply = { readonly id: number; readonly answer: unknown };

class Ward {
  readonly #child: ChildProcess;
  #asked = 0;

  constructor(file: string, options: object) {
    this.#child = fork(join(import.meta.dirname, file), [JSON.stringify(options)], {
      execArgv: ["--expose-gc"],
    });
    this.#child.setMaxListeners(0);
    onTestFinished(() => this.end());
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it says once it is up. */
  started(): Promise<unknown> {
    return this.#answer(0);
  }

  ask(ask: string, order: object = {}): Promise<unknown> {
    const id = ++this.#asked;
    const answer = this.#answer(id);
    this.#child.send({ id, ask, order });
    return answer;
  }

  async end(): Promise<void> {
    if (!this.isAlive) return;
    const exit = once(this.#child, "exit");
    this.#child.disconnect();
    await exit;
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const hear = (reply: unknown) => {
        const { id: of, answer } = reply as Reply;
        if (of !== id) return;
        this.#child.off("message", hear).off("exit", lost);
        resolve(answer);
      };
      const lost = (code: unknown) => reject(new Error(`the process ended with ${String(code)}`));
      this.#child.on("message", hear).once("exit", lost);
    });
  }
}

export type Hub = {
  readonly port: number;
  /** Where streams are attached whose origin is the port that they come from. */
  readonly sidePort: number;
  figures(): Promise<HubFigures>;
  /** Asks again and again until it is so; throws after {@link PATIENCE_MS}. */
  until(check: (figures: HubFigures) => boolean): Promise<HubFigures>;
  say(order: Say): Promise<HubFigures>;
  /** What ended the streams on the side port since the last question, by the ports that they came from. */
  endings(): Promise<ReadonlyMap<string, readonly string[]>>;
};

export async function startHub(
  devices: readonly Device[],
  options: Omit<HubOptions, "devices" | "market"> = {},
): Promise<Hub> {
  const known = devices.map(({ address, name }) => ({ address, name }));
  const ward = new Ward("hub.ts", { market, devices: known, ...options });
  const ports = (await ward.started()) as { port: number; sidePort: number };
  const figures = async () => (await ward.ask("figures")) as HubFigures;
  return {
    ...ports,
    figures,
    async until(check) {
      const end = performance.now() + PATIENCE_MS;
      for (;;) {
        const now = await figures();
        if (check(now)) return now;
        if (performance.now() > end) throw new Error(`not so far: ${JSON.stringify(now)}`);
      }
    },
    say: async (order) => (await ward.ask("say", order)) as HubFigures,
    endings: async () => new Map((await ward.ask("endings")) as [string, string[]][]),
  };
}

export type Companion = { figures(): Promise<CompanionFigures> };

/** An honest device that asks and is answered all the time. */
export async function startCompanion(hub: Hub, device: Device): Promise<Companion> {
  const clientId = device.clientId("companion");
  const password = await device.tokenFor(clientId);
  const login = { clientId, username: device.address, password, name: device.name };
  const options: CompanionOptions = { port: hub.port, from: COMPANION_ADDRESS, ...login };
  const ward = new Ward("companion.ts", options);
  await ward.started();
  return { figures: async () => (await ward.ask("figures")) as CompanionFigures };
}

/** Devices `first`, `first + 1`, ... of one maker. */
export function makeDevices(count: number, first = 1): Device[] {
  return Array.from({ length: count }, (_, at) =>
    makeDevice({ manufacturer: "acme", serialNumber: `r-${first + at}` }),
  );
}

/** A socket to the hub that has said nothing yet. */
export async function dialHub(port: number, from = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from, noDelay: true });
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** A raw client of a device, with its CONNECT accepted. */
export async function enter(port: number, device: Device, changes = {}, from = "127.0.0.1") {
  const client = rawClient(await dialHub(port, from));
  client.send(await goodConnect(device, changes));
  const connack = await client.next();
  expect(connack?.body[1], "return code").toBe(0);
  return client;
}
