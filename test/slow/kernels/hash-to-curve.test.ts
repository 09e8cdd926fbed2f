import { secp256k1_hasher } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  bytesOf,
  CurveModule,
  encode,
  inverseModulo,
  mapOne,
  modulo,
  numberOf,
  P,
  Point,
} from "../../kernels/curve-module.ts";
import { POINTS_ENTRY } from "../../kernels/points-entry.ts";

const SUITE = "QUUX-V01-CS02-with-secp256k1_XMD:SHA-256_SSWU_RO_";

/** RFC 9380 J.8.1: the message, its two field elements, their points, their sum; points are x and y. */
const VECTORS = [
  {
    message: "",
    u: [
      "6b0f9910dd2ba71c78f2ee9f04d73b5f4c5f7fc773a701abea1e573cab002fb3",
      "1ae6c212e08fe1a5937f6202f929a2cc8ef4ee5b9782db68b0d5799fd8f09e16",
    ],
    q: [
      "74519ef88b32b425a095e4ebcc84d81b64e9e2c2675340a720bb1a1857b99f1ec174fa322ab7c192e11748beed45b508e9fdb1ce046dee9c2cd3a2a86b410936",
      "44548adb1b399263ded3510554d28b4bead34b8cf9a37b4bd0bd2ba4db87ae6396eb8e2faf05e368efe5957c6167001760233e6dd2487516b46ae725c4cce0c6",
    ],
    p: "c1cae290e291aee617ebaef1be6d73861479c48b841eaba9b7b5852ddfeb134664fa678e07ae116126f08b022a94af6de15985c996c3a91b64c406a960e51067",
  },
  {
    message: "abc",
    u: [
      "128aab5d3679a1f7601e3bdf94ced1f43e491f544767e18a4873f397b08a2b61",
      "5897b65da3b595a813d0fdcc75c895dc531be76a03518b044daaa0f2e4689e00",
    ],
    q: [
      "07dd9432d426845fb19857d1b3a91722436604ccbbbadad8523b8fc38a5322d7604588ef5138cffe3277bbd590b8550bcbe0e523bbaf1bed4014a467122eb33f",
      "e9ef9794d15d4e77dde751e06c182782046b8dac05f8491eb88764fc65321f78cb07ce53670d5314bf236ee2c871455c562dd76314aa41f012919fe8e7f717b3",
    ],
    p: "3377e01eab42db296b512293120c6cee72b6ecf9f9205760bd9ff11fb3cb2c4b7f95890f33efebd1044d382a01b1bee0900fb6116f94688d487c6c7b9c8371f6",
  },
  {
    message: "abcdef0123456789",
    u: [
      "ea67a7c02f2cd5d8b87715c169d055a22520f74daeb080e6180958380e2f98b9",
      "7434d0d1a500d38380d1f9615c021857ac8d546925f5f2355319d823a478da18",
    ],
    q: [
      "576d43ab0260275adf11af990d130a5752704f79478628761720808862544b5d643c4a7fb68ae6cff55edd66b809087434bbaff0c07f3f9ec4d49bb3c16623c3",
      "f89d6d261a5e00fe5cf45e827b507643e67c2a947a20fd9ad71039f8b0e29ff8b33855e0cc34a9176ead91c6c3acb1aacb1ce936d563bc1cee1dcffc806caf57",
    ],
    p: "bac54083f293f1fe08e4a70137260aa90783a5cb84d3f35848b324d0674b0e3a4436476085d4c3c4508b60fcf4389c40176adce756b398bdee27bca19758d828",
  },
  {
    message: `q128_${"q".repeat(128)}`,
    u: [
      "eda89a5024fac0a8207a87e8cc4e85aa3bce10745d501a30deb87341b05bcdf5",
      "dfe78cd116818fc2c16f3837fedbe2639fab012c407eac9dfe9245bf650ac51d",
    ],
    q: [
      "9c91513ccfe9520c9c645588dff5f9b4e92eaf6ad4ab6f1cd720d192eb58247ac7371dcd0134412f221e386f8d68f49e7fa36f9037676e163d4a063fbf8a1fb8",
      "10fee3284d7be6bd5912503b972fc52bf4761f47141a0015f1c6ae36848d869b0b163d9b4bf21887364332be3eff3c870fa053cf508732900fc69a6eb0e1b672",
    ],
    p: "e2167bc785333a37aa562f021f1e881defb853839babf52a7f72b102e41890e9f2401dd95cc35867ffed4f367cd564763719fbc6a53e969fb8496a1e6685d873",
  },
  {
    message: `a512_${"a".repeat(512)}`,
    u: [
      "8d862e7e7e23d7843fe16d811d46d7e6480127a6b78838c277bca17df6900e9f",
      "68071d2530f040f081ba818d3c7188a94c900586761e9115efa47ae9bd847938",
    ],
    q: [
      "b32b0ab55977b936f1e93fdc68cec775e13245e161dbfe556bbb1f72799b41812f5317098360b722f132d7156a94822641b615c91f8663be69169870a12af9e8",
      "148f98780f19388b9fa93e7dc567b5a673e5fca7079cd9cdafd71982ec4c5e123989645d83a433bc0c001f3dac29af861f33a6fd1e04f4b36873f5bff497298a",
    ],
    p: "e3c8d35aaaf0b9b647e88a0a0a7ee5d5bed5ad38238152e4e6fd8c1f8cb7c9988446eeb6181bf12f56a9d24e262221cc2f0c4725c7e3803024b5888ee5823aa6",
  },
] as const;

const text = (value: string) => new TextEncoder().encode(value);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** 11 has a root: -1 / Z = 1 / 11 is a square, and its roots are where the map divides by zero, as 0 is. */
function poleOf(): bigint {
  const square = inverseModulo(11n, P);
  let [root, base] = [1n, square];
  for (let exponent = (P + 1n) / 4n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) root = modulo(root * base, P);
    base = modulo(base * base, P);
  }
  expect(modulo(root * root, P)).toBe(square);
  return root;
}

describe.each(TARGETS)("%s: secp256k1_XMD:SHA-256_SSWU_RO_", (target) => {
  let curve: CurveModule;
  let places: { message: number; tag: number; out: number; u: number };

  beforeAll(async () => {
    curve = await CurveModule.compile(POINTS_ENTRY, target);
    const place = (bytes: number) => curve.place(bytes);
    places = { message: place(4096), tag: place(1024), out: place(65), u: place(32) };
  }, 120_000);

  function hash(message: Uint8Array, tag: Uint8Array): Uint8Array | null {
    curve.put(places.message, message);
    curve.put(places.tag, tag);
    const done = curve.run("hashToCurve", places.message, message.length, places.tag, tag.length, places.out);
    return done === 1 ? curve.take(places.out, 64) : null;
  }

  function map(u: bigint): Uint8Array {
    curve.run("mapOne", curve.put(places.u, bytesOf(u)), places.out);
    return curve.take(places.out, 64);
  }

  const noble = (message: Uint8Array, tag: Uint8Array) =>
    encode(Point.fromAffine(secp256k1_hasher.hashToCurve(message, { DST: tag }).toAffine()));

  test.each(VECTORS)("RFC 9380 J.8.1", ({ message, u, q, p }) => {
    for (const i of [0, 1] as const) expect(hexOf(map(BigInt(`0x${u[i]}`)))).toBe(q[i]);
    expect(hexOf(hash(text(message), text(SUITE)) ?? new Uint8Array())).toBe(p);
  });

  test("agrees with @noble/curves on messages and tags of any length", () => {
    const message = fc.uint8Array({ maxLength: 200 });
    const tag = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(message, tag, (bytes, name) => {
        expect(hash(bytes, name)).toEqual(noble(bytes, name));
      }),
      { numRuns: 60 },
    );
  });

  test.each([1, 55, 64, 254, 255, 256, 257, 1000])("a tag of %i bytes", (length) => {
    const tag = Uint8Array.from({ length }, (_, i) => i & 0xff);
    expect(hash(text("abc"), tag)).toEqual(noble(text("abc"), tag));
  });

  test("refuses an empty tag", () => {
    expect(hash(text("abc"), new Uint8Array())).toBeNull();
  });

  test("maps what divides by zero: 0 and the roots of 1 / 11", () => {
    const pole = poleOf();
    const mapped = (u: bigint) => encode(mapOne(u));
    for (const u of [0n, pole, P - pole, 1n, P - 1n, 2n]) expect(map(u)).toEqual(mapped(u));
    expect(numberOf(map(0n))).not.toBe(0n);
  });
});
