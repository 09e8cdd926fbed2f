/** Which signatures of one group of commands hold: no signature is checked twice. */
import type { Hex } from "../base/bytes.ts";
import { recoverAddress } from "../kernels/signature.ts";
import { type Voucher, voucherDigest } from "../protocol/voucher.ts";

/** Whether an account signed a digest. */
export type SignerCheck = { readonly by: Hex; readonly digest: Hex; readonly signature: Hex };

/** Answers many at once, in their order. */
export type CheckSigners = (checks: readonly SignerCheck[]) => Promise<readonly boolean[]>;

/** Checks them here and now, one by one. */
export const checkInline: CheckSigners = (checks) => Promise.resolve(checks.map(holds));

function holds({ by, digest, signature }: SignerCheck): boolean {
  return recoverAddress(digest, signature) === by;
}

export class Signers {
  readonly #known = new Map<string, boolean>();
  #unforeseen = 0;

  /** Signatures that had to be checked one by one. */
  get unforeseen(): number {
    return this.#unforeseen;
  }

  /** Has these checked in one call; what is asked beyond them is checked when it is asked. */
  async foresee(checks: readonly SignerCheck[], checkSigners: CheckSigners): Promise<void> {
    const verdicts = await checkSigners(checks);
    for (const [at, check] of checks.entries()) this.#known.set(nameOf(check), verdicts[at] === true);
  }

  isSigner(check: SignerCheck): boolean {
    const name = nameOf(check);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#unforeseen++;
    const verdict = holds(check);
    this.#known.set(name, verdict);
    return verdict;
  }

  /** Whether an account signed a voucher. */
  readonly isPayer = (voucher: Voucher, payer: Hex): boolean => this.isSigner(voucherCheck(voucher, payer));
}

/** The question whether an account signed a voucher. */
export function voucherCheck(voucher: Voucher, payer: Hex): SignerCheck {
  return { by: payer, digest: voucherDigest(voucher), signature: voucher.signature };
}

function nameOf({ by, digest, signature }: SignerCheck): string {
  return by + digest + signature;
}
