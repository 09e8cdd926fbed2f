/** Where `hirewire fund` can put money: into a device's lane to the gateway, or into an account's vault. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Amount } from "../../base/money.ts";
import type { Call, Chain, LaneKey, LaneOnChain } from "../../settlement/chain.ts";
import { deposit, depositLane } from "../../settlement/vault-calls.ts";
import type { Account } from "./account.ts";

export type Target = {
  /** What its balance is called: `lane deposit of robot-1`. */
  readonly title: string;
  readonly step: string;
  /** Moves the signer's approved tokens there. */
  readonly pay: (amount: Amount) => Call;
  /** At the newest block. */
  readonly balance: () => Promise<Amount>;
  /** @throws {@link Fault} `lane_closing` */
  readonly check: () => Promise<void>;
};

/** An account's own balance in the vault, out of which it can fill its lanes. It always takes money. */
export function vaultTarget(chain: Chain, token: Hex, { address, name }: Account): Target {
  return {
    title: `vault of ${name}`,
    step: "deposit",
    pay: (amount) => deposit(chain.vault, address, token, amount),
    balance: () => chain.vaultBalance(address, token),
    check: () => Promise.resolve(),
  };
}

/**
 * A device's lane to the gateway, whose deposit its vouchers draw on.
 *
 * Its `check` throws for a lane that is closing; `pay` does not look.
 */
export function laneTarget(chain: Chain, token: Hex, gateway: Hex, device: Account): Target {
  const key = { payer: device.address, payee: gateway, token };
  return {
    title: `lane deposit of ${device.name}`,
    step: "depositLane",
    pay: (amount) => depositLane(chain.vault, key, amount),
    balance: async () => (await laneAtHead(chain, key)).deposit,
    check: async () => {
      const { closeAt } = await laneAtHead(chain, key);
      if (closeAt !== 0) throw closing(device.name, closeAt, "fund it after it is closed");
    },
  };
}

/** A lane as the newest block has it. */
export async function laneAtHead(chain: Chain, key: LaneKey): Promise<LaneOnChain> {
  const { lanes } = await chain.lanes([key], "head");
  const [found] = lanes;
  if (!found) throw new Fault("impossible", "asked for one lane and got none");
  return found;
}

/**
 * What is said of a lane that takes no money.
 *
 * @param closeAt - unix seconds
 */
export function closing(name: string, closeAt: number, hint: string): Fault {
  const when = new Date(closeAt * 1_000).toISOString();
  const words = `the lane of ${name} is closing until ${when} and takes no money: ${hint}`;
  return new Fault("lane_closing", words, { facts: { closeAt } });
}
