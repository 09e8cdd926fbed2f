/** What `hirewire device add` prints: all that a device needs to speak to one gateway, its key included. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { fromHex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { addressOfKey } from "../../src/kernels/signature.ts";
import { address, hash32, topicLevel } from "../../src/protocol/scalar.ts";
import type { Market } from "../../src/protocol/typed-data.ts";

export const connectionFileSchema = z.strictObject({
  version: z.literal(1),
  /** `mqtt://host:port`; a supplied stream takes its place. */
  broker: z.string().refine((text) => brokerAddress(text) !== null, "expected mqtt://host:port"),
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

export type ConnectionFile = z.output<typeof connectionFileSchema>;

/**
 * Reads and checks a connection file.
 *
 * @throws {@link Fault} `key_file` when it cannot be read or its key is no private key, `file_format` when it is
 * not such a file
 */
export async function readConnectionFile(path: string): Promise<ConnectionFile> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new Fault("key_file", `cannot read the connection file ${path}`, { cause });
  });
  return parseConnectionFile(text);
}

/**
 * The connection file in this JSON text.
 *
 * @throws {@link Fault} as {@link readConnectionFile}
 */
export function parseConnectionFile(text: string): ConnectionFile {
  const parsed = connectionFileSchema.safeDecode(parseJson(text) as never);
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

/** Host and port of `mqtt://host:port` (1883 when it has none), or null for any other text. */
export function brokerAddress(broker: string): { host: string; port: number } | null {
  const url = URL.parse(broker);
  if (url?.protocol !== "mqtt:" || url.hostname === "") return null;
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 1883 : Number(url.port) };
}
