/** Reads a connection file, which `hirewire device add` writes. */
import { readFile } from "node:fs/promises";
import { Fault } from "../../src/base/fault.ts";
import { type ConnectionFile, parseConnectionFile } from "../../src/protocol/connection-file.ts";

export {
  type ConnectionFile,
  isBrokerUrl,
  marketOf,
  parseConnectionFile,
} from "../../src/protocol/connection-file.ts";

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
