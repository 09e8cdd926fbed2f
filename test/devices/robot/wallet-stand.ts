/** A wallet's two sides, and the vouchers that each gives the other. */
import { amount, ZERO } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Terms } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";

export const signer = keySigner(randomKey());
export const gateway = keySigner(randomKey());
export const market: Market = {
  ...{ gateway: gateway.address, chainId: 1 },
  ...{ vault: `0x${"aa".repeat(20)}`, token: `0x${"bb".repeat(20)}` },
};
export const lane = (more: Partial<Terms["lane"]> = {}): Terms["lane"] => ({
  ...{ epoch: 3, deposit: amount(10_000n), signed: ZERO, voucher: null, settled: ZERO, closeAt: 0 },
  ...{ credit: ZERO, held: ZERO, owed: ZERO },
  ...more,
});
/** A voucher to the gateway, as it shows it at login. */
export const proof = async (cumulative: bigint, more: Partial<Voucher> = {}, by = signer) => {
  const { signature: given, ...named } = more;
  const voucher = {
    ...{ chainId: market.chainId, vault: market.vault, payee: gateway.address, token: market.token },
    ...{ epoch: 3, cumulative: amount(cumulative), ...named },
  };
  return { ...voucher, signature: given ?? (await by.sign(voucherDigest(voucher))) };
};
export const paid = async (cumulative: bigint, epoch = 0, by = gateway) => {
  const { chainId, vault, token } = market;
  const voucher = { chainId, vault, payee: signer.address, token, epoch, cumulative: amount(cumulative) };
  return { ...voucher, signature: await by.sign(voucherDigest(voucher)) };
};
