/**
 * Points of secp256k1, for public values only: nothing here takes the same time for all inputs.
 *
 * A point is 64 bytes, x ‖ y, big-endian; infinity is `null`.
 */
import { Fault } from "../base/fault.ts";
import { curveKernels } from "./kernels.ts";

const POINT = 64;
const SCALAR = 32;

/** Whether 64 bytes are a point of the curve, both coordinates below p. */
export function isOnCurve(point: Uint8Array): boolean {
  if (point.length !== POINT) return false;
  const { exports, memory, cells } = curveKernels();
  memory.write(cells.point, point);
  return exports.isOnCurve(cells.point) === 1;
}

/** The point with this x (32 bytes, below p) whose y is even (0) or odd (1); null when there is none. */
export function decompress(x: Uint8Array, parity: 0 | 1): Uint8Array | null {
  if (x.length !== SCALAR) return null;
  const { exports, memory, cells } = curveKernels();
  memory.write(cells.key, x);
  if (exports.decompress(cells.key, parity, cells.point) !== 1) return null;
  return memory.read(cells.point, POINT);
}

/**
 * The suite secp256k1_XMD:SHA-256_SSWU_RO_ of RFC 9380.
 *
 * @param tag - its domain separation tag, 1..255 bytes
 * @throws {@link Fault} `usage` when the tag has another length, or the message more than 16,000 bytes
 */
export function hashToCurve(message: Uint8Array, tag: Uint8Array): Uint8Array | null {
  if (tag.length < 1 || tag.length > 255 || message.length > MOST_MESSAGE) {
    throw new Fault("usage", `a message of ${message.length} bytes under a tag of ${tag.length}`);
  }
  const { exports, memory, cells } = curveKernels();
  const tagAt = cells.staging + message.length;
  memory.write(cells.staging, message);
  memory.write(tagAt, tag);
  if (exports.hashToCurve(cells.staging, message.length, tagAt, tag.length, cells.point) !== 1) return null;
  return memory.read(cells.point, POINT);
}

const MOST_MESSAGE = 16_000;

/**
 * The sum of scalars times points; null when it is infinity.
 *
 * @param points - 64 bytes each, on the curve or all zero for infinity
 * @param scalars - 32 bytes each, taken modulo n
 * @throws {@link Fault} `usage` when there are not as many points as scalars, or a point is not on the curve
 */
export function sumOfProducts(points: Uint8Array, scalars: Uint8Array): Uint8Array | null {
  const count = scalars.length / SCALAR;
  if (!Number.isInteger(count) || points.length !== POINT * count) {
    throw new Fault("usage", `${points.length} bytes of points for ${scalars.length} bytes of scalars`);
  }
  if (count === 0) return null;
  const { exports, memory, cells } = curveKernels();
  const at = memory.scratch(points.length + scalars.length + exports.msmWorkspace(count));
  memory.write(at, points);
  for (let point = at; point < at + points.length; point += POINT) {
    const isInfinity = memory.bytes.subarray(point, point + POINT).every((byte) => byte === 0);
    if (!isInfinity && exports.isOnCurve(point) !== 1)
      throw new Fault("usage", "a point is not on the curve");
  }
  const scalarsAt = at + points.length;
  memory.write(scalarsAt, scalars);
  const isPoint = exports.msm(count, at, scalarsAt, cells.out, scalarsAt + scalars.length) === 1;
  return isPoint ? memory.read(cells.out, POINT) : null;
}
