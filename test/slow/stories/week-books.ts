/** What must be true of a gateway's journal, its lanes on the chain and everybody's wallets once nothing is under way. */
import { expect } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { replay } from "../../../src/exchange/replay.ts";
import type { State } from "../../../src/exchange/state.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { World } from "../../../src/operator/demo/world.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import type { Crew } from "./crew.ts";

/** After a settlement: journal, chain and wallets say the same of every lane. Returns the journal's entries. */
export async function expectAgreement(world: World, crew: Crew): Promise<number> {
  const { chain, token, gateway, folder } = world;
  const market = { chainId: chain.chainId, vault: chain.vault, token, gateway };
  const journal = openJournal(folder, { readOnly: true });
  try {
    const state = replay(journal, market);
    expectBooks(state);
    expectNothingDoubled(journal);
    expectWallets(state, crew);
    await expectClaimed(state, world);
    return journal.head().index;
  } finally {
    journal.close();
  }
}

function expectWallets({ payment }: State, crew: Crew): void {
  for (const [address, { signed, received }] of crew.wallets()) {
    expect(payment.incoming.get(address)?.signed ?? 0n).toBe(signed);
    expect(payment.outgoing.get(address)?.signed ?? 0n).toBe(received);
    const spent = crew.spent.get(address);
    if (spent !== undefined) expect(spent + received + creditOf(payment, address)).toBe(signed);
  }
}

async function expectClaimed({ payment }: State, { chain, token }: World): Promise<void> {
  const all = [...payment.incoming.values(), ...payment.outgoing.values()];
  const keys = all.map(({ payer, payee }): { payer: Hex; payee: Hex; token: Hex } => ({
    ...{ payer, payee, token },
  }));
  const { lanes } = await chain.lanes(keys, "head");
  expect(lanes.map(({ settled }) => settled)).toEqual(all.map(({ signed }) => signed));
}
