/** The doctor's checks of the chain: the right one, gas, money, and the time. */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import type { Chain } from "../../settlement/chain.ts";
import { MAX_CLAIM_ROWS } from "../../settlement/claim-batch.ts";
import { checkToken } from "../../settlement/token-probe.ts";
import { LOCAL_CHAIN } from "../../settlement/token-registry.ts";
import { openChain } from "../money/journey.ts";
import { priceOf } from "../money/price.ts";
import { coins } from "../money/send.ts";
import type { RosterEntry } from "../roster-folder.ts";
import type { Settings } from "../settings.ts";
import { type Check, good, note, words, wrong } from "./check.ts";
import { tokenCheck } from "./token.ts";

/** Gas of a settlement: a base and one lane more for each device (test/settlement/gas.test.ts). */
const GAS = { base: 45_000, lane: 11_000 } as const;

/** Settlements that the gas should last for. */
const SETTLEMENTS = 3n;

/** How far the clock may be from the newest block's time, seconds. */
const MAX_DRIFT = 30;

type ChainContext = {
  readonly settings: Settings;
  readonly gateway: Hex | null;
  readonly devices: readonly RosterEntry[];
  readonly now: Instant;
};

/**
 * Asks the node for chain, token and time, and for gas and money where the gateway has a key.
 *
 * A node that is silent or wrong is a check of its own, and ends the list; nothing is thrown for it.
 */
export async function chainChecks(context: ChainContext): Promise<Check[]> {
  const { settings, gateway, devices, now } = context;
  const { token } = settings.chain;
  let chain: Chain;
  try {
    chain = await openChain(settings);
    // of several nodes two must run and agree, or nothing that arrives is ever counted
    await chain.confirmed();
  } catch (error) {
    return [chainFault(error)];
  }
  const right = good("chain", `${chain.chainId} with vault ${chain.vault}`);
  try {
    const profile = await checkToken(chain, token);
    const { decimals } = profile;
    const checks = [right, tokenCheck(profile)];
    if (gateway) checks.push(await gasCheck(chain, gateway, devices.length));
    if (gateway) checks.push(await moneyCheck(chain, { token, decimals, gateway, devices }));
    checks.push(clockCheck(now, (await chain.head()).time, chain.chainId));
    return checks;
  } catch (error) {
    if (!isFault(error, "token_mismatch")) return [chainFault(error)];
    return [right, wrong("token", words(error), "set chain.token to the token's address on this chain")];
  }
}

function chainFault(error: unknown): Check {
  if (isFault(error, "chain_mismatch")) {
    return wrong("chain", words(error), "set chain.id, chain.rpc and chain.vault of one chain");
  }
  if (isFault(error, "rpc_disagrees")) {
    return wrong(
      "chain",
      words(error),
      "compare both with a block explorer, and take the wrong one out of chain.rpc",
    );
  }
  return wrong("chain", words(error), "start the node, or set chain.rpc to one that runs");
}

async function gasCheck(chain: Chain, gateway: Hex, devices: number): Promise<Check> {
  const rows = Math.min(Math.max(devices, 1), MAX_CLAIM_ROWS);
  const gas = BigInt(GAS.base + rows * GAS.lane);
  const price = await priceOf(chain, gateway, { to: chain.vault, data: "0x" }, gas);
  const has = await chain.gasBalance(gateway);
  const times = price === 0n ? SETTLEMENTS : has / price;
  const fix = `send at least ${coins(SETTLEMENTS * price)} to ${gateway}`;
  if (times === 0n) return wrong("gas", `${coins(has)} is not enough for one settlement`, fix);
  const found = `${coins(has)}, enough for ${times.toLocaleString("en-US")} settlements at today's price`;
  return times < SETTLEMENTS ? note("gas", found, fix) : good("gas", found);
}

type Purse = {
  readonly token: Hex;
  readonly decimals: number;
  readonly gateway: Hex;
  readonly devices: readonly RosterEntry[];
};

/** What the gateway can pay providers with: its vault, and what is unclaimed on its lanes to devices. */
async function moneyCheck(chain: Chain, { token, decimals, gateway, devices }: Purse): Promise<Check> {
  const vault = await chain.vaultBalance(gateway, token);
  const keys = devices.map(({ device }) => ({ payer: gateway, payee: device, token }));
  const { lanes } = keys.length === 0 ? { lanes: [] } : await chain.lanes(keys, "head");
  const room = lanes.reduce((sum, { deposit, settled }) => sum + deposit - settled, 0n);
  const found = `${formatAmount(vault, decimals)} in the vault, ${formatAmount(room, decimals)} on lanes to devices`;
  if (vault + room > 0n) return good("money", found);
  return wrong("money", `${found}: no provider can be paid`, "hirewire fund gateway AMOUNT --from KEYFILE");
}

/** @param blockTime - the newest block's, unix seconds */
export function clockCheck(now: Instant, blockTime: number, chainId: number): Check {
  if (chainId === LOCAL_CHAIN) return note("clock", "not compared: a local chain makes up its time");
  const drift = Math.round(now / 1_000 - blockTime);
  const found = `${Math.abs(drift)} s ${drift < 0 ? "behind" : "after"} the newest block`;
  if (Math.abs(drift) <= MAX_DRIFT) return good("clock", found);
  return note(
    "clock",
    `${found}: the clock is wrong, or the node is behind`,
    "sudo timedatectl set-ntp true",
  );
}
