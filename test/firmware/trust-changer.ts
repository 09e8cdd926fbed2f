/** Run as a process: adds eight modules to a trust file, one by one. Arguments: the file, a hexadecimal digit. */
import type { Hex } from "../../src/base/bytes.ts";
import { updateTrust } from "../../src/operator/firmware/trust-file.ts";

const [, , path = "", digit = ""] = process.argv;
for (let at = 0; at < 8; at++) {
  const hash: Hex = `0x${digit.repeat(63)}${at}`;
  await updateTrust(path, ({ firmware, ...rest }) => ({ ...rest, firmware: new Set([...firmware, hash]) }));
}
