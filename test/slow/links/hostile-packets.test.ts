import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { goodConnect, subscribePacket } from "../../link/broker/raw-client.ts";
import type { Device } from "../../link/broker/stand.ts";
import { type Random, randomFrom } from "../exchange/random.ts";
import { type Hub, makeDevices, startCompanion, startHub } from "./fleet.ts";
import { damaged, goodPackets, walk } from "./packets.ts";

const SEED = 0x6d717474;
const PACKETS = 100_000;
/** After these the memory has its size. */
const WARM_UP = 25_000;
const LANES = 24;
const MB = 2 ** 20;
/** The limits of the broker that a stream's end is computed from. */
const STRANGER_BYTES = 1_024;
const SESSION_BYTES = 70_000;
/** A SUBSCRIBE that shows by its answer that everything before it was taken. */
const MARK = 0xfffe;
/** No rate stands in the way of the corpus; what rates do is shown elsewhere. */
const UNTHROTTLED = {
  ...{ addressConnectRate: 1e6, addressConnectBurst: 1e6, deviceConnectRate: 1e6, deviceConnectBurst: 1e6 },
  ...{ addressMessageRate: 1e9, addressMessageBurst: 1e9, deviceMessageRate: 1e9, deviceMessageBurst: 1e9 },
};

/** What became of one connection, as its client saw it. */
type Fate = {
  readonly port: string;
  readonly endedByBroker: boolean;
  readonly saidGoodbye: boolean;
  readonly last: string;
};

/** Where packets come from until there are none left. */
type Source = { left: number; readonly next: () => Buffer };

/** Sends damaged packets over one connection after the other. */
class Lane {
  readonly #hub: Hub;
  readonly #device: Device;
  readonly #random: Random;
  readonly #source: Source;

  constructor(hub: Hub, device: Device, random: Random, connects: readonly Buffer[]) {
    this.#hub = hub;
    this.#device = device;
    this.#random = random;
    const topic = (last: string) => device.all.replace("+", last);
    const good = () => goodPackets(topic, connects, random);
    this.#source = { left: 0, next: () => damaged(good(), good(), random) };
  }

  /** Sends so many packets; tells what became of the connections that it took. */
  async send(count: number): Promise<Fate[]> {
    const fates: Fate[] = [];
    this.#source.left = count;
    while (this.#source.left > 0) fates.push(await this.#connection(this.#random.chance(0.2)));
    return fates;
  }

  async #connection(isStranger: boolean): Promise<Fate> {
    const socket = connect({ port: this.#hub.sidePort, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const port = String(socket.localPort);
    const marks = markReader(socket);
    const closed = new Promise<false>((resolve) => socket.once("close", () => resolve(false)));
    let saidGoodbye = false;
    let last = isStranger ? "stranger " : "session ";
    let isAlive = true;
    if (!isStranger) {
      socket.write(await goodConnect(this.#device, { clientId: this.#device.clientId() }));
    }
    while (isAlive && !saidGoodbye && this.#source.left > 0) {
      const stream = this.#batch(isStranger);
      saidGoodbye = stream.saysGoodbye;
      last += ` ${stream.bytes.toString("hex").slice(0, 400)}`;
      last = last.slice(-900);
      const marked = marks();
      this.#write(socket, stream.bytes);
      isAlive = await Promise.race([marked, closed]);
      if (this.#random.chance(0.02)) break;
    }
    const endedByBroker = !isAlive;
    if (this.#random.chance(0.5)) socket.end();
    else socket.resetAndDestroy();
    await closed;
    return { port, endedByBroker, saidGoodbye, last };
  }

  /** One or two packets, the last one filled up, and the mark. */
  #batch(isStranger: boolean): { bytes: Buffer; saysGoodbye: boolean } {
    const packets: Buffer[] = [];
    for (let count = this.#random.chance(0.3) ? 2 : 1; count > 0 && this.#source.left > 0; count--) {
      packets.push(this.#source.next());
      this.#source.left -= 1;
    }
    const stream = Buffer.concat(packets);
    const { missing, saysGoodbye } = walk(stream, isStranger ? STRANGER_BYTES : SESSION_BYTES);
    const rest = Buffer.alloc(Number.isFinite(missing) ? missing : 0);
    const mark = subscribePacket([this.#device.topic("ack")], MARK);
    return { bytes: Buffer.concat([stream, rest, mark]), saysGoodbye };
  }

  /** In one to three pieces. */
  #write(socket: Socket, bytes: Buffer): void {
    const cuts = [this.#random.below(bytes.length), this.#random.below(bytes.length)].toSorted(
      (a, b) => a - b,
    );
    const pieces = this.#random.chance(0.5) ? [0, bytes.length] : [0, ...cuts, bytes.length];
    for (let at = 1; at < pieces.length; at++) socket.write(bytes.subarray(pieces[at - 1], pieces[at]));
  }
}

/** Each call waits for the next answer to a mark. */
function markReader(socket: Socket): () => Promise<true> {
  let buffer: Buffer = Buffer.alloc(0);
  let heard: () => void = () => undefined;
  const answer = Buffer.of(0x90, 3, MARK >> 8, MARK & 255);
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    const at = buffer.indexOf(answer);
    if (at < 0) return;
    buffer = buffer.subarray(at + 5);
    heard();
  });
  return () =>
    new Promise((resolve) => {
      heard = () => resolve(true);
    });
}

/** A port's connections that ended otherwise than the broker counted; one that says goodbye may end either way. */
function miscounted(fates: readonly Fate[], endings: ReadonlyMap<string, readonly string[]>): string[] {
  const ports = Map.groupBy(fates, ({ port }) => port);
  return [...ports].flatMap(([port, all]) => {
    const counted = endings.get(port)?.length ?? 0;
    const most = all.filter(({ endedByBroker }) => endedByBroker).length;
    const least = all.filter(({ endedByBroker, saidGoodbye }) => endedByBroker && !saidGoodbye).length;
    if (counted >= least && counted <= most) return [];
    return `${least} to ${most} ended, counted ${endings.get(port)?.join() ?? "none"}: ${all.map(({ last }) => last).join(" | ")}`;
  });
}

describe("hostile corpus: 100,000 damaged MQTT packets", () => {
  it("crash nothing, leave no memory behind, disturb nobody, and every refusal is counted", async () => {
    const [honest, ...rest] = makeDevices(LANES + 1);
    const devices = rest;
    if (!honest) throw new Error("no device");
    const hub = await startHub([honest, ...devices], { limits: UNTHROTTLED });
    const companion = await startCompanion(hub, honest);
    const random = randomFrom(SEED);
    const lanes = await Promise.all(
      devices.map(async (device) => {
        const connects = [await goodConnect(device), await goodConnect(device, { password: "x" })];
        return new Lane(hub, device, randomFrom(random.below(2 ** 32)), connects);
      }),
    );
    const fates: Fate[] = [];
    const send = async (packets: number) => {
      const step = 500;
      for (let sent = 0; sent < packets; sent += step * LANES) {
        const each = Math.ceil(Math.min(step * LANES, packets - sent) / LANES);
        const came = (await Promise.all(lanes.map((lane) => lane.send(each)))).flat();
        fates.push(...came);
        const settled = await hub.until(({ sessions }) => sessions === 1);
        expect(settled.crashes).toEqual([]);
        expect(miscounted(came, await hub.endings())).toEqual([]);
      }
      return await hub.figures();
    };
    const warm = await send(WARM_UP);
    await companion.figures();
    const end = await send(PACKETS - WARM_UP);
    const { longest, trips, isConnected } = await companion.figures();
    const grown = { heap: end.heap - warm.heap, rss: end.rss - warm.rss };
    expect(fates.length).toBeGreaterThan(PACKETS / 5);
    expect(grown.heap).toBeLessThan(4 * MB);
    expect(grown.rss).toBeLessThan(48 * MB);
    expect({ isConnected, longest }).toMatchObject({ isConnected: true });
    expect(longest).toBeLessThan(1_000);
    expect(trips).toBeGreaterThan(100);
    expect(end.crashes).toEqual([]);
    expect(end.refused).toHaveProperty("bad_packet");
    expect(end.refused).toHaveProperty("too_large");
    expect(end.refused).toHaveProperty("wrong_topic");
  });
});
