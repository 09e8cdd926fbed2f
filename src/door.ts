/** Where devices come in: the embedded broker's listeners, a broker elsewhere, and serial lines, as one broker. */
import type { Clock, Instant } from "./base/clock.ts";
import { Fault } from "./base/fault.ts";
import { brokerLimitsOf, type Config } from "./config.ts";
import type { Broker, BrokerCallbacks } from "./link/broker/broker.ts";
import { startEmbeddedBroker } from "./link/broker/embedded-broker.ts";
import { startExternalBroker } from "./link/broker/external-broker.ts";
import { joinBrokers } from "./link/broker/joined-broker.ts";
import { BROKER_LIMITS } from "./link/broker/limits.ts";
import type { Certificate, ListenAt } from "./link/broker/listener.ts";
import { NonceMemory } from "./link/broker/nonce-memory.ts";
import { listenUrl } from "./link/listen-address.ts";
import { type LineReport, SerialLines } from "./link/serial/lines.ts";
import type { Market } from "./protocol/typed-data.ts";

export type DoorOptions = {
  readonly config: Config;
  readonly market: Market;
  readonly clock: Clock;
  /** When the gateway started. */
  readonly boot: Instant;
  readonly callbacks: BrokerCallbacks;
  /** The text of a file that is nobody else's: a certificate's key, a password. */
  readonly readSecret: (path: string) => string;
  readonly onFault: (fault: unknown) => void;
  /** Where the kernel lists serial devices: /sys/class/tty by default. */
  readonly ttyFolder?: string;
};

export type Door = {
  readonly broker: Broker;
  /** The serial lines: those that `[[serial]]` names, and those that its patterns have found. */
  readonly lines: readonly LineReport[];
  /** Closes lines and ports, and ends every session. */
  close(): Promise<void>;
};

/**
 * Opens everything that `[broker]` and `[[serial]]` name.
 *
 * @throws {@link Fault} `port_busy`; `config_syntax` about a listener or its certificate; `key_file` when a file cannot
 * be read; `refused` when the external broker does not take our account
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { config, market, clock, boot, callbacks, onFault } = options;
  const limits = { ...BROKER_LIMITS, ...brokerLimitsOf(config) };
  // One memory: a token that was said to one broker opens nothing at the other.
  const nonces = new NonceMemory(limits.noncesPerDevice);
  const common = { market, clock, boot, callbacks, nonces, limits };
  const embedded = await startEmbeddedBroker({ ...common, listen: listenersOf(options) });
  try {
    const broker = joinBrokers(embedded, ...(await externalOf(options, common)));
    const lines = new SerialLines({
      ...{ entries: config.serial, clock, ttyFolder: options.ttyFolder, onFault },
      onSession: (stream, path) => broker.attach(stream, path),
    });
    return {
      broker,
      get lines() {
        return lines.reports;
      },
      close: async () => {
        await lines.close();
        await broker.stop();
      },
    };
  } catch (fault) {
    await embedded.stop();
    throw fault;
  }
}

function listenersOf({ config, readSecret }: DoorOptions): ListenAt[] {
  const { listen, certificate, certificate_key: key } = config.broker;
  const listeners = listen.map(listenUrl);
  const needy = listeners.find(({ scheme }) => scheme === "mqtts" || scheme === "wss");
  if (!needy) return listeners;
  if (certificate === "" || key === "") {
    const missing = certificate === "" ? "certificate" : "certificate_key";
    throw new Fault("config_syntax", `${needy.scheme}:// needs broker.${missing}: name its PEM file`);
  }
  const tls: Certificate = { cert: readSecret(certificate), key: readSecret(key) };
  return listeners.map((at) => ({ ...at, tls }));
}

async function externalOf(
  { config, readSecret, onFault }: DoorOptions,
  common: Pick<
    Parameters<typeof startExternalBroker>[0],
    "market" | "clock" | "boot" | "callbacks" | "nonces"
  >,
): Promise<Broker[]> {
  const { external } = config.broker;
  if (!external) return [];
  const { url, version, username, password_file: file, ca } = external;
  const password = file === "" ? "" : readSecret(file).replace(/\r?\n$/, "");
  const broker = await startExternalBroker({
    ...common,
    url,
    version: version === "5" ? 5 : 4,
    account: username === "" ? null : { username, password },
    ca: ca === "" ? null : authorityOf(readSecret(ca), ca),
    onFault,
  });
  return [broker];
}

/** TLS would pass over a text without certificates, and then trust nobody. */
function authorityOf(text: string, file: string): string {
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Fault("config_syntax", `broker.external.ca: ${file} is no PEM file of certificates`);
}
