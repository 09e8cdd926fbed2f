/** Arbitrary messages of each topic, from the words of the documentation. */
import fc from "fast-check";
import type { Ask } from "../../src/protocol/ask.ts";
import { MAX_FUEL, type MemoryClass } from "../../src/protocol/fuel.ts";
import { type Message, PROGRESS_STEPS } from "../../src/protocol/message.ts";
import type { Topic } from "../../src/protocol/topic.ts";
import {
  anyAddress,
  anyAmount,
  anyBytes,
  anyCount,
  anyFuel,
  anyHash,
  anyId,
  anyInstant,
  anyManifest,
  anyMemory,
  anyMeter,
  anyProfile,
  anyRate,
  anyRole,
  anyRunTerms,
  anySignature,
  anyTask,
  anyText,
  anyVerdict,
  anyVoucher,
  one,
} from "./any-scalar.ts";

const command = { version: one, id: anyId };
const anySlot = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
const anyLevel = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
const small = fc.integer({ min: 0, max: 1_000 });
const what = { firmware: anyHash, firmwareBytes: anyBytes, inputBytes: anyBytes };
const terms: fc.Arbitrary<NonNullable<Message<"ack">["terms"]>> = fc.record({
  time: anyInstant,
  gateway: anyAddress,
  chainId: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  vault: anyAddress,
  token: anyAddress,
  decimals: fc.integer({ min: 0, max: 36 }),
  feeBasisPoints: fc.integer({ min: 0, max: 10_000 }),
  firmware: fc.record({
    ...anyMeter,
    maxFuel: fc.integer({ min: 1, max: MAX_FUEL }),
    runMs: fc.integer({ min: 1 }),
  }),
  lane: fc.record({
    epoch: anyCount,
    deposit: anyAmount,
    signed: anyAmount,
    voucher: fc.option(anyVoucher),
    settled: anyAmount,
    closeAt: small,
    credit: anyAmount,
    held: anyAmount,
    owed: anyAmount,
  }),
  reverse: fc.record({
    epoch: anyCount,
    deposit: anyAmount,
    settled: anyAmount,
    closeAt: small,
    signed: anyAmount,
  }),
});

/** By memory class, each once at most. */
const byClass = <T>(entry: (memoryMiB: fc.Arbitrary<MemoryClass>) => fc.Arbitrary<T & ByClass>) =>
  fc.uniqueArray(entry(anyMemory), { selector: ({ memoryMiB }) => memoryMiB, maxLength: 3 });
type ByClass = { memoryMiB: MemoryClass };
export const anyAsk: fc.Arbitrary<Ask> = fc.record({
  ...anyMeter,
  rates: byClass((memoryMiB) => fc.record({ memoryMiB, rate: anyRate.filter((rate) => rate > 0n) })),
  fuelPerSecond: byClass((memoryMiB) =>
    fc.record({ memoryMiB, fuel: fc.integer({ min: 1, max: MAX_FUEL }) }),
  ),
  measured: anyInstant,
  expires: anyInstant,
  signature: anySignature,
});
/** A run that gave an output, or one that gave none. */
const delivery = (failed: boolean) => ({
  verdict: failed ? anyVerdict.filter((verdict) => verdict !== "ok") : fc.constant("ok" as const),
  output: failed ? fc.constant(null) : anyHash,
  outputBytes: failed ? fc.constant(0) : anyBytes,
  fuel: anyFuel,
});
const resultWith = (failed: boolean) =>
  fc.record({ ...command, task: anyTask, award: anyHash, ...delivery(failed), signature: anySignature });

/** Which fields of a topic may be missing. */
export const OPTIONAL: Partial<Record<Topic, readonly string[]>> = {
  offer: ["voucher", "manifest"],
  announce: ["manifest"],
  award: ["manifest"],
  factsheet: ["ask"],
  ack: ["task", "terms"],
  pair: ["proof"],
};

/** A record whose optional fields of the topic come and go. */
function sometimes<T>(topic: Topic, model: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  const optional = OPTIONAL[topic] ?? [];
  const requiredKeys = (Object.keys(model) as (keyof T)[]).filter((key) => !optional.includes(String(key)));
  return fc.record(model, { requiredKeys });
}

/** A message of each topic. */
export const MESSAGES: { readonly [T in Topic]: fc.Arbitrary<Message<T>> } = {
  connection: fc.record({ version: one, state: fc.constantFrom("ONLINE", "OFFLINE", "CONNECTION_BROKEN") }),
  factsheet: sometimes("factsheet", {
    version: one,
    name: fc.string({ maxLength: 64 }),
    profiles: fc.array(anyProfile, { maxLength: 4 }),
    memoryMiB: fc.integer({ min: 0, max: 4_096 }),
    ask: anyAsk,
  }),
  state: fc.record({ version: one, running: small, queued: small }),
  offer: sometimes("offer", {
    ...command,
    ...what,
    input: anyHash,
    maxPrice: anyAmount,
    checkBudget: anyAmount,
    deadline: anyInstant,
    payment: fc.constantFrom("prepaid" as const, "result" as const),
    ...anyRunTerms,
    manifest: anyManifest,
    voucher: anyVoucher,
    signature: anySignature,
  }),
  bid: fc.record({
    ...command,
    task: anyTask,
    rate: anyRate,
    expires: anyInstant,
    signature: anySignature,
  }),
  accept: fc.record({ ...command, task: anyTask, award: anyHash, signature: anySignature }),
  decline: fc.record({ ...command, task: anyTask }),
  forfeit: fc.record({ ...command, task: anyTask, reason: anyText }),
  login: fc.record({
    version: one,
    device: anyAddress,
    slot: anySlot,
    token: fc.option(fc.string({ maxLength: 600 })),
  }),
  pair: sometimes("pair", {
    ...{ version: one, manufacturer: anyLevel, serialNumber: anyLevel },
    model: fc.stringMatching(/^[\x20-\x7e]{1,64}$/),
    proof: anyHash,
  }),
  pairing: fc.record({
    ...{ version: one, manufacturer: anyLevel, serialNumber: anyLevel, name: anyLevel, secret: anyHash },
    ...{ device: anyAddress, gateway: anyAddress, vault: anyAddress, token: anyAddress },
    chainId: fc.integer({ min: 1 }),
  }),
  challenge: fc.record({ version: one, slot: fc.option(anySlot), nonce: anyHash, time: anyInstant }),
  cancel: fc.record({ ...command, task: anyTask }),
  result: fc.oneof(resultWith(false), resultWith(true)),
  voucher: fc.record({ ...command, voucher: anyVoucher }),
  payout: fc.record(command),
  invoice: fc.record({
    version: one,
    task: anyTask,
    provider: anyAddress,
    award: anyHash,
    accept: anySignature,
    verdict: anyVerdict,
    fuel: anyFuel,
    rate: anyRate,
    saltedOutput: anyHash,
    outputBytes: anyBytes,
    price: anyAmount,
    fee: anyAmount,
    checks: anyAmount,
    due: anyInstant,
    signature: anySignature,
  }),
  announce: sometimes("announce", {
    ...what,
    ...anyRunTerms,
    manifest: anyManifest,
    version: one,
    task: anyTask,
    requester: anyAddress,
    maxPrice: anyAmount,
    bidBy: anyInstant,
    deadline: anyInstant,
  }),
  award: sometimes("award", {
    ...what,
    ...anyRunTerms,
    manifest: anyManifest,
    version: one,
    task: anyTask,
    role: anyRole,
    requester: anyAddress,
    provider: anyAddress,
    input: anyHash,
    rate: anyRate,
    feeBasisPoints: fc.integer({ min: 0, max: 10_000 }),
    acceptBy: anyInstant,
    runBy: anyInstant,
    signature: anySignature,
  }),
  payment: fc.record({
    version: one,
    task: fc.option(anyTask),
    role: fc.option(anyRole),
    amount: anyAmount,
    voucher: anyVoucher,
  }),
  receipt: fc.record({
    version: one,
    task: anyTask,
    requester: anyAddress,
    provider: anyAddress,
    firmware: anyHash,
    input: anyHash,
    verdict: anyVerdict,
    output: fc.option(anyHash),
    ...anyMeter,
    fuel: anyFuel,
    rate: anyRate,
    price: anyAmount,
    fee: anyAmount,
    checks: anyAmount,
    signature: anySignature,
  }),
  answer: fc.record({
    version: one,
    task: anyTask,
    state: fc.constantFrom("paid", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"),
    reason: anyText,
    verdict: fc.option(anyVerdict),
    output: fc.option(anyHash),
    outputBytes: anyBytes,
    fuel: anyFuel,
    salt: fc.option(anyHash),
    spent: anyAmount,
    credit: anyAmount,
    provider: fc.option(anyAddress),
    rechecked: fc.boolean(),
  }),
  ack: fc.record(
    { version: one, id: anyText, journalIndex: anyCount, task: anyTask, terms },
    { requiredKeys: ["version", "id", "journalIndex"] },
  ),
  refusal: fc.record({
    version: one,
    id: fc.option(anyText),
    topic: anyText,
    code: anyText,
    hint: anyText,
  }),
  progress: fc
    .record({
      version: one,
      from: fc.constantFrom("device", "gateway"),
      task: anyTask,
      step: fc.constantFrom(...PROGRESS_STEPS),
      done: fc.nat(),
      more: fc.nat(),
    })
    .map(({ more, ...rest }) => ({ ...rest, total: rest.done + more })),
  "blob-get": fc.record({
    version: one,
    from: fc.constantFrom("device", "gateway"),
    hash: anyHash,
    offset: anyBytes,
    length: fc.integer({ min: 1, max: 32_768 }),
  }),
  "blob-data": fc.record({
    version: one,
    from: fc.constantFrom("device", "gateway"),
    hash: anyHash,
    offset: anyBytes,
    total: anyBytes,
    bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  }),
};
