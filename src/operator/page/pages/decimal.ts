/** Decimal text as the gateway writes money: summed and shortened exactly, never through a number. */

/** The exact sum of amounts, written with as many decimals as the longest of them. */
export function sumOf(amounts: readonly string[]): string {
  const places = Math.max(0, ...amounts.map((one) => one.split(".")[1]?.length ?? 0));
  const sum = amounts.reduce((total, one) => {
    const [whole = "0", fraction = ""] = one.replace("-", "").split(".");
    const units = BigInt(whole + fraction.padEnd(places, "0"));
    return one.startsWith("-") ? total - units : total + units;
  }, 0n);
  const digits = (sum < 0n ? -sum : sum).toString().padStart(places + 1, "0");
  const at = digits.length - places;
  const text = places === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`;
  return sum < 0n ? `-${text}` : text;
}

/** Without needless zeros: native coins have eighteen decimals. */
export function trimmed(amount: string): string {
  return amount.includes(".") ? amount.replace(/\.?0+$/, "") : amount;
}

/** Native coins of a count of their smallest unit, which is 10^-18 everywhere; without needless zeros. */
export function coinsOf(wei: string): string {
  const digits = wei.padStart(19, "0");
  return trimmed(`${digits.slice(0, -18)}.${digits.slice(-18)}`);
}
