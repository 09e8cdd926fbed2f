/** The connection file: all that a device needs to speak to one gateway. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { listenUrl } from "../../link/listen-address.ts";
import { isBrokerUrl } from "../../protocol/connection-file.ts";
import type { TopicName } from "../../protocol/topic.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { readText } from "../money/text-file.ts";
import type { Settings } from "../settings.ts";

/** Without `key` it is unfinished: the key is somewhere else, and whoever has it adds it. */
export type Connection = Market &
  TopicName & {
    readonly version: 1;
    /** `mqtt://host:port`, or `mqtts`, `ws`, `wss`. */
    readonly broker: string;
    /** PEM of the certificates that the broker's one must come from. */
    readonly ca?: string;
    /** Of an external broker; empty texts where that wants none. The device then logs in by message. */
    readonly account?: { readonly username: string; readonly password: string };
    readonly name: string;
    /** The device's private key. */
    readonly key?: Hex;
  };

/** The file's text: indented JSON and a line feed. With `key` it is a secret: give its file mode 0600. */
export function connectionText(connection: Connection): string {
  return `${JSON.stringify(connection, null, 2)}\n`;
}

/** What a command takes that writes a connection file. */
export const BROKER_OPTIONS = {
  broker: { type: "string" },
  ca: { type: "string" },
  "broker-user": { type: "string" },
  "broker-password-file": { type: "string" },
} as const satisfies ParseArgsConfig["options"];

type BrokerValues = { readonly [O in keyof typeof BROKER_OPTIONS]?: string | undefined };

/**
 * Where a device finds the broker, and what that asks of it: the external broker unless told, or else the first that
 * this gateway listens on.
 *
 * @throws {@link Fault} `usage` when the URL is none or does not follow, or the account is half given; `file_format` when
 * a file cannot be read or holds no certificate
 */
export function brokerOf(
  values: BrokerValues,
  settings: Settings["broker"],
): Pick<Connection, "broker" | "ca" | "account"> {
  const broker = brokerUrl(values.broker, settings);
  const { external } = settings;
  const isExternal = external !== undefined && external.url === broker;
  const caFile = values.ca ?? (isExternal && external.ca !== "" ? external.ca : undefined);
  const account = accountOf(values) ?? (isExternal ? NO_ACCOUNT : undefined);
  return {
    broker,
    ...(caFile === undefined ? {} : { ca: certificates(caFile) }),
    ...(account === undefined ? {} : { account }),
  };
}

const NO_ACCOUNT = { username: "", password: "" };

function accountOf(values: BrokerValues): Connection["account"] {
  const { "broker-user": username, "broker-password-file": file } = values;
  if (username === undefined && file === undefined) return undefined;
  if (username === undefined || file === undefined) {
    throw new Fault("usage", "--broker-user and --broker-password-file belong together");
  }
  return { username, password: readText(file).replace(/\r?\n$/, "") };
}

function certificates(file: string): string {
  const text = readText(file);
  if (text.includes("-----BEGIN CERTIFICATE-----") && !text.includes("PRIVATE KEY-----")) return text;
  throw new Fault("file_format", `${file} is no PEM file of certificates alone`);
}

function brokerUrl(typed: string | undefined, { listen, external }: Settings["broker"]): string {
  if (typed !== undefined) return checkedUrl(typed);
  if (external) return external.url;
  const [first] = listen;
  if (first === undefined)
    throw new Fault("usage", "the gateway listens nowhere: say where devices find it with --broker URL");
  const { scheme, host, port, path = "" } = listenUrl(first);
  const isAny = host === "0.0.0.0" || /^[0:]+$/.test(host);
  if (!isAny && port !== 0) return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}${path}`;
  const why = port === 0 ? "takes any free port" : "listens on every address of this machine";
  const example = `${scheme}://${isAny ? (outerAddress() ?? "host") : host}:${port || 1883}${path}`;
  throw new Fault("usage", `the broker ${why}: say where devices find it, such as --broker ${example}`);
}

/** True for a broker that only programs on the gateway's own machine can reach. */
export function isOwnMachine(broker: string): boolean {
  const host = URL.parse(broker)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function checkedUrl(broker: string): string {
  if (isBrokerUrl(broker)) return broker;
  throw new Fault("usage", `--broker takes mqtt://host:port, or mqtts, ws or wss, not "${broker}"`);
}

function outerAddress(): string | undefined {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return found.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
