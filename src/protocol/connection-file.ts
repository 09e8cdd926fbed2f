/** The connection file, which `hirewire device add` prints: all that a device needs to speak to one gateway, its key included. */
import { z } from "zod";
import { fromHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { addressOfKey } from "../kernels/signature.ts";
import { address, hash32, topicLevel } from "./scalar.ts";
import type { Market } from "./typed-data.ts";

const schema = z.strictObject({
  version: z.literal(1),
  /** `mqtt://host:port`, or `mqtts`, `ws` or `wss`; a supplied stream takes its place. */
  broker: z.string().refine(isBrokerUrl, "expected mqtt://host:port"),
  /** PEM of the certificates that the broker's one must come from, where it is not a public one. */
  ca: z.string().max(65_536).optional(),
  /** Of an external broker, which knows nothing of our tokens: the device then logs in by message. */
  account: z.strictObject({ username: z.string().max(256), password: z.string().max(256) }).optional(),
  manufacturer: topicLevel,
  serialNumber: topicLevel,
  name: z.string().max(64),
  /** The device's secp256k1 private key. */
  key: hash32,
  gateway: address,
  chainId: z.number().int().min(1),
  vault: address,
  token: address,
});

export type ConnectionFile = z.output<typeof schema>;

/**
 * The connection file in this JSON text.
 *
 * @throws {@link Fault} `file_format` when it is not such a file, `key_file` when its key is no private key
 */
export function parseConnectionFile(text: string): ConnectionFile {
  const parsed = schema.safeDecode(parseJson(text) as never);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join(".") || issue.code).join(", ");
    throw new Fault("file_format", `the connection file is not right at: ${where}`);
  }
  addressOfKey(fromHex(parsed.data.key));
  return parsed.data;
}

/** The value, or undefined: the parser's own error quotes the text, and the text holds a key. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the device's signatures are bound to. */
export function marketOf(file: ConnectionFile): Market {
  const { gateway, chainId, vault, token } = file;
  return { gateway, chainId, vault, token };
}

/** What a broker's address may begin with. */
const BROKER_PROTOCOLS: readonly string[] = ["mqtt:", "mqtts:", "ws:", "wss:"];

/**
 * Whether a text says where a broker is: scheme, host, a port unless it is the scheme's own, and a path for a WebSocket.
 * Names and passwords have no place in it.
 */
export function isBrokerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !BROKER_PROTOCOLS.includes(url.protocol) || url.hostname === "" || url.port === "0")
    return false;
  const hasPath = !["", "/"].includes(url.pathname);
  if (hasPath && url.protocol.startsWith("mqtt")) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}
