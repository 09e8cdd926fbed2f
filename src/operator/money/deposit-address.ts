/** An account's deposit address: where plain transfers can be sent, such as those of an exchange. */
import { decodeFunctionResult, encodeFunctionData } from "viem/utils";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Chain, VAULT_ABI } from "../../settlement/chain.ts";

/**
 * The address as the vault says it, lower case; the same on every node and for ever.
 *
 * @throws {@link Fault} `chain_mismatch` when the contract is no LaneVault; `chain_unreachable`
 */
export async function depositAddressOf(chain: Chain, account: Hex): Promise<Hex> {
  const question = { abi: VAULT_ABI, functionName: "depositAddress" };
  const data = encodeFunctionData({ ...question, args: [account] });
  const [answer] = await chain.view([{ to: chain.vault, data }]);
  try {
    const found: unknown = decodeFunctionResult({ ...question, data: answer ?? "0x" });
    return String(found).toLowerCase() as Hex;
  } catch (cause) {
    throw new Fault("chain_mismatch", `the contract at ${chain.vault} knows no deposit addresses`, { cause });
  }
}
