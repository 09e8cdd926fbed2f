/** What a requester's drafts still lack: an offer and a voucher. */
import { z } from "zod";
import { instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import { hashBlob } from "../../blob/blob.ts";
import { parseManifest } from "../../firmware/manifest-file.ts";
import { COSTS_HASH, METER_VERSION } from "../../firmware/meter/costs.ts";
import { judgeModule } from "../../firmware/policy.ts";
import { isManifestOf, type Manifest, manifestSchema } from "../../protocol/manifest.ts";
import type { Message } from "../../protocol/message.ts";
import { isVoucherOf } from "../../protocol/voucher.ts";
import { readBytes } from "../firmware/source.ts";
import { duration } from "../numbers.ts";
import type { Draft } from "./draft.ts";
import { mustTakeOffers, refusedBeforehand } from "./lane-cover.ts";
import { encodedVoucher, mustNotDouble, ownVoucher } from "./own-voucher.ts";
import { laneView, partyOf, type Signing } from "./signing.ts";

/** How far ahead a deadline may lie, milliseconds: as gateways take it. */
const MOST_AHEAD = 86_400_000;
const DEFAULT_DEADLINE = "10m";

/**
 * Completes an offer: its bytes' names, what the module is, how fuel is counted, the deadline, and the voucher.
 *
 * @throws {@link Fault} `usage`, `file_format`, `firmware_rejected`, `disk_failed`, `refused`, `books_disagree`
 */
export async function completeOffer(draft: Draft<"offer">, signing: Signing): Promise<void> {
  const { typed, now } = signing;
  if (typed.firmware !== undefined) await nameFirmware(draft, typed.firmware);
  if (typed.input !== undefined) {
    const bytes = await readBytes(typed.input);
    draft.put("--input", { input: hashBlob(bytes), inputBytes: bytes.length });
  }
  if (typed.manifest !== undefined) {
    const text = new TextDecoder().decode(await readBytes(typed.manifest));
    draft.put("--manifest", { manifest: z.encode(manifestSchema, parseManifest(text, typed.manifest)) });
  }
  if (typed.deadline !== undefined) {
    draft.put("--deadline", { deadline: now + duration(typed.deadline, "--deadline", MOST_AHEAD) });
  }
  draft.fill("deadline", instant(now + duration(DEFAULT_DEADLINE, "--deadline", MOST_AHEAD)));
  draft.fill("checkBudget", "0");
  draft.fill("payment", "prepaid");
  draft.fill("meter", METER_VERSION);
  draft.fill("costs", COSTS_HASH);
  const offer = draft.message();
  mustBeTaken(offer, signing);
  const { voucher: given } = offer;
  if (given) {
    if (!isVoucherOf(given, partyOf(signing).signer.address)) {
      throw refusedBeforehand("bad_signature", "the voucher in the offer is not signed by this device");
    }
    return mustNotDouble(signing);
  }
  if (offer.payment === "result") return mustNotDouble(signing);
  const need = offer.maxPrice + offer.checkBudget;
  const voucher = await ownVoucher(signing, need);
  if (voucher) draft.put("--ack", { voucher: encodedVoucher(voucher) });
  else if (!signing.terms) {
    const much = formatAmount(need, signing.decimals);
    signing.note(`no voucher: the lane must have a credit of ${much}; --ack or --cumulative signs one`);
  }
}

/**
 * Completes a voucher that travels alone: what `--cumulative` says, or what covers the lane's debt by the ack.
 *
 * @throws {@link Fault} `usage`, `amount_syntax`, `refused`, `books_disagree`
 */
export async function completeVoucher(draft: Draft<"voucher">, signing: Signing): Promise<void> {
  if (draft.has("voucher")) return mustNotDouble(signing);
  const { typed, terms } = signing;
  if (typed.cumulative === undefined && !terms) {
    throw new Fault(
      "usage",
      "say how much is signed in all, --cumulative AMOUNT, or what is owed, --ack FILE",
    );
  }
  const owed = terms?.lane.owed ?? 0n;
  if (typed.cumulative === undefined && owed === 0n) {
    throw new Fault("usage", "nothing is owed on this lane: say how much to sign, --cumulative AMOUNT");
  }
  const voucher = await ownVoucher(signing, owed);
  if (!voucher) throw new Fault("usage", "the lane's credit covers what is owed: nothing has to be signed");
  draft.put("--cumulative", { voucher: encodedVoucher(voucher) });
}

async function nameFirmware(draft: Draft<"offer">, path: string): Promise<void> {
  const bytes = await readBytes(path);
  const judged = judgeModule(bytes);
  if ("rejection" in judged) throw new Fault("firmware_rejected", `${path}: ${judged.reason}`);
  draft.put("--firmware", { firmware: hashBlob(bytes), firmwareBytes: bytes.length });
  draft.fill("profile", judged.profile);
  draft.fill("memoryMiB", judged.memoryMiB);
  const { profile, memoryMiB } = judged;
  if (draft.get("profile") !== profile || Number(draft.get("memoryMiB")) < memoryMiB) {
    throw new Fault(
      "firmware_rejected",
      `${path} is of the profile ${profile} and the memory class ${memoryMiB} MiB`,
    );
  }
}

/** What the gateway would refuse whatever its lane holds. */
function mustBeTaken(offer: Message<"offer">, signing: Signing): void {
  const { terms, now } = signing;
  if (offer.deadline <= now) throw refusedBeforehand("offer_expired", "the deadline is over");
  const { manifest } = offer;
  if (manifest && !isManifestFor(manifest, offer)) {
    throw refusedBeforehand(
      "bad_manifest",
      "the manifest is not its author's, or of another module, profile or memory",
    );
  }
  if (!terms) return;
  const { meter, costs, maxFuel } = terms.firmware;
  if (offer.meter !== meter || offer.costs !== costs) {
    throw refusedBeforehand(
      "meter_unknown",
      `this gateway counts fuel with meter ${meter} and costs ${costs}`,
    );
  }
  if (offer.fuelLimit > maxFuel) {
    throw refusedBeforehand("fuel_limit_high", `this gateway lets an offer name at most ${maxFuel} of fuel`);
  }
  const view = laneView(signing);
  if (view) mustTakeOffers(view);
}

function isManifestFor(manifest: Manifest, { firmware, profile, memoryMiB }: Message<"offer">): boolean {
  const isSame = manifest.profile === profile && manifest.memoryMiB === memoryMiB;
  return isSame && isManifestOf(manifest, firmware);
}
