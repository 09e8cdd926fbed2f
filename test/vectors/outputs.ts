/** Everything that the builds say, in short: what must be the same whichever build and compiler it came from. */
import { createHash } from "node:crypto";
import { bytes32, LAMBDA, N, P, pointBytes, timesG } from "./arithmetic.ts";
import type { Build } from "./build.ts";
import { buildsHere } from "./builds.ts";
import { Draw } from "./draw.ts";
import { failures } from "./suite.ts";
import { everyTrial } from "./trials.ts";

const NOTHING = new Uint8Array(1);

/** SHA-256 of all canonical outputs: keys recovered, points lifted, sums, points from hashes, digests. */
export function digestOf(build: Build): string {
  const hash = createHash("sha256");
  const put = (bytes: Uint8Array | null) => hash.update(bytes ?? NOTHING);
  const draw = new Draw("outputs");
  for (const { signed } of everyTrial()) put(build.recover(signed));
  for (let count = 0; count < 200; count++) {
    const parity = count % 2;
    const signature = new Uint8Array([...bytes32(draw.below(N)), ...bytes32(draw.below(N / 2n))]);
    put(build.recover({ signature, digest: draw.bytes(32), parity: parity === 0 ? 0 : 1 }));
    put(build.decompress(draw.bytes(32), parity));
    put(build.sha256(draw.bytes(count)));
  }
  for (const x of [0n, 1n, 2n, P - 1n, P - 2n, P, N, LAMBDA]) put(build.decompress(bytes32(x), 1));
  for (const count of [1, 2, 5, 31, 64, 300]) {
    const point = pointBytes(timesG(draw.below(N - 1n) + 1n) ?? { x: 0n, y: 0n });
    const points = [point];
    for (let at = 1; at < count; at++)
      points.push(build.msm([point], [bytes32(BigInt(at * at + 1))]) ?? point);
    put(
      build.msm(
        points,
        Array.from(points, () => draw.bytes(32)),
      ),
    );
    put(build.hashToCurve(draw.bytes(count), draw.bytes(20)));
  }
  return hash.digest("hex");
}

export type Outputs = {
  readonly variant: string;
  readonly digest: string;
  readonly failures: readonly string[];
};

/** Of every build that this machine can run. */
export function outputs(): readonly Outputs[] {
  return buildsHere().builds.map((build) => {
    return { variant: build.variant, digest: digestOf(build), failures: [...failures(build)] };
  });
}
