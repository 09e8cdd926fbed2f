/** Whom connections are counted by: the network address that they come from. */

/**
 * The part of an origin that one party holds: an IPv4 address, the first 64 bits of an IPv6 address (what one
 * subscriber is given, RFC 6177), or the path of a serial line as it is.
 */
export function addressOf(origin: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(origin)?.[1];
  if (mapped !== undefined) return mapped;
  if (!/^[0-9a-f:]+(%.*)?$/i.test(origin) || !origin.includes(":")) return origin;
  const [head = "", tail = ""] = origin.replace(/%.*$/, "").split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const last = tail.split(":").filter((group) => group !== "");
  const zeros = origin.includes("::") ? Math.max(0, 8 - groups.length - last.length) : 0;
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...last];
  return `${all.slice(0, 4).join(":")}::/64`;
}
