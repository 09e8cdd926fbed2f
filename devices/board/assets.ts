/**
 * What a board hires with, as one image beside its program: who it is, task firmware, and jobs with their terms.
 *
 * The firmware's side of this layout is emulator/assets.c. All numbers are unsigned and little-endian.
 *
 *     0   4  "HWA1"
 *     4   4  length of everything
 *     8      records: 4 bytes tag, 4 bytes length, that many bytes, zeros up to a multiple of 4
 *
 *     tag 1  board: exposure limit (8), most tries of a job (4), then manufacturer, serial number, model and slot, each
 *            ended by a zero byte
 *     tag 2  firmware: SHA-256 (32), then the module
 *     tag 3  manifest: its JSON text
 *     tag 4  terms, of the inputs after them: highest price (8), check budget (8), fuel limit (8), milliseconds until the
 *            answer is due (4), memory in MiB (2), 1 when paid on result (1), profile (1): 0 task/1, 1 wasi-stdio/1
 *     tag 5  input, which is a job: SHA-256 (32), then its bytes
 */
import { fromHex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { PROFILES } from "../../src/protocol/fuel.ts";

/** What the jobs after it may cost and take; amounts in atomic units. */
export type JobTerms = {
  readonly maxPrice: Amount;
  readonly checkBudget: Amount;
  readonly fuelLimit: number;
  /** How long after it is offered the answer is due, milliseconds. */
  readonly dueMs: number;
  readonly memoryMiB: number;
  readonly payment: "prepaid" | "result";
  readonly profile: (typeof PROFILES)[number];
};

export type Assets = {
  readonly board: {
    readonly manufacturer: string;
    readonly serialNumber: string;
    readonly model: string;
    /** 1 to 16 letters and digits. */
    readonly slot: string;
    /** Most that may be with the gateway unspent; 0: no limit. */
    readonly exposureLimit: Amount;
  };
  /** How often a job is offered until it is paid for; 1 unless given. */
  readonly tries?: number;
  readonly firmware: Uint8Array;
  /** The JSON text of the manifest. */
  readonly manifest: string | null;
  readonly jobs: readonly { readonly terms: JobTerms; readonly input: Uint8Array }[];
};

/** Of the emulated board; a real one has less. */
const MAX_BYTES = 16 * 1_048_576;

const TAGS = { board: 1, firmware: 2, manifest: 3, terms: 4, input: 5 } as const;

/**
 * The image of these assets.
 *
 * @throws {@link Fault} `usage` when it would be more than 16 MiB
 */
export function encodeAssets({ board, tries = 1, firmware, manifest, jobs }: Assets): Uint8Array {
  const records: Uint8Array[] = [
    record("board", boardBytes(board, tries)),
    record("firmware", named(firmware)),
  ];
  if (manifest !== null) records.push(record("manifest", new TextEncoder().encode(manifest)));
  let before: JobTerms | null = null;
  for (const { terms, input } of jobs) {
    if (terms !== before) records.push(record("terms", termsBytes(terms)));
    before = terms;
    records.push(record("input", named(input)));
  }
  const length = records.reduce((sum, { length }) => sum + length, 8);
  if (length > MAX_BYTES) throw new Fault("usage", `assets of ${length} bytes are more than ${MAX_BYTES}`);
  const head = new Uint8Array(8);
  head.set(new TextEncoder().encode("HWA1"));
  new DataView(head.buffer).setUint32(4, length, true);
  return Buffer.concat([head, ...records]);
}

function record(tag: keyof typeof TAGS, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(8 + Math.ceil(bytes.length / 4) * 4);
  const view = new DataView(all.buffer);
  view.setUint32(0, TAGS[tag], true);
  view.setUint32(4, bytes.length, true);
  all.set(bytes, 8);
  return all;
}

function named(blob: Uint8Array): Uint8Array {
  return Buffer.concat([fromHex(hashBlob(blob)), blob]);
}

function boardBytes(board: Assets["board"], tries: number): Uint8Array {
  const { manufacturer, serialNumber, model, slot, exposureLimit } = board;
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setBigUint64(0, exposureLimit, true);
  numbers.setUint32(8, tries, true);
  const texts = [manufacturer, serialNumber, model, slot].map((text) => `${text}\0`).join("");
  return Buffer.concat([new Uint8Array(numbers.buffer), new TextEncoder().encode(texts)]);
}

function termsBytes(terms: JobTerms): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setBigUint64(0, terms.maxPrice, true);
  view.setBigUint64(8, terms.checkBudget, true);
  view.setBigUint64(16, BigInt(terms.fuelLimit), true);
  view.setUint32(24, terms.dueMs, true);
  view.setUint16(28, terms.memoryMiB, true);
  view.setUint8(30, terms.payment === "result" ? 1 : 0);
  view.setUint8(31, PROFILES.indexOf(terms.profile));
  return new Uint8Array(view.buffer);
}
