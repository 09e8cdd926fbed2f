/** Accounts as a person names them, and who may move their money. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { Chain } from "../../settlement/chain.ts";
import { findEntry, type Keys, readGatewayKey, type Settings } from "../settings.ts";

export type Account = {
  readonly address: Hex;
  /** `robot-1`, or `the gateway`. */
  readonly name: string;
  readonly isGateway: boolean;
};

/**
 * The enrolled device of this name or address, or the gateway for `gateway`.
 *
 * @param command - for the hint: `"hirewire fund"`
 * @throws {@link Fault} `usage` when there is none, `key_file` when the gateway has no key
 */
export function findAccount(settings: Settings, keys: Keys, typed: string, command: string): Account {
  if (typed.toLowerCase() === "gateway") {
    const address = addressOfKey(readGatewayKey(settings, keys));
    return { address, name: "the gateway", isGateway: true };
  }
  const where = `hirewire device list, or ${command}`;
  const { device, name } = findEntry(settings, typed, where, ["gateway"]);
  return { address: device, name, isGateway: false };
}

/**
 * Makes sure that a key may act for an account: it is the account's own, or its owner's.
 *
 * @param spends - atomic units that it moves, which an account's own key may only within its allowance
 * @throws {@link Fault} `usage` when it may not, `funds_short` beyond the allowance
 */
export async function requireControl(
  chain: Chain,
  account: { readonly address: Hex; readonly name: string },
  actor: Hex,
  token: Hex,
  spends: bigint,
): Promise<void> {
  const { address, name } = account;
  const owner = await chain.ownerOf(address);
  if (actor === (owner ?? address)) return;
  if (actor !== address) {
    const others =
      owner === null
        ? "only its own key acts for it"
        : `its own key or that of its owner ${owner} acts for it`;
    throw new Fault("usage", `${actor} has no say over ${name} (${address}): ${others}`);
  }
  const allowed = await chain.spendAllowance(address, token);
  if (spends <= allowed) return;
  const decimals = await chain.decimals(token);
  const [may, wanted] = [formatAmount(allowed, decimals), formatAmount(spends, decimals)];
  const hint = "its owner can do it, or raise that: hirewire device allowance";
  throw new Fault("funds_short", `the own key of ${name} may move ${may}, less than ${wanted}: ${hint}`, {
    facts: { account: address, allowed, needs: spends },
  });
}
