/** Random texts that let somebody in, and the hashes that are all that is kept of them. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 random bits, 43 characters that can stand in an address, a header and a cookie. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * SHA-256, as hexadecimal digits. A slow hash would only help a secret that can be guessed, and nobody guesses 256 bits.
 */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret is the one of this hash; takes as long whichever it is. */
export function isSecretOf(hash: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(hash), Buffer.from(hashOf(secret)));
}

/** Whether two texts are the same; takes as long whichever they are. */
export function isSame(one: string, other: string): boolean {
  return isSecretOf(hashOf(one), other);
}
