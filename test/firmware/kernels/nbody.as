/**
 * Five bodies that attract each other, in scalar f64, by the formulas of the Computer Language Benchmarks Game: the
 * kernel for what making NaNs canonical costs.
 *
 *   input:  u32 steps
 *   output: f64 energy at the end
 */
import { answer } from "./task";

export { alloc } from "./task";

const BODIES = 5;
/** x, y, z, speeds along them, mass. */
const SIZE: usize = 56;
const END: usize = SIZE * BODIES;
const STEP: f64 = 0.001;
/** Keeps bodies that meet from infinite speeds. */
const SOFT: f64 = 0.01;

const bodies: usize = heap.alloc(END);
const output: usize = heap.alloc(8);

function place(): void {
  for (let i = 0; i < 7 * BODIES; i++) {
    store<f64>(bodies + (i << 3), <f64>((i * 29 + 5) % 13) * 0.31 + 0.2);
  }
}

function attract(a: usize): void {
  const x = load<f64>(a);
  const y = load<f64>(a, 8);
  const z = load<f64>(a, 16);
  const mass = load<f64>(a, 48);
  let vx = load<f64>(a, 24);
  let vy = load<f64>(a, 32);
  let vz = load<f64>(a, 40);
  for (let b = a + SIZE; b < bodies + END; b += SIZE) {
    const dx = x - load<f64>(b);
    const dy = y - load<f64>(b, 8);
    const dz = z - load<f64>(b, 16);
    const square = dx * dx + dy * dy + dz * dz + SOFT;
    const pull = STEP / (square * Math.sqrt(square));
    const other = load<f64>(b, 48);
    vx -= dx * other * pull;
    vy -= dy * other * pull;
    vz -= dz * other * pull;
    store<f64>(b, load<f64>(b, 24) + dx * mass * pull, 24);
    store<f64>(b, load<f64>(b, 32) + dy * mass * pull, 32);
    store<f64>(b, load<f64>(b, 40) + dz * mass * pull, 40);
  }
  store<f64>(a, vx, 24);
  store<f64>(a, vy, 32);
  store<f64>(a, vz, 40);
}

function move(): void {
  for (let a = bodies; a < bodies + END; a += SIZE) {
    store<f64>(a, load<f64>(a) + STEP * load<f64>(a, 24));
    store<f64>(a, load<f64>(a, 8) + STEP * load<f64>(a, 32), 8);
    store<f64>(a, load<f64>(a, 16) + STEP * load<f64>(a, 40), 16);
  }
}

function energy(): f64 {
  let sum: f64 = 0;
  for (let a = bodies; a < bodies + END; a += SIZE) {
    const vx = load<f64>(a, 24);
    const vy = load<f64>(a, 32);
    const vz = load<f64>(a, 40);
    sum += 0.5 * load<f64>(a, 48) * (vx * vx + vy * vy + vz * vz);
    for (let b = a + SIZE; b < bodies + END; b += SIZE) {
      const dx = load<f64>(a) - load<f64>(b);
      const dy = load<f64>(a, 8) - load<f64>(b, 8);
      const dz = load<f64>(a, 16) - load<f64>(b, 16);
      sum -= (load<f64>(a, 48) * load<f64>(b, 48)) / Math.sqrt(dx * dx + dy * dy + dz * dz + SOFT);
    }
  }
  return sum;
}

export function run(at: i32, _length: i32): i64 {
  const steps = load<u32>(at);
  place();
  for (let step: u32 = 0; step < steps; step++) {
    for (let a = bodies; a < bodies + END; a += SIZE) attract(a);
    move();
  }
  store<f64>(output, energy());
  return answer(output, 8);
}
