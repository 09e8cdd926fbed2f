/**
 * The walk of a journal that checks each signature by itself: what the walk in groups is held to, and measured against.
 *
 * A signature covers terms that earlier facts hold: an award names the firmware of its offer, a receipt the output
 * and the fuel of its result. So this remembers each open task and the total of each lane, and nothing else: memory grows with
 * open tasks and devices, not with the journal.
 */
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { brokenEntry, GENESIS, openEntry, type StoredEntry } from "../../src/journal/entry.ts";
import type { Head } from "../../src/journal/journal.ts";
import type { Verified } from "../../src/journal/verify.ts";
import { keccak256 } from "../../src/kernels/digest.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import { type Fact, type FactNamed, postingsOf } from "../../src/protocol/facts.ts";
import { priceOf } from "../../src/protocol/fuel.ts";
import { isManifestOf } from "../../src/protocol/manifest.ts";
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
} from "../../src/protocol/typed-data.ts";
import { isVoucherOf, type Voucher } from "../../src/protocol/voucher.ts";

/** Verifies a journal entry by entry; throws `journal_broken` at the first one that does not hold. */
export function verifyOneByOne(entries: Iterable<StoredEntry>): Verified {
  const memory = newWitness();
  let head: Head = GENESIS;
  for (const stored of entries) {
    const entry = openEntry(stored, head);
    const sum = postingsOf(entry.facts).reduce((total, { change }) => total + change, 0n);
    if (sum !== 0n) throw brokenEntry(entry.index, `its postings sum to ${sum}, not to zero`);
    const why = witness(memory, entry.facts);
    if (why !== null) throw brokenEntry(entry.index, why);
    head = { index: entry.index, hash: entry.hash };
  }
  return { held: head.index, signatures: memory.signatures, head };
}

/** What has been promised on a lane in its newest life. */
type LaneTotal = { readonly epoch: number; readonly signed: bigint };

type OpenTask = {
  readonly offer: FactNamed<"offered">;
  /** By award hash. */
  readonly awards: Map<Hex, FactNamed<"awarded">>;
  /** The newest result of each provider. */
  readonly results: Map<Hex, FactNamed<"delivered">>;
};

type Witness = {
  market: Market | null;
  /** How many signatures have been recovered. */
  signatures: number;
  /** By payer, of lanes to the gateway. */
  readonly incoming: Map<Hex, LaneTotal>;
  /** By payee, of lanes from the gateway. */
  readonly outgoing: Map<Hex, LaneTotal>;
  readonly tasks: Map<Hex, OpenTask>;
};

function newWitness(): Witness {
  return { market: null, signatures: 0, incoming: new Map(), outgoing: new Map(), tasks: new Map() };
}

/** Checks a record's facts in order and remembers them. Returns why the record does not hold, or null. */
function witness(memory: Witness, facts: readonly Fact[]): string | null {
  for (const fact of facts) {
    const why = witnessFact(memory, fact);
    if (why !== null) return why;
  }
  // After the whole record: what ends a task need not be its last fact.
  for (const fact of facts) {
    if (fact.kind === "paid" || fact.kind === "ended") memory.tasks.delete(fact.task);
  }
  return null;
}

function witnessFact(memory: Witness, fact: Fact): string | null {
  if (fact.kind === "gatewayStarted") {
    memory.market = { gateway: fact.gateway, chainId: fact.chainId, vault: fact.vault, token: fact.token };
    return null;
  }
  const { market } = memory;
  if (!market) return isSigned(fact) ? "it is signed, but no start of a gateway stands before it" : null;
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
      return isOfTask(fact) ? witnessTask(memory, market, fact) : null;
  }
}

type TaskFact = FactNamed<"bidPlaced" | "awarded" | "accepted" | "delivered" | "invoiced" | "paid" | "ended">;

function isOfTask(fact: Fact): fact is TaskFact {
  return "legs" in fact || ("task" in fact && "signature" in fact && fact.kind !== "offered");
}

function isSigned(fact: Fact): boolean {
  return "signature" in fact || "voucher" in fact || "legs" in fact;
}

function witnessTask(memory: Witness, market: Market, fact: TaskFact): string | null {
  const task = memory.tasks.get(fact.task);
  if (!task) return `${fact.kind}: task ${fact.task} is not open`;
  switch (fact.kind) {
    case "bidPlaced":
      return signedBy(memory, bidDigest(market, fact), fact.signature, fact.provider, "bid");
    case "awarded":
      return awarded(memory, market, task, fact);
    case "accepted":
      return (
        answers(task, fact) ??
        signedBy(memory, acceptDigest(market, fact.award), fact.signature, fact.provider, "accept")
      );
    case "delivered":
      task.results.set(fact.provider, fact);
      return (
        answers(task, fact) ??
        signedBy(memory, resultDigest(market, fact), fact.signature, fact.provider, "result")
      );
    case "invoiced":
      return billed(memory, market, task, fact) ?? invoiced(memory, market, task, fact);
    case "paid":
      return billed(memory, market, task, fact) ?? receipted(memory, market, task, fact);
    case "ended":
      return billed(memory, market, task, fact);
  }
}

function signedBy(memory: Witness, digest: Hex, signature: Hex, by: Hex, what: string): string | null {
  memory.signatures += 1;
  return isSignedBy(by, digest, signature) ? null : `the ${what} is not signed by ${by}`;
}

/** A lane's new life starts at what is settled in it; a claim that we have not signed in this journal counts too. */
function observed(
  memory: Witness,
  market: Market,
  seen: { payer: Hex; payee: Hex; token: Hex; epoch: number; settled: bigint },
): null {
  if (seen.token !== market.token) return null;
  const isIncoming = seen.payee === market.gateway;
  if (!isIncoming && seen.payer !== market.gateway) return null;
  const [lanes, party] = isIncoming ? [memory.incoming, seen.payer] : [memory.outgoing, seen.payee];
  const lane = totalOf(lanes, party);
  if (seen.epoch < lane.epoch) return null;
  if (seen.epoch > lane.epoch || seen.settled > lane.signed) {
    lanes.set(party, { epoch: seen.epoch, signed: seen.settled });
  }
  return null;
}

function totalOf(lanes: Map<Hex, LaneTotal>, party: Hex): LaneTotal {
  return lanes.get(party) ?? { epoch: 0, signed: 0n };
}

function received(memory: Witness, market: Market, fact: FactNamed<"voucherReceived">): string | null {
  const { payer, voucher } = fact;
  if (voucher.payee !== market.gateway) return `the voucher of ${payer} is not for the gateway`;
  return added(memory, market, memory.incoming, payer, payer, voucher, fact.amount);
}

/** A voucher of the gateway's own to one payee. */
function given(
  memory: Witness,
  market: Market,
  payee: Hex,
  { voucher, amount }: { readonly voucher: Voucher; readonly amount: bigint },
): string | null {
  if (voucher.payee !== payee) return `what is paid to ${payee} holds a voucher to ${voucher.payee}`;
  return added(memory, market, memory.outgoing, payee, market.gateway, voucher, amount);
}

/** Checks one voucher: who signed it, and that it adds `gain` to its lane. */
function added(
  memory: Witness,
  market: Market,
  lanes: Map<Hex, LaneTotal>,
  party: Hex,
  payer: Hex,
  voucher: Voucher,
  gain: bigint,
): string | null {
  const lane = totalOf(lanes, party);
  const name = `the voucher of ${payer} to ${voucher.payee}`;
  if (voucher.token !== market.token) return `${name} is in another token`;
  if (voucher.chainId !== market.chainId || voucher.vault !== market.vault) {
    return `${name} is for another vault`;
  }
  if (voucher.epoch !== lane.epoch) return `${name} is of epoch ${voucher.epoch}, not ${lane.epoch}`;
  if (voucher.cumulative !== lane.signed + gain) {
    return `${name} adds ${voucher.cumulative - lane.signed}, not ${gain}`;
  }
  memory.signatures += 1;
  if (!isVoucherOf(voucher, payer)) return `${name} is not signed by its payer`;
  lanes.set(party, { epoch: lane.epoch, signed: voucher.cumulative });
  return null;
}

function offered(memory: Witness, market: Market, fact: FactNamed<"offered">): string | null {
  const digest = offerDigest(market, fact.requester, fact);
  if (taskIdOf(digest) !== fact.task) return `task ${fact.task} is not the id of its offer`;
  if (memory.tasks.has(fact.task)) return `task ${fact.task} is offered twice`;
  memory.tasks.set(fact.task, { offer: fact, awards: new Map(), results: new Map() });
  if (fact.manifest) {
    memory.signatures += 1;
    if (!isManifestOf(fact.manifest, fact.firmware))
      return "the manifest is not its author's, of this firmware";
  }
  return signedBy(memory, digest, fact.signature, fact.requester, "offer");
}

function awarded(memory: Witness, market: Market, task: OpenTask, fact: FactNamed<"awarded">): string | null {
  const { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs } = task.offer;
  const run = { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs };
  const digest = awardDigest(market, { ...fact, ...run });
  if (digest !== fact.award) return `the award's terms do not have the hash ${fact.award}`;
  task.awards.set(fact.award, fact);
  return signedBy(memory, digest, fact.signature, market.gateway, "award");
}

function answers(task: OpenTask, fact: FactNamed<"accepted" | "delivered">): string | null {
  const award = task.awards.get(fact.award);
  const isIts = award?.provider === fact.provider && award.role === fact.role;
  return isIts ? null : `${fact.kind}: ${fact.provider} holds no award ${fact.award}`;
}

/** Checks what a task's end says of its requester, and the voucher of each leg. */
function billed(
  memory: Witness,
  market: Market,
  task: OpenTask,
  { requester, legs }: FactNamed<"invoiced" | "paid" | "ended">,
): string | null {
  if (requester !== task.offer.requester) return `the bill is for ${requester}, who did not offer the task`;
  for (const leg of legs) {
    const why = given(memory, market, leg.payee, leg);
    if (why !== null) return why;
  }
  return null;
}

function invoiced(
  memory: Witness,
  market: Market,
  task: OpenTask,
  fact: FactNamed<"invoiced">,
): string | null {
  const answer = answerTo(task, fact);
  if (typeof answer === "string") return `the invoice ${answer}`;
  const salted = new Uint8Array([...fromHex(fact.salt), ...fromHex(answer.output ?? NO_OUTPUT)]);
  if (keccak256(salted) !== fact.saltedOutput) return "the salt does not open the invoice's output";
  const { award, verdict, rate } = answer;
  const digest = invoiceDigest(market, fact.requester, { ...fact, award, verdict, rate });
  return (
    signedBy(memory, digest, fact.signature, market.gateway, "invoice") ??
    receipted(memory, market, task, fact)
  );
}

function receipted(
  memory: Witness,
  market: Market,
  task: OpenTask,
  fact: FactNamed<"invoiced" | "paid">,
): string | null {
  const answer = answerTo(task, fact);
  if (typeof answer === "string") return `the receipt ${answer}`;
  const { firmware, input, meter, costs } = task.offer;
  const { verdict, output, rate } = answer;
  const work = { firmware, input, meter, costs, verdict, output, rate };
  const digest = receiptDigest(market, { ...fact, ...work });
  return signedBy(memory, digest, fact.receipt, market.gateway, "receipt");
}

/** The result that a bill is for, with the rate of its award; or why it is the bill of none. */
function answerTo(task: OpenTask, { provider, fuel, price, checks }: FactNamed<"invoiced" | "paid">) {
  const delivered = task.results.get(provider);
  const award = delivered && task.awards.get(delivered.award);
  if (!award) return "has no delivered result";
  if (delivered.fuel !== fuel) return `is for ${fuel} of fuel, not the ${delivered.fuel} of its result`;
  const cost = priceOf(award.rate, fuel);
  if (price - checks !== cost) return `asks ${price - checks} for a run that costs ${cost}`;
  return { ...delivered, rate: award.rate };
}
