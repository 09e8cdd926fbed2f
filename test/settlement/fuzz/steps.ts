/** Random steps, and what each means where the model stands: mostly sense, sometimes one thing wrong. */
import fc from "fast-check";

/** What is wrong with an otherwise honest call. */
const FLAWS = [
  "sender",
  "nobody",
  "zero",
  "huge",
  "over",
  "expired",
  "signer",
  "high s",
  "short",
  "elsewhere",
  "junk",
  "altered",
  "epoch",
  "window",
  "no window",
  "cut",
  "vault",
  "namespace",
  "codeless",
] as const;

const KINDS = {
  deposit: 3,
  depositLane: 3,
  depositWithAuthorization: 3,
  depositWithPermit: 4,
  sweep: 3,
  withdraw: 3,
  withdrawWithSig: 3,
  fundLane: 6,
  fundLaneWithSig: 4,
  fundLanes: 2,
  fundLanesWithSig: 3,
  claimBatch: 6,
  claimWallet: 3,
  requestClose: 4,
  requestCloseWithSig: 3,
  finalizeClose: 4,
  coopClose: 4,
  setOwner: 1,
  setOwnerWithSig: 1,
  setAllowance: 2,
  setAllowanceWithSig: 2,
  cancelNonce: 1,
  again: 4,
  give: 4,
  fee: 1,
  pause: 1,
  block: 2,
  rename: 1,
  mood: 1,
  plan: 2,
} as const;

export type Kind = keyof typeof KINDS;

const kind = fc.oneof(
  ...Object.entries(KINDS).map(([name, weight]) => ({ arbitrary: fc.constant(name as Kind), weight })),
);

/** Few parties meet often: seven with five tokens would hardly ever meet on a lane twice. */
const party = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1) },
  { weight: 3, arbitrary: fc.constantFrom(2, 5) },
  { weight: 1, arbitrary: fc.nat(6) },
);

/** One random step; every field may mean anything or nothing to a kind. */
export const step = fc.record({
  kind,
  /** Who acts, and for whom. */
  by: party,
  a: party,
  b: party,
  token: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 1) }, { weight: 3, arbitrary: fc.nat(4) }),
  units: fc.integer({ min: 1, max: 1_500 }).map(BigInt),
  fee: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0n) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }).map(BigInt) },
  ),
  /** Small numbers collide, which is wanted. */
  nonce: fc.oneof(
    { weight: 3, arbitrary: fc.nat(60).map(BigInt) },
    { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 253n) },
  ),
  window: fc.integer({ min: 0, max: 3 }).map(BigInt),
  dice: fc.nat(1_000),
  flaw: fc.oneof(
    { weight: 5, arbitrary: fc.constant("none" as const) },
    { weight: 2, arbitrary: fc.constantFrom(...FLAWS) },
  ),
  /** Seconds before the call. */
  wait: fc.oneof(
    { weight: 60, arbitrary: fc.integer({ min: 1, max: 100 }).map(BigInt) },
    { weight: 20, arbitrary: fc.constantFrom(3_599n, 3_600n, 86_400n, 259_200n, 604_800n) },
    { weight: 1, arbitrary: fc.constant("2106" as const) },
  ),
});

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
