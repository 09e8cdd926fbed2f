/** Who signed what, for one group of commands: no signature is recovered twice. */
import type { Hex } from "../base/bytes.ts";
import { recoverAddress } from "../kernels/signature.ts";
import { type Voucher, voucherDigest } from "../protocol/voucher.ts";

export class Signers {
  readonly #known = new Map<string, Hex | null>();

  /** Signatures recovered so far. */
  get checks(): number {
    return this.#known.size;
  }

  /** The account that signed a digest, or null when nobody can have. */
  signerOf(digest: Hex, signature: Hex): Hex | null {
    const key = digest + signature;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const signer = recoverAddress(digest, signature);
    this.#known.set(key, signer);
    return signer;
  }

  /** The account that signed a voucher, or null when nobody can have. */
  readonly payerOf = (voucher: Voucher): Hex | null =>
    this.signerOf(voucherDigest(voucher), voucher.signature);
}
