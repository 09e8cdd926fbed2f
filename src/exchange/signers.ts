/** Which signatures of one group of commands hold: no signature is checked twice. */
import type { Hex } from "../base/bytes.ts";
import { isSignedBy } from "../kernels/signature.ts";
import type { SignatureCheck } from "../kernels/signature-group.ts";
import { type Manifest, manifestDigest } from "../protocol/manifest.ts";
import { type Voucher, voucherDigest } from "../protocol/voucher.ts";

/** Answers many at once, in their order. */
export type CheckSigners = (checks: readonly SignatureCheck[]) => Promise<readonly boolean[]>;

export class Signers {
  readonly #known = new Map<string, boolean>();
  #unforeseen = 0;

  /** Signatures that had to be checked one by one. */
  get unforeseen(): number {
    return this.#unforeseen;
  }

  /** Has these checked in one call; what is asked beyond them is checked when it is asked. */
  async foresee(checks: readonly SignatureCheck[], checkSigners: CheckSigners): Promise<void> {
    if (checks.length === 0) return;
    const verdicts = await checkSigners(checks);
    for (const [at, check] of checks.entries()) this.#known.set(nameOf(check), verdicts[at] === true);
  }

  isSigner(check: SignatureCheck): boolean {
    const name = nameOf(check);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#unforeseen++;
    const holds = isSignedBy(check.by, check.digest, check.signature);
    this.#known.set(name, holds);
    return holds;
  }

  /** Whether an account signed a voucher. */
  readonly isPayer = (voucher: Voucher, payer: Hex): boolean => this.isSigner(voucherCheck(voucher, payer));

  /** Whether its author signed a manifest. */
  readonly isAuthor = (manifest: Manifest): boolean => this.isSigner(manifestCheck(manifest));
}

/** The question whether an account signed a voucher. */
export function voucherCheck(voucher: Voucher, payer: Hex): SignatureCheck {
  return { by: payer, digest: voucherDigest(voucher), signature: voucher.signature };
}

/** The question whether its author signed a manifest. */
export function manifestCheck(manifest: Manifest): SignatureCheck {
  return { by: manifest.author, digest: manifestDigest(manifest), signature: manifest.signature };
}

function nameOf({ by, digest, signature }: SignatureCheck): string {
  return by + digest + signature;
}
