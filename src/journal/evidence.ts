/**
 * What a journal's records claim to be signed: by whom, over which digest, and what must be true around it.
 *
 * A signature covers terms that earlier facts hold: an award names the firmware of its offer, a receipt the output and
 * the fuel of its result. So this remembers each open task and the total of each lane, and nothing else: memory grows
 * with open tasks and devices, not with the journal. It checks no signature: whoever asks does that, many at a time.
 */
import { fromHex, type Hex } from "../base/bytes.ts";
import { keccak256 } from "../kernels/digest.ts";
import type { SignatureCheck } from "../kernels/signature-group.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import { priceOf } from "../protocol/fuel.ts";
import { manifestDigest } from "../protocol/manifest.ts";
import {
  acceptDigest,
  awardDigest,
  bidDigest,
  invoiceDigest,
  type Market,
  NO_OUTPUT,
  offerDigest,
  receiptDigest,
  resultDigest,
  taskIdOf,
} from "../protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../protocol/voucher.ts";

/** A signature that a record rests on. */
export type Claim = SignatureCheck & {
  /** `offer`, `manifest`, `bid`, `award`, `accept`, `result`, `voucher`, `invoice` or `receipt`. */
  readonly what: string;
  /** Why the record does not hold when this was not signed by whom it names. */
  readonly wrong: string;
};

/** A signature that cannot be checked, since what it covers is in a record that is not here. */
export type Gap = { readonly what: string; readonly by: Hex | null; readonly why: string };

/** What has been promised on a lane in its newest life, and what the chain was last seen to have paid of it. */
export type LaneTotal = { readonly epoch: number; readonly signed: bigint; readonly settled: bigint };

type OpenTask = {
  /** Null where its record is not here. */
  readonly offer: FactNamed<"offered"> | null;
  /** By award hash. */
  readonly awards: Map<Hex, FactNamed<"awarded">>;
  /** The newest result of each provider. */
  readonly results: Map<Hex, FactNamed<"delivered">>;
};

export type Evidence = {
  /** Whether all records are read from the first one on: then whatever is missing breaks a record. */
  readonly isWhole: boolean;
  market: Market | null;
  /** By payer, of lanes to the gateway. */
  readonly incoming: Map<Hex, LaneTotal>;
  /** By payee, of lanes from the gateway. */
  readonly outgoing: Map<Hex, LaneTotal>;
  readonly tasks: Map<Hex, OpenTask>;
  /** What was found and nobody has taken yet, in the order of the records. */
  claims: Claim[];
  /** As {@link claims}; stays empty of a whole journal. */
  gaps: Gap[];
};

/** A memory for a journal read from its first record: it takes nothing signed before a `gatewayStarted`. */
export function newEvidence(): Evidence {
  return evidence(true, null);
}

/** A memory for some records of a journal, in order: what rests on records that are not here becomes a gap. */
export function partialEvidence(market: Market | null): Evidence {
  return evidence(false, market);
}

function evidence(isWhole: boolean, market: Market | null): Evidence {
  const lanes = { incoming: new Map(), outgoing: new Map() };
  return { isWhole, market, ...lanes, tasks: new Map(), claims: [], gaps: [] };
}

/** Gathers a record's claims and remembers its facts, in order. Returns why the record does not hold, or null. */
export function gather(memory: Evidence, facts: readonly Fact[]): string | null {
  for (const fact of facts) {
    const why = gatherFact(memory, fact);
    if (why !== null) return why;
  }
  concludeRecord(memory, facts);
  return null;
}

/** Forgets the tasks that a record ends. After the whole record: what ends a task need not be its last fact. */
export function concludeRecord(memory: Evidence, facts: readonly Fact[]): void {
  for (const fact of facts) {
    if (fact.kind === "paid" || fact.kind === "ended") memory.tasks.delete(fact.task);
  }
}

/** {@link gather} for one fact. */
export function gatherFact(memory: Evidence, fact: Fact): string | null {
  if (fact.kind === "gatewayStarted") {
    memory.market = { gateway: fact.gateway, chainId: fact.chainId, vault: fact.vault, token: fact.token };
    return null;
  }
  const { market } = memory;
  if (!market) {
    if (!isSigned(fact)) return null;
    if (memory.isWhole) return "it is signed, but no start of a gateway stands before it";
    return gap(memory, fact.kind, null, "which gateway it is of is not known");
  }
  switch (fact.kind) {
    case "laneObserved":
      return observed(memory, market, fact);
    case "claimed":
      for (const lane of fact.lanes) observed(memory, market, lane);
      return null;
    case "voucherReceived":
      return received(memory, market, fact);
    case "voucherShown":
      return given(memory, market, fact.payee, fact);
    case "creditPaidOut":
      return given(memory, market, fact.device, fact);
    case "offered":
      return offered(memory, market, fact);
    default:
      return isOfTask(fact) ? gatherTask(memory, market, fact) : null;
  }
}

type TaskFact = FactNamed<"bidPlaced" | "awarded" | "accepted" | "delivered" | "invoiced" | "paid" | "ended">;

function isOfTask(fact: Fact): fact is TaskFact {
  return "legs" in fact || ("task" in fact && "signature" in fact && fact.kind !== "offered");
}

function isSigned(fact: Fact): boolean {
  return "signature" in fact || "voucher" in fact || "legs" in fact;
}

function gatherTask(memory: Evidence, market: Market, fact: TaskFact): string | null {
  const task = memory.tasks.get(fact.task) ?? (memory.isWhole ? null : openTask(memory, fact.task, null));
  if (!task) return `${fact.kind}: task ${fact.task} is not open`;
  switch (fact.kind) {
    case "bidPlaced":
      return claim(memory, "bid", bidDigest(market, fact), fact.signature, fact.provider);
    case "awarded":
      return awarded(memory, market, task, fact);
    case "accepted":
      return (
        answers(memory, task, fact) ??
        claim(memory, "accept", acceptDigest(market, fact.award), fact.signature, fact.provider)
      );
    case "delivered":
      task.results.set(fact.provider, fact);
      return (
        answers(memory, task, fact) ??
        claim(memory, "result", resultDigest(market, fact), fact.signature, fact.provider)
      );
    case "invoiced":
      return billed(memory, market, task, fact) ?? invoiced(memory, market, task, fact);
    case "paid":
      return billed(memory, market, task, fact) ?? receipted(memory, market, task, fact);
    case "ended":
      return billed(memory, market, task, fact);
  }
}

function openTask(memory: Evidence, id: Hex, offer: FactNamed<"offered"> | null): OpenTask {
  const task = { offer, awards: new Map(), results: new Map() };
  memory.tasks.set(id, task);
  return task;
}

function claim(memory: Evidence, what: string, digest: Hex, signature: Hex, by: Hex): null {
  memory.claims.push({ what, digest, signature, by, wrong: `the ${what} is not signed by ${by}` });
  return null;
}

function gap(memory: Evidence, what: string, by: Hex | null, why: string): null {
  memory.gaps.push({ what, by, why });
  return null;
}

/** A lane's new life starts at what is settled in it; a claim that we have not signed in this journal counts too. */
function observed(
  memory: Evidence,
  market: Market,
  seen: { payer: Hex; payee: Hex; token: Hex; epoch: number; settled: bigint },
): null {
  if (seen.token !== market.token) return null;
  const isIncoming = seen.payee === market.gateway;
  if (!isIncoming && seen.payer !== market.gateway) return null;
  const [lanes, party] = isIncoming ? [memory.incoming, seen.payer] : [memory.outgoing, seen.payee];
  const lane = lanes.get(party) ?? NEW_LANE;
  const { epoch, settled } = seen;
  if (epoch < lane.epoch) return null;
  const isFresh = epoch > lane.epoch || settled > lane.signed;
  lanes.set(party, { epoch, settled, signed: isFresh ? settled : lane.signed });
  return null;
}

const NEW_LANE: LaneTotal = { epoch: 0, signed: 0n, settled: 0n };

function received(memory: Evidence, market: Market, fact: FactNamed<"voucherReceived">): string | null {
  const { payer, voucher } = fact;
  if (voucher.payee !== market.gateway) return `the voucher of ${payer} is not for the gateway`;
  return added(memory, market, memory.incoming, payer, payer, voucher, fact.amount);
}

/** A voucher of the gateway's own to one payee. */
function given(
  memory: Evidence,
  market: Market,
  payee: Hex,
  { voucher, amount }: { readonly voucher: Voucher; readonly amount: bigint },
): string | null {
  if (voucher.payee !== payee) return `what is paid to ${payee} holds a voucher to ${voucher.payee}`;
  return added(memory, market, memory.outgoing, payee, market.gateway, voucher, amount);
}

/** One voucher: who must have signed it, and that it adds `gain` to its lane. */
function added(
  memory: Evidence,
  market: Market,
  lanes: Map<Hex, LaneTotal>,
  party: Hex,
  payer: Hex,
  voucher: Voucher,
  gain: bigint,
): string | null {
  const name = `the voucher of ${payer} to ${voucher.payee}`;
  if (voucher.token !== market.token) return `${name} is in another token`;
  if (voucher.chainId !== market.chainId || voucher.vault !== market.vault) {
    return `${name} is for another vault`;
  }
  const lane = lanes.get(party) ?? NEW_LANE;
  const why = memory.isWhole ? misfit(name, lane, voucher, gain) : misfitOfSome(name, lane, voucher, gain);
  if (why !== null) return why;
  const wrong = `${name} is not signed by its payer`;
  const { signature } = voucher;
  memory.claims.push({ what: "voucher", digest: voucherDigest(voucher), signature, by: payer, wrong });
  const settled = voucher.epoch === lane.epoch ? lane.settled : 0n;
  lanes.set(party, { epoch: voucher.epoch, signed: voucher.cumulative, settled });
  return null;
}

function misfit(name: string, lane: LaneTotal, { epoch, cumulative }: Voucher, gain: bigint): string | null {
  if (epoch !== lane.epoch) return `${name} is of epoch ${epoch}, not ${lane.epoch}`;
  if (cumulative === lane.signed + gain) return null;
  return `${name} adds ${cumulative - lane.signed}, not ${gain}`;
}

/** What can be said where vouchers in between may be missing: a total only grows. */
function misfitOfSome(
  name: string,
  lane: LaneTotal,
  { epoch, cumulative }: Voucher,
  gain: bigint,
): string | null {
  if (epoch < lane.epoch) return `${name} is of epoch ${epoch}, after ${lane.epoch}`;
  const signed = epoch === lane.epoch ? lane.signed : 0n;
  return cumulative >= signed + gain ? null : `${name} adds ${cumulative - signed}, not ${gain}`;
}

function offered(memory: Evidence, market: Market, fact: FactNamed<"offered">): string | null {
  const digest = offerDigest(market, fact.requester, fact);
  if (taskIdOf(digest) !== fact.task) return `task ${fact.task} is not the id of its offer`;
  if (memory.tasks.has(fact.task)) return `task ${fact.task} is offered twice`;
  openTask(memory, fact.task, fact);
  const { manifest } = fact;
  if (manifest) {
    const wrong = "the manifest is not its author's, of this firmware";
    if (manifest.firmware !== fact.firmware) return wrong;
    const { author: by, signature } = manifest;
    memory.claims.push({ what: "manifest", digest: manifestDigest(manifest), signature, by, wrong });
  }
  return claim(memory, "offer", digest, fact.signature, fact.requester);
}

function awarded(
  memory: Evidence,
  market: Market,
  task: OpenTask,
  fact: FactNamed<"awarded">,
): string | null {
  if (!task.offer) {
    task.awards.set(fact.award, fact);
    return gap(memory, "award", market.gateway, ELSEWHERE.offer);
  }
  const { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs } = task.offer;
  const run = { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs };
  const digest = awardDigest(market, { ...fact, ...run });
  if (digest !== fact.award) return `the award's terms do not have the hash ${fact.award}`;
  task.awards.set(fact.award, fact);
  return claim(memory, "award", digest, fact.signature, market.gateway);
}

/** Why something rests on a record that is not here. */
const ELSEWHERE = {
  offer: "the record of its offer is not here",
  result: "the records of its award and its result are not here",
} as const;

function answers(
  { isWhole }: Evidence,
  task: OpenTask,
  fact: FactNamed<"accepted" | "delivered">,
): string | null {
  const award = task.awards.get(fact.award);
  if (!award && !isWhole) return null;
  const isIts = award?.provider === fact.provider && award.role === fact.role;
  return isIts ? null : `${fact.kind}: ${fact.provider} holds no award ${fact.award}`;
}

/** Checks what a task's end says of its requester, and takes the voucher of each leg. */
function billed(
  memory: Evidence,
  market: Market,
  { offer }: OpenTask,
  { requester, legs }: FactNamed<"invoiced" | "paid" | "ended">,
): string | null {
  if (offer && requester !== offer.requester) {
    return `the bill is for ${requester}, who did not offer the task`;
  }
  for (const leg of legs) {
    const why = given(memory, market, leg.payee, leg);
    if (why !== null) return why;
  }
  return null;
}

function invoiced(
  memory: Evidence,
  market: Market,
  task: OpenTask,
  fact: FactNamed<"invoiced">,
): string | null {
  const answer = answerTo(memory, task, fact);
  if (answer === null) gap(memory, "invoice", market.gateway, ELSEWHERE.result);
  else {
    if (typeof answer === "string") return `the invoice ${answer}`;
    const salted = new Uint8Array([...fromHex(fact.salt), ...fromHex(answer.output ?? NO_OUTPUT)]);
    if (keccak256(salted) !== fact.saltedOutput) return "the salt does not open the invoice's output";
    const { award, verdict, rate } = answer;
    const digest = invoiceDigest(market, fact.requester, { ...fact, award, verdict, rate });
    claim(memory, "invoice", digest, fact.signature, market.gateway);
  }
  return receipted(memory, market, task, fact);
}

function receipted(
  memory: Evidence,
  market: Market,
  task: OpenTask,
  fact: FactNamed<"invoiced" | "paid">,
): string | null {
  const answer = answerTo(memory, task, fact);
  if (typeof answer === "string") return `the receipt ${answer}`;
  if (answer === null) return gap(memory, "receipt", market.gateway, ELSEWHERE.result);
  if (!task.offer) return gap(memory, "receipt", market.gateway, ELSEWHERE.offer);
  const { firmware, input, meter, costs } = task.offer;
  const { verdict, output, rate } = answer;
  const work = { firmware, input, meter, costs, verdict, output, rate };
  const digest = receiptDigest(market, { ...fact, ...work });
  return claim(memory, "receipt", digest, fact.receipt, market.gateway);
}

/** The result that a bill is for, with the rate of its award; why it is the bill of none; null where it is not here. */
function answerTo(
  { isWhole }: Evidence,
  task: OpenTask,
  { provider, fuel, price, checks }: FactNamed<"invoiced" | "paid">,
) {
  const delivered = task.results.get(provider);
  const award = delivered && task.awards.get(delivered.award);
  if (!award) return isWhole ? "has no delivered result" : null;
  if (delivered.fuel !== fuel) return `is for ${fuel} of fuel, not the ${delivered.fuel} of its result`;
  const cost = priceOf(award.rate, fuel);
  if (price - checks !== cost) return `asks ${price - checks} for a run that costs ${cost}`;
  return { ...delivered, rate: award.rate };
}
