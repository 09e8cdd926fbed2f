/** Every call that a vault takes, as both the model and the chain are given it. */
import type { Address, Signature } from "./cells.ts";

/** A lane; times in unix seconds, 0 while open. */
export interface Lane {
  readonly settled: bigint;
  readonly deposit: bigint;
  readonly closeAt: bigint;
  readonly window: bigint;
  readonly epoch: bigint;
}

/** The terms that end every relayed order. */
export interface Order {
  readonly deadline: bigint;
  readonly nonce: bigint;
  readonly fee: bigint;
  readonly signature: Signature;
}

export interface Funding {
  readonly payer: Address;
  readonly payee: Address;
  readonly token: Address;
  readonly amount: bigint;
  readonly window: bigint;
}

export interface Ends {
  readonly payer: Address;
  readonly payee: Address;
  readonly token: Address;
}

interface Voucher {
  readonly payee: Address;
  readonly epoch: bigint;
  readonly cumulative: bigint;
  readonly signature: Signature;
}

export type Units = { readonly account: Address; readonly token: Address; readonly amount: bigint };

/** Every function of the vault that changes something, with its arguments by name. */
export interface Calls {
  setOwner: { owner: Address };
  setOwnerWithSig: { account: Address; owner: Address; token: Address; order: Order };
  setAllowance: Units;
  setAllowanceWithSig: Units & { order: Order };
  deposit: Units;
  depositLane: Ends & { amount: bigint };
  depositWithAuthorization: Units & {
    from: Address;
    validAfter: bigint;
    validBefore: bigint;
    salt: bigint;
    signature: Signature;
  };
  depositWithPermit: {
    from: Address;
    token: Address;
    amount: bigint;
    deadline: bigint;
    signature: Signature;
  };
  sweep: { account: Address; token: Address };
  withdraw: Units & { to: Address };
  withdrawWithSig: Units & { to: Address; order: Order };
  fundLane: Funding;
  fundLaneWithSig: Funding & { epoch: bigint; order: Order };
  fundLanes: {
    payer: Address;
    token: Address;
    rows: readonly Omit<Funding, "payer" | "token">[];
    cut: boolean;
  };
  fundLanesWithSig: { rows: readonly (Funding & { epoch: bigint; order: Order })[] };
  claimBatch: { token: Address; rows: readonly Voucher[]; cut: boolean };
  claimWallet: Ends & { epoch: bigint; cumulative: bigint; signature: Signature };
  requestClose: Ends;
  requestCloseWithSig: Ends & { epoch: bigint; order: Order };
  finalizeClose: Ends;
  coopClose: Ends & {
    epoch: bigint;
    finalAmount: bigint;
    vouched: bigint;
    payerSignature: Signature;
    deadline: bigint;
    payeeSignature: Signature;
  };
  cancelNonce: { nonce: bigint };
}

/** A call by name. */
export type Call = { [K in keyof Calls]: { readonly name: K; readonly args: Calls[K] } }[keyof Calls];

/** What a struct of the vault's own domain says when it is signed. */
export function saying(type: string, ...fields: readonly (string | bigint)[]): string {
  return `${type}(${fields.join()})`;
}
