/**
 * The gateway's own connection to a broker that is somebody else's: made again whenever it is lost, after a pause that
 * grows and is drawn at random, and bounded in both directions.
 *
 * Each connection has an MQTT client of its own. A client that reconnects by itself would send again what it had not
 * sent, to devices that have lost their session by then; the journal says everything again instead.
 */
import { Socket } from "node:net";
import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { FrameGuard, guardStream } from "./frame-guard.ts";

export type Account = { readonly username: string; readonly password: string };

export type LinkOptions = {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** 4 is MQTT 3.1.1. */
  readonly version: 4 | 5;
  readonly account: Account | null;
  /** PEM of the certificates to trust in place of the machine's. */
  readonly ca: string | null;
  /** A random one unless told. */
  readonly clientId?: string;
  /** What to subscribe to: topic filters and their QoS. */
  readonly filters: Readonly<Record<string, 0 | 1>>;
  /** Longest packet in bytes that the broker is asked to send; MQTT 3.1.1 has no way to ask. */
  readonly packetBytes: number;
  readonly clock: Clock;
};

export type LinkListener = {
  /** Subscribed: what others publish from here on is heard. */
  up(): void;
  /** The link that was up is no more. */
  down(): void;
  /** Why a try or a link ended. */
  failed(fault: Fault): void;
  /** The promise ends when the message is no longer kept; null where it is not. */
  heard(topic: string, payload: Uint8Array, isRetained: boolean): Promise<void> | null;
};

/** From opening the stream to the granted subscriptions. */
const CONNECT_MS = 10_000;
const BACK_OFF_FIRST_MS = 100;
const BACK_OFF_MOST_MS = 5_000;
/** Messages that may be under way inside the gateway, and their bytes; beyond it the link is not read. */
const UNDER_WAY = 4_096;
const UNDER_WAY_BYTES = 33_554_432;
/** Messages that may wait for the broker's PUBACK, and their bytes; beyond it the link is given up. */
const UNSENT = 65_536;
const UNSENT_BYTES = 67_108_864;
/** Messages sent and not acknowledged, unless the broker takes fewer: MQTT 5's Receive Maximum. */
const IN_FLIGHT = 1_000;
/** Longest packet that is read at all: MQTT.js keeps all of one. In MQTT 3.1.1 only the broker's settings bound them. */
const MOST_PACKET_BYTES = 1_048_576;
const KEEP_ALIVE_SECONDS = 15;
/** CONNACK's codes for a client that may not come in: MQTT 3.1.1 table 3.1, MQTT 5 table 3-1. */
const NOT_ALLOWED: readonly unknown[] = [2, 4, 5, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c];

export class ExternalLink {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #running: Promise<void> | null = null;
  /** The client of a link that is up, and what it has not got rid of. */
  #client: MqttClient | null = null;
  readonly #queue: { readonly topic: string; readonly bytes: Buffer }[] = [];
  /** How many at the front of the queue have been sent. */
  #sent: number = 0;
  #window: number = IN_FLIGHT;
  #inFlight = 0;
  #unsent = 0;
  #unsentBytes = 0;
  #underWay = 0;
  #underWayBytes = 0;
  /** Goes on reading where the link stopped. */
  #waiting: (() => void) | null = null;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /**
   * Connects, and keeps connecting until {@link close}. Resolves when the first try is over: a broker that cannot be
   * reached yet is waited for.
   *
   * @throws {@link Fault} `refused` when at that first try the broker lets us in with no right to our topics, or not at
   * all; no other try is made
   */
  start(): Promise<void> {
    this.#running ??= this.#run().catch((fault: unknown) => this.#first.reject(fault));
    return this.#first.promise;
  }

  get isUp(): boolean {
    return this.#client !== null;
  }

  /** Messages that the broker has not acknowledged, and their bytes. */
  get unsent(): number {
    return this.#unsent;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Sends a message if the link is up, QoS 1, in order. A link that has too much unsent is given up. */
  publish(topic: string, payload: string): void {
    const client = this.#client;
    if (!client) return;
    const bytes = Buffer.from(payload);
    if (this.#unsent >= UNSENT || this.#unsentBytes + bytes.length > UNSENT_BYTES) {
      this.#listener.failed(new Fault("link_lost", "the external broker does not take what it is sent"));
      client.stream.destroy();
      return;
    }
    this.#unsent++;
    this.#unsentBytes += bytes.length;
    this.#queue.push({ topic, bytes });
    this.#send(client);
  }

  #send(client: MqttClient): void {
    while (this.#inFlight < this.#window) {
      const next = this.#queue[this.#sent];
      if (!next) return;
      this.#sent++;
      this.#forgetSent();
      this.#inFlight++;
      client.publish(next.topic, next.bytes, { qos: 1 }, () => {
        if (client !== this.#client) return;
        this.#inFlight--;
        this.#unsent--;
        this.#unsentBytes -= next.bytes.length;
        this.#send(client);
      });
    }
  }

  /** In one go now and then: taking the first of a long array away costs its length. */
  #forgetSent(): void {
    if (this.#sent < IN_FLIGHT && this.#sent < this.#queue.length) return;
    this.#queue.splice(0, this.#sent);
    this.#sent = 0;
  }

  /** Ends the link, without a word to the listener, and makes no other. */
  async close(): Promise<void> {
    this.#closing.abort(new Fault("link_lost", "the gateway stops"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { clock } = this.#options;
    let hasTried: boolean = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { wasUp, fault } = await this.#live();
      if (signal.aborted) break;
      this.#listener.failed(fault);
      if (!hasTried && !wasUp && fault.code === "refused") {
        this.#first.reject(fault);
        return;
      }
      hasTried = true;
      this.#first.resolve();
      if (wasUp) attempt = 0;
      const most = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(attempt, 16));
      await clock.sleep(Math.random() * most, signal).catch(() => {});
    }
    this.#first.resolve();
  }

  /** One client from its CONNECT to its end; never rejects. */
  #live(): Promise<{ readonly wasUp: boolean; readonly fault: Fault }> {
    const { clock, url } = this.#options;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      let fault = new Fault("link_lost", `the link to ${url} closed`);
      const client = mqtt.connect(url, this.#clientOptions());
      const end = () => {
        cancel();
        signal.removeEventListener("abort", drop);
        client.off("close", end).off("connect", greet).end(true);
        const wasUp = this.#client === client;
        this.#reset(null);
        if (wasUp && !signal.aborted) this.#listener.down();
        resolve({ wasUp, fault });
      };
      const drop = () => {
        client.end(true);
        end();
      };
      const fail = (why: Fault) => {
        fault = why;
        drop();
      };
      const cancel = clock.after(CONNECT_MS, () =>
        fail(new Fault("link_lost", `${url} does not answer in time`)),
      );
      const greet = ({ properties }: IConnackPacket) => {
        this.#window = Math.min(IN_FLIGHT, properties?.receiveMaximum ?? IN_FLIGHT);
        if (client.stream instanceof Socket) client.stream.setNoDelay(true);
        this.#subscribe(client, fail, () => {
          cancel();
          this.#reset(client);
          this.#first.resolve();
          this.#listener.up();
        });
      };
      guardStream(client.stream, new FrameGuard(MOST_PACKET_BYTES), () =>
        fail(new Fault("link_lost", `${url} sends a packet above 1 MiB: bound the size of messages there`)),
      );
      client.handleMessage = (packet, done) => this.#read(client, packet, done);
      client.on("close", end).on("connect", greet);
      client.on("error", (cause: Error & { code?: unknown }) => {
        const code = NOT_ALLOWED.includes(cause.code) ? "refused" : "link_lost";
        fault = new Fault(code, `${url}: ${cause.message}`, { cause });
      });
      signal.addEventListener("abort", drop, { once: true });
      if (signal.aborted) drop();
    });
  }

  #clientOptions(): IClientOptions {
    const { version, account, ca, clientId, packetBytes } = this.#options;
    return {
      protocolVersion: version,
      clean: true,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: CONNECT_MS,
      wsOptions: { maxPayload: MOST_PACKET_BYTES },
      clientId: clientId ?? `hirewire-${crypto.randomUUID()}`,
      ...(account ?? {}),
      ...(ca === null ? {} : { ca }),
      ...(version === 5 ? { properties: { maximumPacketSize: packetBytes } } : {}),
    };
  }

  #subscribe(client: MqttClient, fail: (why: Fault) => void, granted: () => void): void {
    const { filters, version } = this.#options;
    // MQTT 5 can leave out what is retained, and our own words.
    const more = version === 5 ? { rh: 2, nl: true } : {};
    const map = Object.fromEntries(
      Object.entries(filters).map(([filter, qos]) => [filter, { qos, ...more }]),
    );
    client.subscribe(map, (error) => {
      // MQTT.js gives the SUBACK along when the broker has said no, and nothing when the link broke
      const code = error && "packet" in error ? "refused" : "link_lost";
      if (error) fail(new Fault(code, `no subscription to the devices' topics: ${error.message}`));
      else granted();
    });
  }

  #reset(client: MqttClient | null): void {
    this.#client = client;
    this.#queue.length = 0;
    this.#sent = 0;
    this.#inFlight = 0;
    this.#unsent = 0;
    this.#unsentBytes = 0;
    this.#waiting = null;
  }

  /** Takes one message; `done` sends its PUBACK and lets the next one in. */
  #read(client: MqttClient, packet: IPublishPacket, done: () => void): void {
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const pending = client.connected ? this.#listener.heard(packet.topic, payload, packet.retain) : null;
    if (pending === null) {
      done();
      return;
    }
    const free = () => {
      this.#underWay--;
      this.#underWayBytes -= payload.length;
      const next = this.#waiting;
      this.#waiting = null;
      next?.();
    };
    this.#underWay++;
    this.#underWayBytes += payload.length;
    pending.then(free, free);
    if (this.#underWay < UNDER_WAY && this.#underWayBytes < UNDER_WAY_BYTES) done();
    else this.#waiting = done;
  }
}
