/** The laws of money, whatever is called. */
import { expect } from "vitest";
import type { VaultModel } from "../model.ts";
import type { Act } from "./acts.ts";
import type { Sight } from "./arena.ts";
import { NOBODY } from "./ground.ts";

const LOW = 2n ** 96n - 1n;

/**
 * Checks every law after a call, from what the chain shows alone; of the model only who acts for whom.
 *
 * @param vouched - the highest total that each payer has signed, by `payer,payee,token,epoch`
 */
export function obeyLaws(
  model: VaultModel,
  vouched: ReadonlyMap<string, bigint>,
  act: Act,
  before: Sight,
  after: Sight,
): void {
  const isOfVault = !act.name.startsWith("token.");
  const [was, is] = [debts(before), debts(after)];
  const short = [...is].filter(([token, owed]) => (after.held.get(token) ?? 0n) < owed);
  expect(short, "the vault holds what it owes").toEqual([]);
  const lost = [...is].filter(([token, owed]) => {
    const moved = (after.held.get(token) ?? 0n) - (before.held.get(token) ?? 0n);
    const grown = owed - (was.get(token) ?? 0n);
    // a token that is given to the vault is nobody's, unless it calls the vault meanwhile
    return isOfVault ? grown !== moved : grown > moved;
  });
  expect(lost, "what comes in is credited, what goes out is debited").toEqual([]);
  const greedy = [...after.lanes].filter(([lane, word]) => {
    const [settled, deposit, epoch] = [word & LOW, (word >> 96n) & LOW, word >> 232n];
    return settled > deposit || settled > (vouched.get(`${lane},${epoch}`) ?? 0n);
  });
  expect(greedy, "a lane pays what was deposited and vouched").toEqual([]);
  if (act.name === "claimBatch" || act.name === "claimWallet") obeyClaim(before, after);
  if (act.name === "finalizeClose") obeyClose(before, after, () => 0n);
  if (act.name === "coopClose") {
    obeyClose(before, after, (lane, old) => {
      const [payer = ""] = lane.split(",");
      const owner = model.owners.get(payer);
      const agrees = act.by === (owner === NOBODY ? payer : owner);
      const most = agrees ? (old >> 96n) & LOW : (vouched.get(`${lane},${old >> 232n}`) ?? 0n);
      return most > (old & LOW) ? most - (old & LOW) : 0n;
    });
  }
}

/** Claims credit each payee with exactly what its lanes were settled by. */
function obeyClaim(before: Sight, after: Sight): void {
  const due = new Map(before.vaults);
  for (const [lane, word] of after.lanes) {
    const settled = (word & LOW) - ((before.lanes.get(lane) ?? 0n) & LOW);
    const vault = lane.slice(lane.indexOf(",") + 1);
    if (settled !== 0n) due.set(vault, (due.get(vault) ?? 0n) + settled);
  }
  const wrong = [...after.vaults].filter(([key, units]) => due.get(key) !== units);
  expect(wrong, "a voucher pays its payee, once").toEqual([]);
}

/**
 * A close gives back exactly deposit - settled: all of it to the payer after a window, and to the payee at most what
 * the payer has vouched for, or agreed to.
 */
function obeyClose(before: Sight, after: Sight, most: (lane: string, old: bigint) => bigint): void {
  for (const [lane, word] of after.lanes) {
    const old = before.lanes.get(lane) ?? 0n;
    if (old === word) continue;
    const [payer, payee, token] = lane.split(",");
    expect(word).toBe(((old >> 232n) + 1n) << 232n);
    const rest = ((old >> 96n) & LOW) - (old & LOW);
    const gain = (account = "") => {
      const key = `${account},${token}`;
      return (after.vaults.get(key) ?? 0n) - (before.vaults.get(key) ?? 0n);
    };
    expect(payer === payee ? gain(payer) : gain(payer) + gain(payee)).toBe(rest);
    if (payer !== payee) expect(gain(payee)).toBeLessThanOrEqual(most(lane, old));
  }
}

/** What the vault owes, by token. */
function debts({ vaults, lanes, held }: Sight): Map<string, bigint> {
  const owed = new Map([...held.keys()].map((token) => [token, 0n]));
  const book = (key: string, units: bigint) => {
    const token = key.slice(key.lastIndexOf(",") + 1);
    if (units !== 0n) owed.set(token, (owed.get(token) ?? 0n) + units);
  };
  for (const [key, units] of vaults) book(key, units);
  for (const [key, word] of lanes) book(key, ((word >> 96n) & LOW) - (word & LOW));
  return owed;
}
