/** Where a broker listens, as settings name it. */
import { Fault } from "../base/fault.ts";

/**
 * Host and port of `"host:port"`; an IPv6 host with or without brackets.
 *
 * @throws {@link Fault} `config_syntax`
 */
export function listenAddress(listen: string): { host: string; port: number } {
  const [, host, digits] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw new Fault("config_syntax", `"${listen}" is not host:port`);
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
}
