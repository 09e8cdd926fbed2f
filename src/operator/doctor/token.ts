/** The doctor's line on the token: which one it is, what it can do, and whether anybody vouches for the address. */
import { formatAmount } from "../../base/money.ts";
import type { TokenProfile } from "../../settlement/token-probe.ts";
import type { TokenKind } from "../../settlement/token-registry.ts";
import { type Check, good, note } from "./check.ts";

const KINDS = {
  legacy: "USDT as of 2017",
  usdt0: "USDT0",
  tether: "Tether's USDT",
  pegged: "pegged USDT, not Tether's own",
  bridged: "bridged USDT, not Tether's own",
  tip20: "USDT0 of Tempo's own kind",
  play: "play money",
} as const satisfies Record<TokenKind, string>;

/** Good when the registry knows the token and it moves; a note where the operator should look for themselves. */
export function tokenCheck(profile: TokenProfile): Check {
  const { token, kind, paused } = profile;
  const found = `${token} with ${[...traits(profile)].join(", ")}`;
  if (kind === null) {
    return note("token", `${found}: not in the registry`, "compare the address with the issuer's own list");
  }
  const named = `${found}: ${KINDS[kind]}`;
  if (paused)
    return note("token", `${named}; its issuer has paused transfers: withdrawals wait, claims go on`);
  return good("token", named);
}

function* traits({ decimals, domain, eip3009, permit, fee }: TokenProfile): Generator<string> {
  yield `${decimals} decimals`;
  if (domain) yield `domain ${JSON.stringify(domain.name)} version ${domain.version}`;
  if (eip3009) yield "EIP-3009";
  if (permit) yield "permit";
  if (fee && fee.basisPoints > 0n) {
    yield `a fee of ${formatAmount(fee.basisPoints, 2)} % up to ${formatAmount(fee.maximum, decimals)}`;
  }
}
