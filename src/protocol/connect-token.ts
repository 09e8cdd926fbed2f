/**
 * The password of a CONNECT: a token signed by the device's key.
 *
 * `v1.<issued>.<expires>.<nonce>.<signature>`, numbers in decimal milliseconds, the rest in hexadecimal. The
 * username is the device's address and the client id is `address` + `-` + slot, both outside the token but inside
 * what it signs.
 */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import { isSignedByGuest } from "../kernels/signature.ts";
import type { Signer } from "./signer.ts";
import { type ConnectClaim, connectDigest, type Market } from "./typed-data.ts";

/**
 * In place of a token: lets a device without a clock in to ask the gateway's own broker for a challenge, and no further.
 */
export const CHALLENGE_PASSWORD = "challenge";

/** Longest life of a token, milliseconds. */
export const TOKEN_LIFE_MS = 600_000;

/** Signs a token for one connection. `nonce` is 32 random bytes, never used twice. */
export async function signConnectToken(market: Market, signer: Signer, claim: ConnectClaim): Promise<string> {
  const signature = await signer.sign(connectDigest(market, claim));
  return `v1.${claim.issued}.${claim.expires}.${claim.nonce.slice(2)}.${signature.slice(2)}`;
}

export type TokenRules = {
  readonly market: Market;
  readonly now: Instant;
  /** When this gateway started: older tokens may have been used before, and that memory is gone. */
  readonly boot: Instant;
};

/** Checks everything but replay, which needs memory. Returns the claim of a good token. */
export function checkConnectToken(
  token: string,
  username: string,
  clientId: string,
  rules: TokenRules,
): ConnectClaim | Refusal {
  const parts = /^v1\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{64})\.([0-9a-f]{130})$/.exec(token);
  if (!parts || !clientId.startsWith(`${username}-`)) return refuse("bad_token");
  const claim: ConnectClaim = {
    clientId,
    issued: Number(parts[1]),
    expires: Number(parts[2]),
    nonce: `0x${parts[3]}`,
  };
  if (claim.issued < rules.boot || claim.expires <= rules.now) return refuse("token_expired");
  if (claim.expires - claim.issued > TOKEN_LIFE_MS || claim.issued > rules.now + CLOCK_SKEW_MS) {
    return refuse("token_expired");
  }
  const digest = connectDigest(rules.market, claim);
  // by whoever asks to come in: most may be nobody that is enrolled
  return isSignedByGuest(username as Hex, digest, `0x${parts[4]}`) ? claim : refuse("bad_token");
}

/** How far a device's clock may run ahead of the gateway's, milliseconds. */
const CLOCK_SKEW_MS = 60_000;

/** The client id of a device's connection. A device may hold several, each with its own slot. */
export function clientIdOf(device: Hex, slot: string): string {
  return `${device}-${slot}`;
}
