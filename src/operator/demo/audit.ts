/** Do the books agree? Reads every balance back from the chain and holds it against the journal. */
import type { Hex } from "../../base/bytes.ts";
import { type Amount, amount } from "../../base/money.ts";
import { replay } from "../../exchange/replay.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { balanceOf, recoveryOf, totalOf } from "../../payment/books.ts";
import { TEST_WALLET } from "../action/test-wallet.ts";
import type { World } from "./world.ts";

/** One figure, from both sides. */
export type Comparison = { readonly what: string; readonly journal: Amount; readonly chain: Amount };

export type Audit = {
  readonly comparisons: readonly Comparison[];
  readonly agree: boolean;
  /** Vouchers given to providers, by the journal. */
  readonly paid: Amount;
  /** Of these, what the chain has credited to them. */
  readonly settled: Amount;
  readonly fees: Amount;
  readonly credit: Amount;
  readonly entries: number;
  /** Tasks paid, the vouchers that took, and how many answers were confirmed by a second run. */
  readonly tasks: number;
  readonly payments: number;
  readonly rechecked: number;
  /** What the answers' own runs have burnt, and what that cost. */
  readonly fuel: number;
  readonly fuelCost: bigint;
  readonly transactions: readonly Hex[];
  readonly gas: bigint;
};

/** Compares to the atomic unit: each lane, each vault, and the token the vault contract holds in all. */
export async function audit(world: World): Promise<Audit> {
  const { chain, token, gateway, folder } = world;
  const market = { chainId: chain.chainId, vault: chain.vault, token, gateway };
  const journal = openJournal(folder, { readOnly: true });
  const entries = journal.head().index;
  const state = replay(journal, market);
  const facts = [...journal.entries()].flatMap((entry) => entry.facts);
  journal.close();
  const paid = facts.filter((fact) => fact.kind === "paid");
  const claims = facts.filter((fact) => fact.kind === "claimed");
  const counts = {
    entries,
    tasks: paid.length,
    payments: paid.reduce((sum, { legs }) => sum + legs.length, 0),
    fuel: paid.reduce((sum, { fuel }) => sum + fuel, 0),
    fuelCost: paid.reduce((sum, { price, checks }) => sum + price - checks, 0n),
    transactions: claims.map((claim) => claim.transaction),
    gas: claims.reduce((sum, claim) => sum + claim.gasUsed, 0n),
    rechecked: facts.filter((fact) => fact.kind === "verified" && fact.rechecked).length,
  };
  const comparisons: Comparison[] = [];
  let expectedGateway: bigint = world.gatewayDeposit;
  let deposited: bigint = world.gatewayDeposit;
  let settled: bigint = 0n;
  for (const { name, address } of world.parties) {
    const incoming = { payer: address, payee: gateway, token };
    const outgoing = { payer: gateway, payee: address, token };
    const { lanes } = await chain.lanes([incoming, outgoing], "head");
    const [into, out] = lanes;
    if (!into || !out) continue;
    const bought = state.payment.incoming.get(address);
    const sold = state.payment.outgoing.get(address);
    if (bought?.signed || (bought?.deposit && name !== TEST_WALLET))
      comparisons.push({ what: `${name} paid in`, journal: bought.signed, chain: into.settled });
    if (sold?.signed) {
      comparisons.push({ what: `${name} was paid`, journal: sold.signed, chain: out.settled });
      const inVault = await chain.vaultBalance(address, token);
      comparisons.push({ what: `${name} has in the vault`, journal: sold.signed, chain: inVault });
    }
    expectedGateway += (bought?.signed ?? 0n) - (sold?.deposit ?? 0n);
    deposited += bought?.deposit ?? 0n;
    settled += out.settled;
  }
  const gatewayVault = await chain.vaultBalance(gateway, token);
  comparisons.push({
    what: "gateway has in the vault",
    journal: amount(expectedGateway),
    chain: gatewayVault,
  });
  const held = await chain.tokenBalance(chain.vault, token);
  comparisons.push({
    what: "token held by LaneVault",
    journal: amount(deposited),
    chain: held,
  });
  const { books } = state.payment;
  const out = totalOf(books, "out");
  const fees = balanceOf(books, "fee");
  const credit = totalOf(books, "credit");
  const promised = totalOf(books, "in") + totalOf(books, "owed") + recoveryOf(books);
  const conserved = promised === out + fees + credit + totalOf(books, "held");
  const agree = conserved && comparisons.every((one) => one.journal === one.chain);
  return {
    ...{ comparisons, agree, paid: out, settled: amount(settled), fees, credit },
    ...counts,
  };
}
