/** Calls as they are sent to the chain and run on the model, and the ones that every sequence starts after. */
import { encodeFunctionData, encodePacked, keccak256 } from "viem";
import type { Creature } from "../zoo.ts";
import type { Arena, Mirror } from "./arena.ts";
import { encodeCall } from "./calldata.ts";
import type { Call } from "./calls.ts";
import { type Address, Revert } from "./cells.ts";

/** A call of the vault or of a token. */
export interface Act {
  /** The vault's function, or `token.function`. */
  readonly name: string;
  readonly by: Address;
  readonly to: Address;
  readonly data: Address;
  /** Runs it on the model for that sender; "ok" or the error. */
  run(by: Address): string;
}

const UNLIMITED = 2n ** 256n - 1n;
/** What each party holds of each token; half as much again is in its vault. */
const ENDOWMENT = 8_000n;
/** The same of the 18-decimals dollar: more than a lane can hold. */
const FORTUNE = 2n ** 98n;
/** Lanes that have all but run out of epochs. */
const LATE_EPOCHS = [2n ** 24n - 1n, 2n ** 24n - 2n] as const;

/** A call of the vault. */
export function vaultAct(arena: Arena, mirror: Mirror, by: Address, call: Call): Act {
  const data = encodeCall(call);
  return { name: call.name, by, to: arena.vault, data, run: (sender) => mirror.vault.run(sender, call) };
}

/** A call of a token, by an account that may make it. */
export function tokenAct(
  mirror: Mirror,
  by: Address,
  token: Creature,
  functionName: string,
  args: readonly unknown[],
  model: () => void,
): Act {
  const data = encodeFunctionData({ abi: token.abi, functionName, args });
  const run = () => {
    try {
      mirror.vault.past.attempt(model);
      return "ok";
    } catch (cause) {
      if (cause instanceof Revert) return cause.message;
      throw cause;
    }
  };
  return { name: `token.${functionName}`, by, to: token.address, data, run };
}

/** Parties by number: whose lanes are open from the start, and whose the owners are. */
const LANES = [
  [0, 1],
  [1, 0],
  [0, 2],
  [2, 1],
  [5, 1],
  [6, 0],
] as const;
const OWNERS = [
  [2, 3],
  [6, 5],
] as const;

/**
 * Everyone has tokens and a vault of each, and has approved the vault; of USDT0 only two have, so that the others
 * need permits. Some lanes are open. One account is owned by another, and one wallet by the other.
 */
export function prelude(arena: Arena, mirror: Mirror): Act[] {
  const who = (index: number) => arena.parties[index]?.address ?? arena.owner;
  const acts = endow(arena, mirror);
  for (const kind of ["legacy", "usdt0", "reentrant"] as const) {
    const token = arena.tokens[kind].address;
    for (const [index, [payer, payee]] of LANES.entries()) {
      const args = { payer: who(payer), payee: who(payee), token, amount: 500n, window: BigInt(index % 4) };
      acts.push(vaultAct(arena, mirror, args.payer, { name: "fundLane", args }));
    }
    for (const [account] of OWNERS) {
      const args = { account: who(account), token, amount: 1_500n };
      acts.push(vaultAct(arena, mirror, arena.owner, { name: "deposit", args }));
    }
  }
  for (const [account, owner] of OWNERS) {
    acts.push(vaultAct(arena, mirror, who(account), { name: "setOwner", args: { owner: who(owner) } }));
    for (const { address: token } of Object.values(arena.tokens)) {
      const args = { account: who(account), token, amount: 1_000n };
      acts.push(vaultAct(arena, mirror, who(owner), { name: "setAllowance", args }));
    }
  }
  return acts;
}

function endow(arena: Arena, mirror: Mirror): Act[] {
  const { tokens, owner, parties, vault } = arena;
  const acts: Act[] = [];
  for (const kind of ["legacy", "usdt0", "peg", "moody", "reentrant"] as const) {
    const [token, model] = [tokens[kind], mirror[kind]];
    const units = kind === "peg" ? FORTUNE : ENDOWMENT;
    const mint = (to: Address, value: bigint) =>
      acts.push(tokenAct(mirror, owner, token, "mint", [to, value], () => model.mint(to, value)));
    const approve = (by: Address) =>
      acts.push(
        tokenAct(mirror, by, token, "approve", [vault, UNLIMITED], () => model.approve(by, vault, UNLIMITED)),
      );
    mint(owner, units * BigInt(parties.length + 1));
    approve(owner);
    for (const [index, { address }] of parties.entries()) {
      mint(address, units);
      if (kind !== "usdt0" || index < 2) approve(address);
      const args = { account: address, token: token.address, amount: units / 2n };
      acts.push(vaultAct(arena, mirror, owner, { name: "deposit", args }));
    }
  }
  return acts;
}

/** Puts two lanes into their last epochs: in the model, and as storage that the chain has to be given. */
export function ageLanes(
  { parties, tokens }: Arena,
  mirror: Mirror,
): { lane: string; slot: Address; word: Address }[] {
  const [payer, ...payees] = parties.map(({ address }) => address);
  if (!payer) throw new Error("there are no parties");
  return LATE_EPOCHS.map((epoch, index) => {
    const ends = [payer, payees[index] ?? payer, tokens.legacy.address] as const;
    mirror.vault.lanes.set({ settled: 0n, deposit: 0n, closeAt: 0n, window: 0n, epoch }, ...ends);
    const slot = keccak256(encodePacked(["address", "address", "address"], ends));
    return { lane: ends.join(), slot, word: `0x${epoch.toString(16).padStart(6, "0")}${"00".repeat(29)}` };
  });
}
