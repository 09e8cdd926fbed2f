/** What a provider's drafts still lack: a bid, an accept, a result, and a factsheet's ask. */
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { amount, formatAmount } from "../../base/money.ts";
import { hashBlob } from "../../blob/blob.ts";
import { COSTS_HASH, METER_VERSION } from "../../firmware/meter/costs.ts";
import { isSignedBy } from "../../kernels/signature.ts";
import { askSchema } from "../../protocol/ask.ts";
import { feeOf, MAX_FUEL, MAX_RATE, priceOf } from "../../protocol/fuel.ts";
import type { Message } from "../../protocol/message.ts";
import { askDigest, awardDigest } from "../../protocol/typed-data.ts";
import { readBytes } from "../firmware/source.ts";
import { wholeNumber } from "../numbers.ts";
import type { Draft } from "./draft.ts";
import { refusedBeforehand } from "./lane-cover.ts";
import { readMessage } from "./message-file.ts";
import { marketAt, partyOf, type Signing } from "./signing.ts";

/** A bid stays good this long after the bids close, milliseconds. */
const BID_LIFE_MS = 60_000;
/** An ask is stood by for so long, unless the draft says how long, milliseconds. */
const ASK_LIFE_MS = 3_600_000;

/**
 * Completes a bid on what was announced.
 *
 * @throws {@link Fault} `usage`, `file_format`, `disk_failed`; `refused` where the task is the device's own, the whole fuel
 * limit would cost more than it may, or the gateway's lane has no room for it
 */
export async function completeBid(draft: Draft<"bid">, signing: Signing): Promise<void> {
  const { typed, now, note, decimals, streams } = signing;
  if (typed.rate !== undefined) draft.put("--rate", { rate: rateText(typed.rate) });
  if (typed.announce === undefined) return;
  const announce = await readMessage("announce", typed.announce, streams);
  const { task, bidBy, requester, fuelLimit, maxPrice } = announce;
  draft.put("--announce", { task });
  draft.fill("expires", bidBy + BID_LIFE_MS);
  const bid = draft.message();
  if (requester === partyOf(signing).signer.address)
    throw refusedBeforehand("own_task", "this task is the device's own");
  if (bid.expires <= bidBy) throw refusedBeforehand("bid_expired", "the bid expires before the bids close");
  const most = priceOf(bid.rate, fuelLimit);
  if (most > maxPrice) {
    const [much, may] = [most, maxPrice].map((count) => formatAmount(count, decimals));
    throw refusedBeforehand(
      "price_over_budget",
      `at this rate the whole fuel limit costs ${much}, of at most ${may}`,
    );
  }
  mustHaveRoom(signing, most);
  note(`asks at most ${formatAmount(most, decimals)}, the gateway's fee included`);
  if (bidBy <= now) note("by this machine's clock the bids are closed: the task may be announced again");
}

/**
 * Completes an accept: the hash of an award that the gateway has signed.
 *
 * @throws {@link Fault} `usage`, `file_format`, `disk_failed`, and `refused` where the award is not the gateway's or not to
 * this device, or its lane has no room for the price
 */
export async function completeAccept(draft: Draft<"accept">, signing: Signing): Promise<void> {
  const found = await awarded(signing);
  if (!found) return;
  const { award, hash } = found;
  draft.put("--award", { task: award.task, award: hash });
  const most = priceOf(award.rate, award.fuelLimit);
  const due = most - feeOf(most, award.feeBasisPoints);
  mustHaveRoom(signing, due);
  const until = new Date(award.runBy).toISOString();
  signing.note(
    `is paid at most ${formatAmount(due, signing.decimals)}, for ${award.fuelLimit} of fuel delivered by ${until}`,
  );
  if (award.acceptBy <= signing.now) signing.note("by this machine's clock it is too late to accept");
}

/**
 * Completes a result: what the run of an award has come to.
 *
 * @throws {@link Fault} as {@link completeAccept}, and `refused` with more fuel than the award allows
 */
export async function completeResult(draft: Draft<"result">, signing: Signing): Promise<void> {
  const { typed } = signing;
  if (typed.fuel !== undefined) draft.put("--fuel", { fuel: wholeNumber(typed.fuel, "--fuel", 0, MAX_FUEL) });
  if (typed.verdict !== undefined) draft.put("--verdict", { verdict: typed.verdict });
  if (typed.output !== undefined) {
    const bytes = await readBytes(typed.output);
    draft.put("--output", { output: hashBlob(bytes), outputBytes: bytes.length });
  }
  draft.fill("verdict", draft.has("output") ? "ok" : undefined);
  if (draft.get("verdict") !== "ok") {
    draft.fill("output", null);
    draft.fill("outputBytes", 0);
  }
  const found = await awarded(signing);
  if (!found) return;
  const { award, hash } = found;
  draft.put("--award", { task: award.task, award: hash });
  if (draft.get("verdict") === "out-of-fuel") draft.fill("fuel", award.fuelLimit);
  const { fuel, verdict } = draft.message();
  if (fuel > award.fuelLimit || (verdict === "out-of-fuel" && fuel !== award.fuelLimit)) {
    throw refusedBeforehand(
      "fuel_over_limit",
      `the award allows ${award.fuelLimit} of fuel, and the run burnt ${fuel}`,
    );
  }
}

/**
 * Names the task of an award, for what is said of it without a signature.
 *
 * @throws {@link Fault} as {@link completeAccept}
 */
export async function nameTask(
  draft: Draft<"decline" | "forfeit" | "cancel" | "progress">,
  signing: Signing,
): Promise<void> {
  const { typed, streams } = signing;
  if (typed.award !== undefined) {
    draft.put("--award", { task: (await readMessage("award", typed.award, streams)).task });
  }
}

/**
 * Completes a factsheet; an ask in it is dated and signed.
 *
 * @throws {@link Fault} `usage`
 */
export async function completeFactsheet(draft: Draft<"factsheet">, signing: Signing): Promise<void> {
  const { party, now } = signing;
  if (party) draft.fill("name", party.file.name);
  draft.fill("profiles", []);
  draft.fill("memoryMiB", 0);
  const ask = draft.get("ask");
  if (typeof ask !== "object" || ask === null || "signature" in ask) return;
  const dated = { meter: METER_VERSION, costs: COSTS_HASH, rates: [], fuelPerSecond: [], measured: now };
  const whole = { ...dated, expires: instant(now + ASK_LIFE_MS), ...ask };
  const decoded = z.safeDecode(askSchema.omit({ signature: true }), whole as never);
  if (!decoded.success) {
    const where = decoded.error.issues.map(({ path }) => path.join("."));
    throw new Fault("usage", `the ask is not right at: ${where.join(", ")}`);
  }
  const { signer } = partyOf(signing);
  const signature = await signer.sign(askDigest(marketAt(signing), signer.address, decoded.data));
  draft.replace("ask", { ...whole, signature });
}

/** The award in `--award` and its hash; null without one. */
async function awarded(signing: Signing): Promise<{ award: Message<"award">; hash: Hex } | null> {
  const { typed, streams } = signing;
  if (typed.award === undefined) return null;
  const award = await readMessage("award", typed.award, streams);
  const market = marketAt(signing);
  const { address } = partyOf(signing).signer;
  if (award.provider !== address) {
    throw refusedBeforehand(
      "not_yours",
      `the award is to ${award.provider}, and this is the key of ${address}`,
    );
  }
  const hash = awardDigest(market, award);
  if (isSignedBy(market.gateway, hash, award.signature)) return { award, hash };
  throw refusedBeforehand("bad_award", "the award is not signed by the gateway of the connection file");
}

/** Whoever works for more than the gateway's lane holds works for nothing. */
function mustHaveRoom({ terms, decimals }: Signing, price: bigint): void {
  if (!terms) return;
  const { deposit, signed, closeAt } = terms.reverse;
  const room = closeAt === 0 && deposit > signed ? deposit - signed : 0n;
  if (price <= room) return;
  const [much, most] = [price, room].map((count) => formatAmount(count, decimals));
  throw refusedBeforehand(
    "hub_capacity",
    `the gateway's lane to the device has room for ${most}, and this may pay ${much}`,
  );
}

function rateText(text: string): string {
  if (/^\d{1,29}$/.test(text) && BigInt(text) <= MAX_RATE) return amount(BigInt(text)).toString();
  throw new Fault("usage", `--rate takes atomic units per 10^12 fuel, 0 to ${MAX_RATE}, not "${text}"`);
}
