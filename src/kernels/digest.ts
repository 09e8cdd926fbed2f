/** Keccak-256 and SHA-256, as browsers and devices need them too: without `node:`. */
import { type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { type Instance, STAGING } from "./instance.ts";
import { kernels } from "./kernels.ts";

/** Which hash: Keccak-256 as Ethereum uses it (the original padding, not SHA3-256 of FIPS 202), or SHA-256. */
export type HashAlgorithm = "keccak256" | "sha256";

/** Keccak-256 as Ethereum uses it (the original padding, not SHA3-256 of FIPS 202). */
export function keccak256(bytes: Uint8Array): Hex {
  const { exports, memory, cells } = kernels();
  if (bytes.length > STAGING) return new HashStream("keccak256").update(bytes).digest();
  const view = memory.bytes;
  view.set(bytes, cells.staging);
  exports.keccak256(cells.staging, bytes.length, cells.out);
  return toHex(view.subarray(cells.out, cells.out + 32));
}

/** Node's own, which uses the processor's instructions for it; there is none in a browser. */
const native = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:crypto").hash;

/**
 * SHA-256 (FIPS 180-4) of one message; a string is hashed as its UTF-8. Node's own is faster at any length, so the kernel
 * answers where there is none.
 */
export function sha256(content: string | Uint8Array): Hex {
  if (native) return `0x${native("sha256", content, "hex")}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new HashStream("sha256").update(bytes).digest();
}

/**
 * Hashes of nodes: 64 bytes each, one after another, to 32 bytes each. Many at once are faster than one by one.
 *
 * @throws {@link Fault} `usage` when the length is no multiple of 64
 */
export function hashNodes(algorithm: HashAlgorithm, nodes: Uint8Array): Uint8Array {
  const count = nodes.length / 64;
  if (!Number.isInteger(count)) throw new Fault("usage", `nodes of 64 bytes, not ${nodes.length} bytes`);
  const { exports, memory } = kernels();
  const at = memory.scratch(nodes.length);
  memory.write(at, nodes);
  // the output may begin where the input does
  if (algorithm === "keccak256") exports.keccakNodes(at, at, count);
  else exports.sha256Nodes(at, at, count);
  return memory.read(at, 32 * count);
}

/** One hash over pieces. Any number may be open at once. */
export class HashStream {
  readonly #instance: Instance = kernels();
  readonly #algorithm: HashAlgorithm;
  /** Copied in and out, so that streams do not share. */
  readonly #state: Uint8Array;

  constructor(algorithm: HashAlgorithm) {
    const { exports, memory, cells } = this.#instance;
    this.#algorithm = algorithm;
    const isKeccak = algorithm === "keccak256";
    if (isKeccak) exports.keccakInit(cells.state);
    else exports.sha256Init(cells.state);
    this.#state = memory.read(
      cells.state,
      isKeccak ? exports.keccakStateBytes() : exports.sha256StateBytes(),
    );
  }

  /** Takes more input: any length, also 0. */
  update(bytes: Uint8Array): this {
    const { exports, memory, cells } = this.#instance;
    memory.write(cells.state, this.#state);
    for (let from = 0; from < bytes.length; from += STAGING) {
      const piece = bytes.subarray(from, from + STAGING);
      memory.write(cells.staging, piece);
      if (this.#algorithm === "keccak256") exports.keccakUpdate(cells.state, cells.staging, piece.length);
      else exports.sha256Update(cells.state, cells.staging, piece.length);
    }
    this.#state.set(memory.bytes.subarray(cells.state, cells.state + this.#state.length));
    return this;
  }

  /** Of all input so far; more may follow. */
  digest(): Hex {
    const { exports, memory, cells } = this.#instance;
    memory.write(cells.state, this.#state);
    if (this.#algorithm === "keccak256") exports.keccakFinal(cells.state, cells.out);
    else exports.sha256Final(cells.state, cells.out);
    return toHex(memory.read(cells.out, 32));
  }
}
