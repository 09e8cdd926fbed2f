/** The connection file: all that a device needs to speak to one gateway. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { listenAddress } from "../../link/listen-address.ts";
import type { TopicName } from "../../protocol/topic.ts";
import type { Market } from "../../protocol/typed-data.ts";

/** Without `key` it is unfinished: the key is somewhere else, and whoever has it adds it. */
export type Connection = Market &
  TopicName & {
    readonly version: 1;
    /** `mqtt://host:port` */
    readonly broker: string;
    readonly name: string;
    /** The device's private key. */
    readonly key?: Hex;
  };

/** The file's text: indented JSON and a line feed. With `key` it is a secret: give its file mode 0600. */
export function connectionText(connection: Connection): string {
  return `${JSON.stringify(connection, null, 2)}\n`;
}

/**
 * Where a device finds the broker.
 *
 * @param typed - the value of `--broker`; without one, it follows from where the broker listens
 * @throws {@link Fault} `usage` when it is no `mqtt://host:port`, or does not follow
 */
export function brokerUrl(typed: string | undefined, listen: string): string {
  if (typed !== undefined) return checkedUrl(typed);
  const { host, port } = listenAddress(listen);
  const isAny = host === "0.0.0.0" || /^[0:]+$/.test(host);
  if (!isAny && port !== 0) return `mqtt://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const why = port === 0 ? "takes any free port" : "listens on every address of this machine";
  const example = `mqtt://${isAny ? (outerAddress() ?? "host") : host}:${port || 1883}`;
  throw new Fault("usage", `the broker ${why}: say where devices find it, such as --broker ${example}`);
}

/** True for a broker that only programs on the gateway's own machine can reach. */
export function isOwnMachine(broker: string): boolean {
  const host = URL.parse(broker)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function checkedUrl(broker: string): string {
  const url = URL.parse(broker);
  const isPlain = url !== null && ["", "/"].includes(url.pathname) && !url.username && !url.search;
  if (!isPlain || url.protocol !== "mqtt:" || url.hostname === "" || url.port === "0") {
    throw new Fault("usage", `--broker takes mqtt://host:port, not "${broker}"`);
  }
  return broker;
}

function outerAddress(): string | undefined {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return found.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
