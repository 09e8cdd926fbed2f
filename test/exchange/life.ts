/** Random lives of the exchange: steps drawn by fast-check, made into commands that mean something in the state. */
import fc from "fast-check";
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { firstDue } from "../../src/exchange/course.ts";
import type { Command, Decision } from "../../src/exchange/decide.ts";
import { apply, type Context, emptyState, type State } from "../../src/exchange/state.ts";
import { wantOf } from "../../src/exchange/wants.ts";
import { isOpen, type Task } from "../../src/market/task.ts";
import type { Fact, JournalRecord } from "../../src/protocol/facts.ts";
import type { Outcome } from "../../src/protocol/fuel.ts";
import { isVoucherOf, type Voucher } from "../../src/protocol/voucher.ts";
import {
  ARM,
  BOARD,
  CAMERA,
  CART,
  FUEL,
  funded,
  hash32,
  LIMITS,
  laneSeen,
  MARKET,
  offerTerms,
  outcome,
  ROBOT,
  RULES,
  SALT,
  START,
  voucherOf,
} from "./stage.ts";

export const REQUESTERS = [ROBOT, CART];
export const PROVIDERS = [BOARD, ARM, CAMERA];
const EVERYBODY = [...REQUESTERS, ...PROVIDERS];
/** What each task comes to on every machine; one in four ends in a trap. */
function truthOf(task: Task): Outcome {
  const isTrap = Number.parseInt(task.id.slice(-1), 16) % 4 === 3;
  return outcome({ verdict: isTrap ? "trap" : "ok", output: hash32(0x01), fuel: Math.floor(FUEL / 3) });
}

/** Mostly what is true; else, another output, another bill, or another end. */
function saidOf(task: Task, sum: number): Outcome {
  const truth = truthOf(task);
  const lies = [
    { output: hash32(0x02) },
    { fuel: Math.floor(FUEL / 2) },
    { verdict: "out-of-fuel" as const },
  ];
  if (sum === 5) return { ...truth, fuel: task.fuelLimit + 1 };
  const lie = pick(lies, Math.floor(sum / 4));
  return sum % 4 === 3 ? outcome({ ...truth, output: hash32(0x01), ...lie }) : truth;
}
const DEPOSIT = 1_000n;
/** Enough for one or two awards: the gateway must not promise the same room twice. */
const HUB_DEPOSIT = 250n;
/** Nothing checks it: signatures of commands are judged before `decide`. */
const SIGNATURE: Hex = `0x${"00".repeat(65)}`;

/** Vouchers of each requester by epoch and cumulative, signed once. */
const vouchers = new Map<string, Voucher>();

/** Must have ended before the first life begins. */
export async function signVouchers(): Promise<void> {
  for (const payer of REQUESTERS) {
    for (const epoch of [0, 1]) {
      for (let cumulative = 100n; cumulative <= 1_200n; cumulative += 100n) {
        const signed = await voucherOf(payer, cumulative, { epoch });
        vouchers.set(`${payer.address} ${epoch} ${cumulative}`, signed);
      }
    }
  }
}

/** One thing that happens. Numbers choose among what the state offers then, so that most steps mean something. */
export type Step = {
  readonly what: string;
  readonly who: number;
  readonly task: number;
  readonly sum: number;
  readonly coin: boolean;
};

const WEIGHTS: readonly (readonly [string, number])[] = [
  ["next", 60],
  ["offer", 6],
  ["voucher", 2],
  ["blobsHere", 6],
  ["blobsRefused", 1],
  ["bid", 12],
  ["accept", 6],
  ["result", 8],
  ["decline", 1],
  ["forfeit", 1],
  ["cancel", 2],
  ["payout", 1],
  ["payOut", 1],
  ["halt", 1],
  ["resume", 8],
  ["stopPaying", 1],
  ["resumePaying", 8],
  ["disable", 1],
  ["enable", 8],
  ["inspected", 6],
  ["refereed", 4],
  ["outputMissing", 1],
  ["reopened", 1],
  ["due", 6],
  ["wait", 4],
  ["deposit", 12],
  ["closing", 1],
  ["newEpoch", 1],
  ["claimed", 1],
];

const anyStep: fc.Arbitrary<Step> = fc.record({
  what: fc.oneof(...WEIGHTS.map(([name, weight]) => ({ weight, arbitrary: fc.constant(name) }))),
  who: fc.nat(5),
  task: fc.nat(3),
  sum: fc.nat(12),
  coin: fc.boolean(),
});
export const anyLife = fc.array(anyStep, { minLength: 20, maxLength: 90 });
/** Long enough to earn trust, to owe and to make it good. */
export const anyLongLife = fc.array(anyStep, { minLength: 150, maxLength: 400, size: "max" });

export type Life = {
  readonly state: State;
  readonly records: JournalRecord[];
  now: Instant;
  ids: number;
};

function pick<T>(all: readonly T[], at: number): T {
  const one = all[at % all.length];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

/** Open tasks come up more often than ended ones. */
function taskFor(state: State, step: Step): Task | undefined {
  const tasks = [...state.market.tasks.values()];
  const open = tasks.filter(isOpen);
  const from = open.length > 0 && (step.coin || step.task > 0) ? open : tasks;
  return from.length > 0 ? pick(from, step.task) : undefined;
}

function voucherFor(state: State, payer: Hex, sum: number): Voucher | undefined {
  const epoch = state.payment.incoming.get(payer)?.epoch ?? 0;
  return vouchers.get(`${payer} ${sum === 0 ? 1 - epoch : epoch} ${100 * Math.max(1, sum)}`);
}

/** The awarded provider most of the time, anybody else now and then. */
function providerFor(task: Task, step: Step): { by: Hex; award: Hex } {
  const waiting = [task.check, task.run].find((one) => one && one.stage !== "delivered") ?? task.run;
  const by = waiting && step.who > 0 ? waiting.provider : pick(PROVIDERS, step.sum).address;
  return { by, award: waiting && step.sum > 0 ? waiting.award : hash32(0xee) };
}

function deviceCommand(life: Life, step: Step): Command | undefined {
  const { state } = life;
  const id = `c-${life.ids++}`;
  const common = { version: 1 as const, id };
  const requester = pick(REQUESTERS, step.who).address;
  if (step.what === "offer") {
    const voucher = voucherFor(state, requester, step.sum);
    const terms = offerTerms(id, {
      maxPrice: amount(BigInt(step.sum * 20)),
      checkBudget: amount(BigInt(step.task * 100)),
      fuelLimit: step.sum % 3 === 0 ? FUEL / 2 : FUEL,
      deadline: instant(life.now + (step.coin ? 60_000 : step.sum * 400)),
      payment:
        (state.payment.standings.get(requester)?.paid ?? 0n) > 0n && step.who > 2 ? "result" : "prepaid",
    });
    const message = {
      ...common,
      ...terms,
      signature: SIGNATURE,
      ...(voucher && step.coin ? { voucher } : {}),
    };
    return { topic: "offer", by: requester, message };
  }
  if (step.what === "voucher") {
    const voucher = voucherFor(state, requester, step.sum);
    return voucher && { topic: "voucher", by: requester, message: { ...common, voucher } };
  }
  if (step.what === "payout") return { topic: "payout", by: requester, message: common };
  const task = taskFor(state, step);
  if (!task) return undefined;
  const { by, award } = providerFor(task, step);
  const about = { ...common, task: task.id };
  if (step.what === "bid") {
    const bidder = pick([...PROVIDERS, ...PROVIDERS, ROBOT], step.who).address;
    const expires = instant(life.now + (step.sum === 0 ? 0 : 20_000));
    const message = { ...about, rate: amount(BigInt(step.sum * 10)), expires, signature: SIGNATURE };
    return { topic: "bid", by: bidder, message };
  }
  if (step.what === "accept")
    return { topic: "accept", by, message: { ...about, award, signature: SIGNATURE } };
  if (step.what === "decline") return { topic: "decline", by, message: about };
  if (step.what === "forfeit") return { topic: "forfeit", by, message: { ...about, reason: "tired" } };
  if (step.what === "cancel") return { topic: "cancel", by: task.requester, message: about };
  const ran = saidOf(task, step.sum);
  const sized = { ...ran, outputBytes: ran.output === null ? 0 : 8 };
  return { topic: "result", by, message: { ...about, award, ...sized, signature: SIGNATURE } };
}

/** What the roster's folder shows. */
function switched({ state }: Life, step: Step): Command | undefined {
  const device = pick(PROVIDERS, step.who).address;
  const isOut = state.disabled.has(device);
  if (isOut === (step.what === "disable")) return undefined;
  return { topic: "observed", facts: [{ kind: isOut ? "deviceEnabled" : "deviceDisabled", device }] };
}

function taskCommand(life: Life, step: Step): Command | undefined {
  if (step.what === "halt") return { topic: "halt", reason: "tired" };
  if (step.what === "resume") return { topic: "resume", reason: "rested" };
  if (step.what === "stopPaying") return { topic: "stopPaying", reason: "a key is lost" };
  if (step.what === "resumePaying") return { topic: "resumePaying", reason: "it is found" };
  if (step.what === "disable" || step.what === "enable") return switched(life, step);
  if (step.what === "payOut")
    return { topic: "payOut", device: pick(EVERYBODY, step.who).address, all: step.coin };
  const task = taskFor(life.state, step);
  if (!task) return undefined;
  const award = task.run?.award ?? hash32(0xee);
  const reason = "as found";
  switch (step.what) {
    case "blobsHere":
      return { topic: "blobsHere", task: task.id };
    case "blobsRefused":
      return { topic: "blobsRefused", task: task.id, reason };
    case "inspected":
      return { topic: "inspected", task: task.id, award, passed: step.sum % 4 !== 0, reason };
    case "refereed":
      return {
        topic: "refereed",
        task: task.id,
        award,
        outcome: step.sum % 6 === 5 ? null : step.sum % 6 === 4 ? saidOf(task, 3) : truthOf(task),
        reason,
      };
    case "outputMissing":
      return { topic: "outputMissing", task: task.id, award, reason };
    case "reopened":
      return { topic: "reopened", task: task.id, from: life.now };
    case "due":
      return { topic: "due", task: task.id };
    default:
      return undefined;
  }
}

/** What the chain does: only what the vault allows, so `settled <= signed <= deposit`. */
function chainCommand({ state }: Life, step: Step): Command | undefined {
  const incoming = step.coin;
  const device = pick(incoming ? REQUESTERS : PROVIDERS, step.who).address;
  const lane = (incoming ? state.payment.incoming : state.payment.outgoing).get(device);
  if (!lane) return undefined;
  const { payer, payee, deposit, epoch, settled, closeAt, signed } = lane;
  const seen = (sum: bigint, change: { epoch?: number; settled?: bigint; closeAt?: number }) =>
    [laneSeen(payer, payee, sum, { epoch, settled, closeAt, ...change })] as const;
  if (step.what === "deposit") return { topic: "observed", facts: seen(deposit + 100n, { closeAt: 0 }) };
  if (step.what === "closing")
    return { topic: "observed", facts: seen(deposit, { closeAt: Math.floor(START / 1_000) + 3 + step.sum }) };
  if (step.what === "newEpoch") {
    if (!incoming || epoch > 0) return undefined;
    return { topic: "observed", facts: seen(DEPOSIT, { epoch: 1, settled: 0n, closeAt: 0 }) };
  }
  if (step.what !== "claimed") return undefined;
  const lanes = [...state.payment.incoming.values(), ...state.payment.outgoing.values()].map((one) => {
    const { newest: _, signed: promised, ...rest } = one;
    return { ...rest, settled: promised };
  });
  const claimed: Fact = {
    kind: "claimed",
    transaction: hash32(1),
    block: 2,
    gasUsed: 1n,
    gasCost: 1n,
    lanes,
  };
  return signed > settled ? { topic: "observed", facts: [claimed] } : undefined;
}

/** What a good requester, provider or gateway would do next for a task; now and then what a bad one does. */
function nextFor(life: Life, task: Task, sum: number): string {
  if (task.state === "offered") return "blobsHere";
  if (task.state === "announced" && ((sum > 1 && task.bids.length < 3) || sum > 6)) return "bid";
  const waiting = [task.check, task.run].find((one) => one && one.stage !== "delivered");
  if (task.state === "announced" || (waiting && sum === 0)) {
    const first = firstDue(life.state, RULES.inputMs, () => START);
    life.now = instant(Math.max(life.now, first?.at ?? 0));
    return "due";
  }
  if (waiting && sum === 1) return waiting.stage === "awarded" ? "decline" : "forfeit";
  if (waiting) return waiting.stage === "awarded" ? "accept" : "result";
  return wantOf(task)?.want === "inspection" ? "inspected" : "refereed";
}

export function commandOf(life: Life, step: Step): Command | undefined {
  if (step.what === "next") {
    const task = taskFor(life.state, step);
    return task && commandOf(life, { ...step, what: isOpen(task) ? nextFor(life, task, step.sum) : "offer" });
  }
  if (step.what === "wait") {
    life.now = instant(life.now + step.sum * 150);
    return undefined;
  }
  return deviceCommandNames.has(step.what)
    ? deviceCommand(life, step)
    : (taskCommand(life, step) ?? chainCommand(life, step));
}

const deviceCommandNames = new Set([
  "payout",
  ...["offer", "voucher", "bid", "accept", "result"],
  ...["decline", "forfeit", "cancel"],
]);

export function contextOf(life: Life, coin: boolean): Context {
  // Below the check rate on one side of the coin, above it on the other.
  const draw = () => (coin ? 0.1 : 0.9);
  // Small enough that credit is given back now and then, and that pay-on-result comes to its limit.
  const limits = { ...LIMITS, onResult: amount(800n), credit: amount(600n) };
  return {
    market: MARKET,
    rules: RULES,
    now: life.now,
    draw,
    limits,
    salt: () => SALT,
    isPayer: isVoucherOf,
    isAuthor: () => true,
    obstacle: null,
  };
}

export function newLife(): Life {
  const life: Life = { state: emptyState(), records: [], now: START, ids: 0 };
  record(life, [...funded(REQUESTERS, DEPOSIT), ...funded(PROVIDERS, HUB_DEPOSIT)], null);
  return life;
}

export function record(
  life: Life,
  facts: readonly Fact[],
  command: Command | null,
  refused: Decision["refused"] = null,
) {
  const by = command && "by" in command ? command.by : null;
  const id = command && "by" in command ? command.message.id : "";
  const cause = { by, topic: command?.topic ?? "test", id, digest: id, refused: refused?.refused ?? null };
  const made = { index: life.records.length + 1, at: life.now, cause, facts };
  apply(life.state, MARKET, made);
  life.records.push(made);
}
