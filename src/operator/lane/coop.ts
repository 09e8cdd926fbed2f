/** Closing a lane at once, with the gateway's key: as payer by its device's consent, or as payee by its own. */
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import type { Lane } from "../../payment/lane.ts";
import type { LaneOnChain } from "../../settlement/chain.ts";
import { knownLane } from "../../settlement/ledger.ts";
import { coopClose } from "../../settlement/vault-calls.ts";
import { askGateway } from "../control/client.ts";
import { readHalt } from "../control/halt-file.ts";
import { readBooks } from "../money/offline.ts";
import type { Step } from "../money/send.ts";
import { laneAtHead } from "../money/target.ts";
import { readText } from "../money/text-file.ts";
import { parseConsent } from "./consent.ts";
import { type LaneContext, laneTitle } from "./ends.ts";

export type Consented = {
  /** The file with the device's consent, for the gateway's own lane; without one it is the device's lane. */
  readonly consent: string | undefined;
  readonly isRunning: boolean;
};

/**
 * The transaction that closes the lane, which must be open.
 *
 * @throws {@link Fault} `usage` when it is not, when the consent is for more than was signed, or when a running gateway
 * still takes offers; `file_format` for a consent that is none
 */
export async function coopStep(context: LaneContext, how: Consented): Promise<Step> {
  const { chain, ends } = context;
  const lane = await laneAtHead(chain, ends.key);
  if (lane.deposit === 0n)
    throw new Fault("usage", `the lane ${laneTitle(ends)} is not open: hirewire lane list`);
  const known = booked(context, lane);
  const close =
    how.consent === undefined
      ? await asPayee(context, lane, known, how)
      : asPayer(context, lane, known, how.consent);
  return {
    step: "coopClose",
    purpose: "close",
    call: coopClose(chain.vault, { ...ends.key, epoch: lane.epoch, ...close }),
  };
}

type Close = Pick<
  Parameters<typeof coopClose>[1],
  "finalAmount" | "vouched" | "payerSignature" | "deadline" | "payeeSignature"
>;

/** The gateway gives up nothing that it has not signed. */
function asPayer(context: LaneContext, lane: LaneOnChain, known: Lane, path: string): Close {
  const { chain, ends, decimals } = context;
  const { finalAmount, deadline, signature } = parseConsent(
    readText(path),
    path,
    chain,
    ends.key,
    lane.epoch,
  );
  if (finalAmount > known.signed) {
    const [wanted, signed] = [formatAmount(finalAmount, decimals), formatAmount(known.signed, decimals)];
    throw new Fault(
      "usage",
      `${path} asks for ${wanted} in all, and ${signed} are signed: ask for a consent to that`,
    );
  }
  return { finalAmount, vouched: finalAmount, payerSignature: "0x", deadline, payeeSignature: signature };
}

/** The gateway takes all that was signed to it: a voucher that comes while this is under way would be lost. */
async function asPayee(context: LaneContext, lane: LaneOnChain, known: Lane, how: Consented): Promise<Close> {
  const { settings, ends } = context;
  if (how.isRunning && readHalt(settings.data) === null) {
    const status = await askGateway(settings.data, { do: "status" });
    const isHalted = status !== null && typeof status["halted"] === "string";
    if (!isHalted) {
      throw new Fault(
        "usage",
        `the gateway takes offers, and ${ends.payer.name} may sign meanwhile: hirewire halt first`,
      );
    }
  }
  const { newest } = known;
  const finalAmount = newest && newest.cumulative > lane.settled ? newest.cumulative : lane.settled;
  if (finalAmount > lane.deposit) {
    throw new Fault(
      "usage",
      `more is signed on the lane ${laneTitle(ends)} than it holds: hirewire settle --now`,
    );
  }
  const payerSignature = newest && finalAmount === newest.cumulative ? newest.signature : "0x";
  return { finalAmount, vouched: finalAmount, payerSignature, deadline: 0, payeeSignature: "0x" };
}

/** The lane as the journal has it, in the life that the chain shows. */
function booked({ settings, ends }: LaneContext, lane: LaneOnChain): Lane {
  const { id: chainId, vault, token } = settings.chain;
  const market = { chainId, vault, token, gateway: ends.gateway.address };
  const { payment, transactions } = readBooks(settings, market);
  const ledger = { payment, transactions, devices: () => [], claimedAt: () => 0 };
  const known = knownLane(ledger, market, ends.key);
  if (known.epoch === lane.epoch)
    return { ...known, signed: known.signed > lane.settled ? known.signed : lane.settled };
  return { ...known, ...lane, signed: lane.settled, newest: null };
}
