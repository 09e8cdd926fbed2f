/** The seal of the board's C library is the gateway's, and what was changed on the way does not hold. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fromHex } from "../../../src/base/bytes.ts";
import { Opener, SEAL_BYTES, Sealer, sealKeys, sealToken } from "../../../src/protocol/seal.ts";
import { ask, word } from "../../board/answers.ts";
import { buildHost, isHostAbsent, whyHostAbsent } from "../../board/host-board.ts";
import { anyAddress, anyHash, anyTask } from "../../protocol/any-scalar.ts";

const anyCase = fc.record({
  secret: anyHash,
  gateway: anyAddress,
  device: anyAddress,
  slot: fc.stringMatching(/^[A-Za-z0-9]{1,16}$/),
  gatewayNonce: anyHash,
  deviceNonce: anyTask,
  level: fc.constantFrom("offer", "blob-data", "ack", "payment"),
  body: fc.uint8Array({ maxLength: 300 }),
});

type Case = typeof anyCase extends fc.Arbitrary<infer T> ? T : never;

function question(one: Case, sealed: Uint8Array): string {
  const { secret, gateway, device, slot, gatewayNonce, deviceNonce, level, body } = one;
  const who = [word(secret), word(gateway), word(device), slot, word(gatewayNonce), word(deviceNonce)];
  return ["seal", ...who, level, word(body), word(sealed)].join(" ");
}

/** The first message down of the session. */
function down(one: Case): Uint8Array {
  return new Sealer(sealKeys(fromHex(one.secret), one).down).seal(one.level, one.body);
}

describe.skipIf(isHostAbsent)(`the board's seal${whyHostAbsent}`, () => {
  const cases = fc.sample(anyCase, { seed: 7, numRuns: 200 });
  let program = "";

  beforeAll(async () => {
    program = await buildHost("answers-kept");
  });

  it("is made as it is written down", async () => {
    const one: Case = {
      secret: `0x${"5a".repeat(32)}`,
      gateway: `0x${"01".repeat(20)}`,
      device: `0x${"02".repeat(20)}`,
      slot: "main",
      gatewayNonce: `0x${"03".repeat(32)}`,
      deviceNonce: `0x${"04".repeat(16)}`,
      level: "offer",
      body: new TextEncoder().encode('{"version":1}'),
    };
    const terms = Buffer.concat([
      Buffer.from("hirewire/hmac/1"),
      Buffer.alloc(20, 1),
      Buffer.alloc(20, 2),
      Buffer.from("\u0004main"),
      Buffer.alloc(32, 3),
      Buffer.alloc(16, 4),
    ]);
    const hmac = (key: Buffer, ...parts: Uint8Array[]) =>
      createHmac("sha256", key).update(Buffer.concat(parts)).digest();
    const secret = Buffer.alloc(32, 0x5a);
    const code = hmac(secret, Buffer.of(0), terms).toString("hex");
    const up = hmac(secret, Buffer.of(1), terms);
    const ends = [1, 2].map((count) => {
      const counter = Buffer.of(0, 0, 0, count);
      const mac = hmac(up, counter, Buffer.from("offer\0"), one.body).subarray(0, 16);
      return Buffer.concat([counter, mac]).toString("hex");
    });
    expect(await ask(program, [question(one, down(one))])).toEqual([`${code} ${ends.join(" ")} held`]);
  });

  it("is the gateway's, both ways", async () => {
    const answers = await ask(
      program,
      cases.map((one) => question(one, down(one))),
    );
    for (const [at, one] of cases.entries()) {
      const [code, first = "", second = "", held] = (answers[at] ?? "").split(" ");
      expect(sealToken(fromHex(one.secret), one).split(".")[3]).toBe(code);
      const opener = new Opener(sealKeys(fromHex(one.secret), one).up);
      for (const end of [first, second]) {
        const payload = Buffer.concat([one.body, Buffer.from(end, "hex")]);
        expect(Buffer.from(opener.open(one.level, payload) ?? "none")).toEqual(Buffer.from(one.body));
      }
      expect(held).toBe("held");
    }
  });

  it("does not hold for what was changed, cut short, or of another turn", async () => {
    const questions = cases.flatMap((one, at) => {
      const good = down(one);
      const flipped = Uint8Array.from(good);
      const place = (at * 31) % good.length;
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (at % 8));
      const sealer = new Sealer(sealKeys(fromHex(one.secret), one).down, 1);
      const spoilt = [flipped, good.subarray(0, -1), good.subarray(1), sealer.seal(one.level, one.body)];
      const elsewhere = new Sealer(sealKeys(fromHex(one.secret), one).down).seal("refusal", one.body);
      const echoed = new Sealer(sealKeys(fromHex(one.secret), one).up).seal(one.level, one.body);
      return [...spoilt, elsewhere, echoed]
        .filter((payload) => payload.length >= SEAL_BYTES)
        .map((payload) => question(one, payload));
    });
    const answers = await ask(program, questions);
    expect(answers.length).toBeGreaterThan(1_000);
    expect(answers.filter((answer) => !answer.endsWith(" broken"))).toEqual([]);
  });

  it("proves that the pairing file has come", async () => {
    const answers = await ask(
      program,
      cases.map(({ secret, gateway, device }) => `proof ${word(secret)} ${word(gateway)} ${word(device)}`),
    );
    const right = cases.map(({ secret, gateway, device }) =>
      createHmac("sha256", fromHex(secret))
        .update(Buffer.of(3))
        .update(fromHex(gateway))
        .update(fromHex(device))
        .digest("hex"),
    );
    expect(answers).toEqual(right);
  });
});
