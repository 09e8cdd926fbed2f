/** A gateway's journal as it is left behind: who is known, and what was signed. */
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Actor } from "../../settlement/world.ts";
import type { Bank } from "./bank.ts";

const CAUSE = { by: null, topic: "observed", id: "", digest: "", refused: null };

/** Journals the start of the bank's gateway, its lanes as the chain has them, and what each device has signed to it. */
export async function journalVouchers(
  { world, stand, gateway }: Bank,
  signed: readonly { readonly device: Actor; readonly paidIn: bigint; readonly paidOut: bigint }[],
): Promise<void> {
  const { chainId, vault, token } = world;
  const market = { gateway: gateway.address, chainId, vault, token };
  const groups: Fact[][] = [[{ kind: "gatewayStarted", ...market, decimals: 6, feeBasisPoints: 0 }]];
  const voucherOf = async (payer: Actor, payee: Actor, cumulative: bigint) => {
    const { epoch } = await world.lane(payer, payee);
    const row = await world.voucher(payer, payee, epoch, cumulative);
    return { chainId, vault, token, ...row };
  };
  for (const { device, paidIn, paidOut } of signed) {
    for (const [payer, payee] of [
      [device, gateway],
      [gateway, device],
    ] as const) {
      const { settled, deposit, ...rest } = await world.lane(payer, payee);
      const key = { payer: payer.address, payee: payee.address, token };
      const lane = { ...key, ...rest, settled: amount(settled), deposit: amount(deposit) };
      groups.push([{ kind: "laneObserved", ...lane, block: 0 }]);
    }
    const move = (debit: string, credit: string, sum: bigint) => [
      { account: `${debit}:${device.address}`, change: sum },
      { account: `${credit}:${device.address}`, change: -sum },
    ];
    if (paidIn > 0n) {
      const voucher = await voucherOf(device, gateway, paidIn);
      const postings = move("in", "credit", paidIn);
      groups.push([
        { kind: "voucherReceived", payer: device.address, amount: amount(paidIn), voucher, postings },
      ]);
    }
    if (paidOut > 0n) {
      const voucher = await voucherOf(gateway, device, paidOut);
      const postings = move("credit", "out", paidOut);
      groups.push([
        { kind: "creditPaidOut", device: device.address, amount: amount(paidOut), voucher, postings },
      ]);
    }
  }
  const journal = openJournal(stand.data);
  journal.append(groups.map((facts) => ({ at: 1, cause: CAUSE, facts })));
  journal.close();
}

/** Every fact in the bank's journal. */
export function journalled({ stand }: Bank): readonly Fact[] {
  const journal = openJournal(stand.data, { readOnly: true });
  const facts = [...journal.entries()].flatMap((entry) => entry.facts);
  journal.close();
  return facts;
}

/** The bank's journal, held as a gateway that runs holds it. */
export function holdJournal({ stand }: Bank): { release: () => void } {
  const journal = openJournal(stand.data);
  return { release: () => journal.close() };
}

/** `0x` and 40 digits that nobody has the key of. */
export const NOBODY: Hex = "0x00000000000000000000000000000000deadbeef";
