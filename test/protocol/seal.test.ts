import { createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import { hmacSha256 } from "../../src/kernels/hmac.ts";
import {
  type Handshake,
  isEqual,
  isSealMac,
  Opener,
  readSealToken,
  SEAL_BYTES,
  Sealer,
  sealKeys,
  sealToken,
} from "../../src/protocol/seal.ts";

const SECRET = new Uint8Array(32).map((_, at) => at);

const HANDSHAKE: Handshake = {
  gateway: `0x${"11".repeat(20)}`,
  device: `0x${"22".repeat(20)}`,
  slot: "main",
  gatewayNonce: `0x${"33".repeat(32)}`,
  deviceNonce: `0x${"44".repeat(16)}`,
};

const node = (key: Uint8Array, ...parts: Uint8Array[]) =>
  createHmac("sha256", key).update(Buffer.concat(parts)).digest();

/** The transcript with its purpose before it, by hand. */
const transcript = (purpose: number, { gateway, device, slot, gatewayNonce, deviceNonce }: Handshake) =>
  Buffer.concat([
    Buffer.of(purpose),
    Buffer.from("hirewire/hmac/1"),
    fromHex(gateway),
    fromHex(device),
    Buffer.of(slot.length),
    Buffer.from(slot),
    fromHex(gatewayNonce),
    fromHex(deviceNonce),
  ]);

const hexOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const slots = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
const handshakes: fc.Arbitrary<Handshake> = fc.record({
  gateway: hexOf(20),
  device: hexOf(20),
  slot: slots,
  gatewayNonce: hexOf(32),
  deviceNonce: hexOf(16),
});
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const bodies = fc.uint8Array({ maxLength: 300 });
const levels = fc.constantFrom("offer", "voucher", "ack", "blob-data");

describe("HMAC-SHA-256", () => {
  // RFC 4231, test cases 1, 2, 6.
  it.each([
    ["0b".repeat(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      Buffer.from("Jefe").toString("hex"),
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      "aa".repeat(131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ])("of key %s and %s is the RFC's", (key, message, expected) => {
    expect(toHex(hmacSha256(fromHex(key), Buffer.from(message)))).toBe(`0x${expected}`);
  });

  it("is Node's of any key and any pieces", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(bodies, { maxLength: 4 }), (key, parts) => {
        expect(Buffer.from(hmacSha256(key, ...parts))).toEqual(node(key, ...parts));
      }),
      { numRuns: 200 },
    );
  });
});

describe("a login token", () => {
  it("is the two nonces and the mac of the transcript, as Node computes it", () => {
    const mac = node(SECRET, transcript(0, HANDSHAKE)).toString("hex");
    expect(sealToken(SECRET, HANDSHAKE)).toBe(`h1.${"44".repeat(16)}.${"33".repeat(32)}.${mac}`);
    expect(mac).toBe("17dfc855e01fb1b9cff45d525067888589815291cdd6b0ed438e0de51f7f2c0b");
    expect(Buffer.from(sealKeys(SECRET, HANDSHAKE).up)).toEqual(node(SECRET, transcript(1, HANDSHAKE)));
    expect(Buffer.from(sealKeys(SECRET, HANDSHAKE).down)).toEqual(node(SECRET, transcript(2, HANDSHAKE)));
  });

  it("gives back its nonces and a mac that holds for its secret and handshake, and for no other", () => {
    fc.assert(
      fc.property(keys, handshakes, handshakes, (secret, handshake, other) => {
        const claim = readSealToken(sealToken(secret, handshake));
        if (!claim) throw new Error("not read");
        const { gatewayNonce, deviceNonce } = handshake;
        expect(claim).toEqual({ gatewayNonce, deviceNonce, mac: claim.mac });
        expect(isSealMac(secret, handshake, claim.mac)).toBe(true);
        expect(isSealMac(flip(secret, 7), handshake, claim.mac)).toBe(false);
        for (const part of Object.keys(handshake) as (keyof Handshake)[]) {
          if (other[part] === handshake[part]) continue;
          const changed = { ...handshake, [part]: other[part] };
          expect(isSealMac(secret, changed, claim.mac), part).toBe(false);
          expect(sealKeys(secret, changed), part).not.toEqual(sealKeys(secret, handshake));
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ["another version", "h2"],
    ["upper case", "A"],
    ["a word too many", "."],
    ["a 0x", "0x"],
  ])("with %s is none", (_, change) => {
    const good = sealToken(SECRET, HANDSHAKE);
    expect(readSealToken(good)).not.toBeNull();
    expect(readSealToken(change === "h2" ? good.replace("h1", "h2") : good + change)).toBeNull();
    expect(readSealToken(good.replace(/4/, change))).toBeNull();
    expect(readSealToken(good.slice(0, -1))).toBeNull();
    expect(readSealToken(`${good}\n`)).toBeNull();
  });
});

describe("a sealed payload", () => {
  it("is body, counter and sixteen bytes of the mac, as Node computes it", () => {
    const key = randomBytes(32);
    const sealer = new Sealer(key);
    const body = Buffer.from('{"version":1}');
    for (const counter of [1, 2]) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(counter);
      const mac = node(key, bytes, Buffer.from("offer\0"), body).subarray(0, 16);
      const payload = sealer.seal("hirewire/v1/acme/b-1/offer", body);
      expect(Buffer.from(payload)).toEqual(Buffer.concat([body, bytes, mac]));
    }
  });

  it("opens to its body, in turn, also where some were lost", () => {
    const said = fc.array(fc.record({ body: bodies, level: levels, isLost: fc.boolean() }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(keys, said, (key, messages) => {
        const [sealer, opener] = [new Sealer(key), new Opener(key)];
        for (const { body, level, isLost } of messages) {
          const payload = sealer.seal(level, body);
          expect(payload.length).toBe(body.length + SEAL_BYTES);
          if (!isLost) expect(opener.open(`hirewire/v1/m/s/${level}`, payload)).toEqual(body);
        }
      }),
    );
  });

  it("with any bit changed, cut or made longer does not open, and what follows still does", () => {
    fc.assert(
      fc.property(
        keys,
        bodies,
        fc.nat(),
        fc.integer({ min: 1, max: SEAL_BYTES }),
        (key, body, bit, count) => {
          const [sealer, opener] = [new Sealer(key), new Opener(key)];
          const payload = sealer.seal("offer", body);
          expect(opener.open("offer", flip(payload, bit % (payload.length * 8)))).toBeNull();
          expect(opener.open("offer", payload.subarray(0, -count))).toBeNull();
          expect(opener.open("offer", payload.subarray(count))).toBeNull();
          expect(opener.open("offer", Uint8Array.of(...payload, 0))).toBeNull();
          expect(opener.open("offer", payload)).toEqual(body);
        },
      ),
    );
  });

  it("does not open twice, late, on another topic, in the other direction or in another session", () => {
    fc.assert(
      fc.property(keys, handshakes, bodies, (secret, handshake, body) => {
        const { up, down } = sealKeys(secret, handshake);
        const sealer = new Sealer(up);
        const [first, second] = [sealer.seal("offer", body), sealer.seal("offer", body)];
        const opener = new Opener(up);
        expect(opener.open("voucher", second)).toBeNull();
        expect(opener.open("", second)).toBeNull();
        expect(opener.open("offer", second)).toEqual(body);
        expect(opener.open("offer", second)).toBeNull();
        expect(opener.open("offer", first)).toBeNull();
        expect(new Opener(down).open("offer", first)).toBeNull();
        const later: Hex = toHex(flip(fromHex(handshake.gatewayNonce), 0));
        const session = sealKeys(secret, { ...handshake, gatewayNonce: later });
        expect(new Opener(session.up).open("offer", first)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  it("does not move bytes between topic and body", () => {
    const key = SECRET;
    const payload = new Sealer(key).seal("ab", Buffer.from("c"));
    const moved = Buffer.concat([Buffer.from("bc"), payload.subarray(1)]);
    expect(new Opener(key).open("a", moved)).toBeNull();
  });

  it("has no successor after the last counter", () => {
    const sealer = new Sealer(SECRET, 0xffff_fffe);
    expect(sealer.isSpent).toBe(false);
    const last = sealer.seal("ack", Uint8Array.of(1));
    expect(new Opener(SECRET).open("ack", last)).toEqual(Uint8Array.of(1));
    expect(sealer.isSpent).toBe(true);
    expect(() => sealer.seal("ack", Uint8Array.of(1))).toThrowError(/counter/);
  });
});

it("two byte strings are equal when every byte is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (bytes, bit) => {
      expect(isEqual(bytes, bytes.slice())).toBe(true);
      expect(isEqual(bytes, flip(bytes, bit % (bytes.length * 8)))).toBe(false);
      expect(isEqual(bytes, bytes.subarray(1))).toBe(false);
      expect(isEqual(bytes.subarray(1), bytes)).toBe(false);
    }),
  );
});

/** A copy with one bit changed. */
function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
