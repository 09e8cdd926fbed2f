/**
 * Remembers the nonces of CONNECT tokens, so that no token opens two connections.
 *
 * Memory is bounded per device, so that a device can only wear out its own: beyond the bound the nonce that expires
 * first is forgotten, and tokens that expire no later than it did are taken for used.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { ConnectClaim } from "../../protocol/typed-data.ts";

type Used = {
  /** Nonce to expiry, milliseconds since 1970. */
  readonly nonces: Map<Hex, number>;
  /** The latest expiry among the forgotten nonces that had not expired. */
  forgotten: number;
};

export class NonceMemory {
  readonly #limit: number;
  readonly #devices = new Map<Hex, Used>();

  /** @param limit - nonces kept per device, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Uses up the nonce of a device's token. False when it is, or may be, used already. */
  use(device: Hex, claim: Pick<ConnectClaim, "nonce" | "expires">, now: Instant): boolean {
    const used = this.#devices.get(device) ?? { nonces: new Map<Hex, number>(), forgotten: 0 };
    this.#devices.set(device, used);
    for (const [nonce, expires] of used.nonces) if (expires <= now) used.nonces.delete(nonce);
    if (claim.expires <= used.forgotten || used.nonces.has(claim.nonce)) return false;
    used.nonces.set(claim.nonce, claim.expires);
    if (used.nonces.size > this.#limit) forgetFirst(used);
    return true;
  }
}

function forgetFirst(used: Used): void {
  const first = [...used.nonces].reduce((a, b) => (b[1] < a[1] ? b : a));
  used.nonces.delete(first[0]);
  used.forgotten = Math.max(used.forgotten, first[1]);
}
