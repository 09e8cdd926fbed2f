/** Where a broker listens, as settings name it. */
import { Fault } from "../base/fault.ts";
import { type ListenAt, SCHEMES } from "./broker/listener.ts";

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

/**
 * Scheme, host, port and path of `"mqtts://host:port"` or `"ws://host:port/path"`; `"host:port"` is plain MQTT.
 *
 * @throws {@link Fault} `config_syntax`
 */
export function listenUrl(listen: string): ListenAt {
  const [, name, rest = listen] = /^([a-z]+):\/\/(.*)$/.exec(listen) ?? [];
  const scheme = name === undefined ? "mqtt" : SCHEMES.find((one) => one === name);
  if (!scheme) throw new Fault("config_syntax", `"${listen}" does not begin with ${SCHEMES.join(", ")}`);
  const slash = rest.indexOf("/");
  const path = slash < 0 ? "" : rest.slice(slash);
  if (path !== "" && !scheme.startsWith("ws")) {
    throw new Fault("config_syntax", `"${listen}" has a path: only ws:// and wss:// have one`);
  }
  return { scheme, ...listenAddress(slash < 0 ? rest : rest.slice(0, slash)), ...(path && { path }) };
}
