/**
 * Vouchers that devices or gateways publish on some MQTT broker.
 *
 * Whoever may publish there is a stranger, and needs to be no more: a voucher speaks for itself. Publish with `retain`,
 * so that a watchtower that was away finds the newest one.
 */
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { parseJson } from "../../protocol/message.ts";
import type { Offered, VoucherShelf } from "../../settlement/voucher-shelf.ts";
import type { VoucherSource } from "../../settlement/watchtower.ts";
import { vouchersIn } from "./voucher-text.ts";

/** Bytes of a payload: a `payment` message with room to spare. */
const LARGEST = 8_192;
/** Vouchers that wait for the disk; what comes beyond is lost, and counted. */
const MOST_WAITING = 1_024;
/** How long they wait for company, milliseconds. */
const GATHER_MS = 100;
const RECONNECT_MS = 5_000;

export type MqttSourceOptions = {
  /** `mqtt://user:password@host:port/topic` or `mqtts://…`; the topic may have `+` and `#`. */
  readonly url: string;
  readonly shelf: VoucherShelf;
  readonly clock: Clock;
  readonly onFault: (fault: unknown) => void;
};

export class MqttSource implements VoucherSource {
  readonly #options: MqttSourceOptions;
  readonly #client: MqttClient;
  readonly #name: string;
  #waiting: Offered[] = [];
  #isGathering: boolean = false;
  #isSubscribed: boolean = false;
  #trouble = "it has not answered yet";
  #malformed = 0;

  /**
   * Connects, and keeps connecting until {@link close}.
   *
   * @throws {@link Fault} `usage` when the URL is none, or names no topic
   */
  constructor(options: MqttSourceOptions) {
    const { topic, ...broker } = brokerOf(options.url);
    this.#options = options;
    this.#name = `the MQTT broker ${broker.host}:${broker.port}`;
    const client = connect({
      ...broker,
      reconnectPeriod: RECONNECT_MS,
      resubscribe: false,
      protocolVersion: 4,
    });
    client.on("connect", () => {
      client.subscribe(topic, { qos: 1 }, (error, granted) => {
        this.#isSubscribed = !error && (granted ?? []).every(({ qos }) => qos !== 128);
        this.#trouble = "it refuses the subscription";
      });
    });
    client.on("close", () => {
      this.#isSubscribed = false;
    });
    client.on("error", (error) => {
      this.#trouble = error.message;
    });
    client.on("message", (_, payload) => this.#take(payload));
    this.#client = client;
  }

  /** Messages that held no voucher, or came too fast. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Puts what has come on the shelf. @throws {@link Fault} `link_lost` while there is no subscription; `disk_failed` */
  read(): Promise<void> {
    return Promise.try(() => {
      this.#shelve();
      if (!this.#isSubscribed)
        throw new Fault("link_lost", `no vouchers from ${this.#name}: ${this.#trouble}`);
    });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #take(payload: Uint8Array): void {
    const { vouchers } = vouchersIn(payload.length > LARGEST ? undefined : parseJson(payload));
    if (vouchers.length === 0 || this.#waiting.length + vouchers.length > MOST_WAITING) {
      this.#malformed += 1;
      return;
    }
    this.#waiting.push(...vouchers.map((voucher) => ({ voucher })));
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#options.clock.after(GATHER_MS, () => {
      this.#isGathering = false;
      try {
        this.#shelve();
      } catch (fault) {
        this.#options.onFault(fault);
      }
    });
  }

  #shelve(): void {
    if (this.#waiting.length === 0) return;
    this.#options.shelf.offer(this.#waiting, { own: false });
    this.#waiting = [];
  }
}

type Broker = Pick<IClientOptions, "username" | "password"> & {
  readonly protocol: "mqtt" | "mqtts";
  readonly host: string;
  readonly port: number;
  readonly topic: string;
};

function brokerOf(text: string): Broker {
  const url = URL.canParse(text) ? new URL(text) : null;
  const protocol = url?.protocol === "mqtt:" ? "mqtt" : "mqtts";
  // a filter that ends with # is, to a URL, a path with an empty fragment
  const topic = url ? decodeURIComponent(url.pathname.slice(1)) + (text.endsWith("#") ? "#" : "") : "";
  if (!url || !["mqtt:", "mqtts:"].includes(url.protocol) || url.hostname === "" || topic === "") {
    throw new Fault("usage", "--mqtt takes mqtt://user:password@host:port/topic");
  }
  const login = {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
  };
  const port = Number(url.port) || (protocol === "mqtt" ? 1_883 : 8_883);
  return { protocol, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, topic, ...login };
}
