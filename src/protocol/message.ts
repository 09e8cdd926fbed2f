/**
 * Every message on the wire: its schema, and the type that follows from it.
 *
 * Commands refuse unknown keys; telemetry (`connection`, `factsheet`, `state`) ignores them. All are JSON objects
 * in UTF-8, and the version comes first. MQTT 3.1.1 carries no properties, so ids and expiry ride in the payload.
 */
import { z } from "zod";
import { askSchema } from "./ask.ts";
import { PROFILES, RUN_VERDICTS } from "./fuel.ts";
import { manifestSchema } from "./manifest.ts";
import { pairingSchema, pairSchema } from "./pairing.ts";
import {
  address,
  amount,
  commandId,
  fuel,
  fuelLimit,
  hash32,
  instant,
  memoryClass,
  meterVersion,
  rate,
  signature,
  slot,
  taskId,
} from "./scalar.ts";
import type { Topic } from "./topic.ts";
import { voucherSchema } from "./voucher.ts";

const version = z.literal(1);
/** Most bytes of task firmware, an input or an output that a message can name: 64 MiB. */
export const MAX_BYTE_COUNT = 67_108_864;
const byteCount = z.number().int().min(0).max(MAX_BYTE_COUNT);
const basisPoints = z.number().int().min(0).max(10_000);

/** What counts the fuel: the meter's version, and the hash of its cost table. */
const meterTerms = { meter: meterVersion, costs: hash32 };

/** How a run is bounded and metered. */
const runTerms = { profile: z.enum(PROFILES), memoryMiB: memoryClass, fuelLimit, ...meterTerms };

/** What the firmware's author says of it, with a signature of its own. */
const manifest = manifestSchema.optional();

type Delivery = { verdict: (typeof RUN_VERDICTS)[number]; output: unknown; outputBytes: number };

/** Only a run that ended well has an output. */
function isWhole({ verdict, output, outputBytes }: Delivery): boolean {
  return verdict === "ok" ? output !== null : output === null && outputBytes === 0;
}

/** What an award buys: the answer itself, or a second opinion on somebody else's. */
export const ROLES = ["run", "check"] as const;

/** When an offer is paid for: out of credit set aside beforehand, or by a voucher against the invoice. */
export const PAYMENTS = ["prepaid", "result"] as const;

/** What a provider does with a task that it has accepted, in this order. */
export const PROGRESS_STEPS = ["fetching", "running", "delivering"] as const;

export const messageSchemas = {
  connection: z.object({ version, state: z.enum(["ONLINE", "OFFLINE", "CONNECTION_BROKEN"]) }),
  factsheet: z.object({
    version,
    name: z.string().max(64),
    /** Task firmware profiles that this device runs; empty for one that only buys. */
    profiles: z.array(z.enum(PROFILES)).max(4),
    memoryMiB: z.number().int().min(0).max(4_096),
    /** The rates that it stands by; absent for one that only buys, or bids by the task. */
    ask: askSchema.optional(),
  }),
  state: z.object({ version, running: z.number().int().min(0), queued: z.number().int().min(0) }),

  offer: z.strictObject({
    version,
    id: commandId,
    firmware: hash32,
    firmwareBytes: byteCount,
    input: hash32,
    inputBytes: byteCount,
    /** The most that the run may cost, fee included. */
    maxPrice: amount,
    /** Set aside for second opinions; what they do not use comes back. */
    checkBudget: amount,
    /** By when the answer must be there. */
    deadline: instant,
    payment: z.enum(PAYMENTS),
    ...runTerms,
    manifest,
    voucher: voucherSchema.optional(),
    signature,
  }),
  /** `rate` is the price of 10^12 of fuel, fee included. */
  bid: z.strictObject({ version, id: commandId, task: taskId, rate, expires: instant, signature }),
  accept: z.strictObject({ version, id: commandId, task: taskId, award: hash32, signature }),
  decline: z.strictObject({ version, id: commandId, task: taskId }),
  forfeit: z.strictObject({ version, id: commandId, task: taskId, reason: z.string().max(200) }),
  cancel: z.strictObject({ version, id: commandId, task: taskId }),
  result: z
    .strictObject({
      version,
      id: commandId,
      task: taskId,
      award: hash32,
      verdict: z.enum(RUN_VERDICTS),
      /** Null unless the verdict is `ok`. */
      output: hash32.nullable(),
      outputBytes: byteCount,
      fuel,
      signature,
    })
    .refine(isWhole),
  /** The device's own to the gateway, or the gateway's to the device, shown so that it cannot be forgotten. */
  voucher: z.strictObject({ version, id: commandId, voucher: voucherSchema }),
  /** Asks for the lane's whole credit, on the lane back. */
  payout: z.strictObject({ version, id: commandId }),

  /** Logs in without a CONNECT token; with no token it asks for a challenge. */
  login: z.strictObject({ version, device: address, slot, token: z.string().max(600).nullable() }),
  /**
   * What to sign a token with. One that names no slot asks every connection of the device to log in again; its nonce is
   * good for one of them.
   */
  challenge: z.strictObject({ version, slot: slot.nullable(), nonce: hash32, time: instant }),
  pair: pairSchema,
  pairing: pairingSchema,

  announce: z.strictObject({
    version,
    task: taskId,
    requester: address,
    firmware: hash32,
    firmwareBytes: byteCount,
    inputBytes: byteCount,
    maxPrice: amount,
    bidBy: instant,
    deadline: instant,
    ...runTerms,
    manifest,
  }),
  award: z.strictObject({
    version,
    task: taskId,
    role: z.enum(ROLES),
    requester: address,
    provider: address,
    firmware: hash32,
    firmwareBytes: byteCount,
    input: hash32,
    inputBytes: byteCount,
    ...runTerms,
    manifest,
    /** Of 10^12 of fuel: what the requester's side pays; the provider receives that less the gateway's fee. */
    rate,
    feeBasisPoints: basisPoints,
    acceptBy: instant,
    runBy: instant,
    signature,
  }),
  /** What an on-result task costs. The output is told once it is paid: until then only its salted hash. */
  invoice: z.strictObject({
    version,
    task: taskId,
    provider: address,
    award: hash32,
    /** The provider's signature over `Accept`: somebody did take this work on. */
    accept: signature,
    verdict: z.enum(RUN_VERDICTS),
    fuel,
    rate,
    /**
     * Keccak-256 of salt (32 bytes) and the output's SHA-256 (32 bytes, zero without an output); the answer tells both.
     */
    saltedOutput: hash32,
    outputBytes: byteCount,
    /** What the voucher has to add: fee and checks included. */
    price: amount,
    fee: amount,
    checks: amount,
    due: instant,
    signature,
  }),
  payment: z.strictObject({
    version,
    /** Null when credit is paid out (`amount` above zero) or the newest voucher is only shown again. */
    task: taskId.nullable(),
    role: z.enum(ROLES).nullable(),
    amount,
    voucher: voucherSchema,
  }),
  receipt: z.strictObject({
    version,
    task: taskId,
    requester: address,
    provider: address,
    firmware: hash32,
    input: hash32,
    verdict: z.enum(RUN_VERDICTS),
    output: hash32.nullable(),
    ...meterTerms,
    /** Of the answer's own run, which cost rate × fuel / 10^12, rounded up; `price` has the checks in it. */
    fuel,
    rate,
    price: amount,
    fee: amount,
    checks: amount,
    signature,
  }),
  answer: z.strictObject({
    version,
    task: taskId,
    state: z.enum(["paid", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"]),
    reason: z.string(),
    /** How the run ended that was paid for; null when none was. */
    verdict: z.enum(RUN_VERDICTS).nullable(),
    output: hash32.nullable(),
    outputBytes: byteCount,
    /** What was billed: the whole limit of a run that was cancelled, 0 where nothing was. */
    fuel,
    /** Opens the invoice's `saltedOutput`; null for a prepaid task. */
    salt: hash32.nullable(),
    /** What this task has cost the requester, checks included. */
    spent: amount,
    /** What stays on the lane for the next offers. */
    credit: amount,
    /** Who ran it, and whether a second run agreed: another provider's, or the gateway's own. */
    provider: address.nullable(),
    rechecked: z.boolean(),
  }),
  ack: z.strictObject({
    version,
    id: z.string(),
    journalIndex: z.number().int().min(0),
    task: taskId.optional(),
    /** Sent for a CONNECT: what a device needs to know before it signs anything. */
    terms: z
      .strictObject({
        time: instant,
        gateway: address,
        chainId: z.number().int().min(1),
        vault: address,
        token: address,
        decimals: z.number().int().min(0).max(36),
        feeBasisPoints: basisPoints,
        /** What offers have to name, the most fuel that one may, and how long an accepted run may take, milliseconds. */
        firmware: z.strictObject({ ...meterTerms, maxFuel: fuelLimit, runMs: z.number().int().min(1) }),
        /** The lane from this device to the gateway. */
        lane: z.strictObject({
          epoch: z.number().int(),
          deposit: amount,
          signed: amount,
          /** The newest voucher, which proves `signed`; null while there is none. */
          voucher: voucherSchema.nullable(),
          settled: amount,
          /** Unix seconds; 0 while open. */
          closeAt: z.number().int().min(0),
          credit: amount,
          held: amount,
          /** Invoiced and not yet paid. */
          owed: amount,
        }),
        /** The lane from the gateway to this device. */
        reverse: z.strictObject({
          epoch: z.number().int(),
          deposit: amount,
          settled: amount,
          closeAt: z.number().int().min(0),
          signed: amount,
        }),
      })
      .optional(),
  }),
  refusal: z.strictObject({
    version,
    id: z.string().nullable(),
    topic: z.string(),
    code: z.string(),
    hint: z.string(),
  }),

  /**
   * How far the run of an accepted award has come: `done` of `total` are bytes of firmware and input while `fetching`,
   * bytes of the output while `delivering`, and milliseconds of what it may take while `running`. Nothing is decided by
   * it. The gateway passes it on to the task's requester.
   */
  progress: z
    .strictObject({
      version,
      from: z.enum(["device", "gateway"]),
      task: taskId,
      step: z.enum(PROGRESS_STEPS),
      done: z.number().int().min(0),
      total: z.number().int().min(0),
    })
    .refine(({ done, total }) => done <= total),

  /** The receiver pulls: whoever lacks the bytes asks. `from` tells our own echo from the other side's words. */
  "blob-get": z.strictObject({
    version,
    from: z.enum(["device", "gateway"]),
    hash: hash32,
    offset: byteCount,
    length: z.number().int().min(1).max(32_768),
  }),
  "blob-data": z.strictObject({
    version,
    from: z.enum(["device", "gateway"]),
    hash: hash32,
    offset: byteCount,
    total: byteCount,
    bytes: z.base64(),
  }),
} as const satisfies Record<Topic, z.ZodType>;

/** The decoded message of a topic. */
export type Message<T extends Topic> = z.output<(typeof messageSchemas)[T]>;

/** The terms a device is told at login. */
export type Terms = NonNullable<Message<"ack">["terms"]>;

// z.output of an indexed map does not reduce inside a generic, so the one cast stands here.
function schemaOf<T extends Topic>(topic: T): z.ZodType<Message<T>> {
  return messageSchemas[topic] as unknown as z.ZodType<Message<T>>;
}

/** UTF-8 JSON of a message. */
export function encodeMessage<T extends Topic>(topic: T, message: Message<T>): string {
  return JSON.stringify(z.encode(schemaOf(topic), message));
}

/** The message, or null when the value is not one. */
export function decodeMessage<T extends Topic>(topic: T, value: unknown): Message<T> | null {
  const decoded = z.safeDecode(schemaOf(topic), value as never);
  return decoded.success ? decoded.data : null;
}

/** The JSON value in a payload; undefined when it is not UTF-8 or not JSON. */
export function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
}
