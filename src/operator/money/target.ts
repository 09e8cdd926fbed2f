/** Where `hirewire fund` can put money: into a device's lane to the gateway, or into the gateway's vault. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Amount } from "../../base/money.ts";
import { type Call, type Chain, deposit, depositLane } from "../../settlement/chain.ts";
import { unknownWord } from "../arguments.ts";
import { enrolled, type Settings } from "../settings.ts";

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

/** The gateway's own balance in the vault, out of which its lanes to providers are filled. It always takes money. */
export function vaultTarget(chain: Chain, token: Hex, gateway: Hex): Target {
  return {
    title: "vault of the gateway",
    step: "deposit",
    pay: (amount) => deposit(chain.vault, gateway, token, amount),
    balance: () => chain.vaultBalance(gateway, token),
    check: () => Promise.resolve(),
  };
}

/**
 * A device's lane to the gateway, whose deposit its vouchers draw on.
 *
 * Its `check` throws for a lane that is closing; `pay` does not look.
 */
export function laneTarget(
  chain: Chain,
  token: Hex,
  gateway: Hex,
  device: { readonly address: Hex; readonly name: string },
): Target {
  const key = { payer: device.address, payee: gateway, token };
  const lane = async () => {
    const { lanes } = await chain.lanes([key], "head");
    const [found] = lanes;
    if (!found) throw new Fault("impossible", "asked for one lane and got none");
    return found;
  };
  return {
    title: `lane deposit of ${device.name}`,
    step: "depositLane",
    pay: (amount) => depositLane(chain.vault, key, amount),
    balance: async () => (await lane()).deposit,
    check: async () => {
      const { closeAt } = await lane();
      if (closeAt === 0) return;
      const when = new Date(closeAt * 1_000).toISOString();
      throw new Fault(
        "lane_closing",
        `the lane of ${device.name} is closing until ${when} and takes no money: fund it after it is closed`,
        { facts: { device: device.address, closeAt } },
      );
    },
  };
}

/**
 * The enrolled device of this name or address.
 *
 * @throws {@link Fault} `usage` when there is none
 */
export function findDevice(settings: Settings, typed: string): { address: Hex; name: string } {
  const wanted = typed.toLowerCase();
  const { entries } = enrolled(settings);
  const found = entries.find(({ name, device }) => device === wanted || name.toLowerCase() === wanted);
  if (found) return { address: found.device, name: found.name };
  const known = [...entries.map(({ name }) => name), "gateway"];
  throw unknownWord("hirewire device list, or hirewire fund", "device", typed, known);
}
