/** Wycheproof's files through every path, the ones handed out beside the project and some written here. */
import { spawnSync } from "node:child_process";
import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { afterAll, describe, expect, it } from "vitest";
import { bytes32, inverse, mod, N } from "../vectors/arithmetic.ts";
import { buildsHere } from "../vectors/builds.ts";
import { byPoint, nextX } from "../vectors/craft.ts";
import { fromDer, fromP1363 } from "../vectors/der.ts";
import { judge } from "../vectors/judge.ts";
import { parseVectors, UnusableFile } from "../vectors/wycheproof.ts";

const SHARED = join(import.meta.dirname, "../../../shared/data/wycheproof");
const HANDED_OUT = ["ecdsa_secp256k1_sha256_bitcoin_test.json", "ecdsa_secp256k1_sha256_p1363_test.json"];

const folder = mkdtempSync(join(tmpdir(), "hirewire-vectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { builds } = buildsHere();

type Test = { tcId: number; comment: string; msg: string; sig: string; result: string };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** DER of r and s, as short as it can be. */
function toDer(r: bigint, s: bigint): string {
  const integer = (value: bigint) => {
    const digits = value.toString(16);
    const even = digits.length % 2 === 0 ? digits : `0${digits}`;
    const body = Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
    return `02${(body.length / 2).toString(16).padStart(2, "0")}${body}`;
  };
  const body = integer(r) + integer(s);
  return `30${(body.length / 2).toString(16).padStart(2, "0")}${body}`;
}

const KINDS = {
  EcdsaVerify: "ecdsa_verify_schema_v1.json",
  EcdsaP1363Verify: "ecdsa_p1363_verify_schema.json",
  EcdsaBitcoinVerify: "ecdsa_bitcoin_verify_schema.json",
} as const;
type Type = keyof typeof KINDS;

function fileOf(type: Type, sha: string, uncompressed: string, tests: readonly Test[], curve = "secp256k1") {
  const publicKey = { type: "EcPublicKey", curve, keySize: 256, uncompressed };
  return JSON.stringify({
    algorithm: "ECDSA",
    schema: KINDS[type],
    numberOfTests: tests.length,
    testGroups: [{ type, publicKey, sha, tests }],
  });
}

const SECRET = createHash("sha256").update("vectors").digest();
const UNCOMPRESSED = hex(secp256k1.getPublicKey(SECRET, false));
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

const KEY: KeyObject = (() => {
  const point = Buffer.from(UNCOMPRESSED, "hex");
  const [x, y] = [b64(point.subarray(1, 33)), b64(point.subarray(33))];
  return createPrivateKey({ key: { kty: "EC", crv: "secp256k1", d: b64(SECRET), x, y }, format: "jwk" });
})();

/** r and s over a message, by OpenSSL with one of its hashes. */
function signBy(hash: string, message: Uint8Array): { r: bigint; s: bigint } {
  const pair = fromP1363(new Uint8Array(sign(hash, message, { key: KEY, dsaEncoding: "ieee-p1363" })));
  if (!pair) throw new Error("no signature");
  return pair;
}

const write = (type: Type, r: bigint, s: bigint) =>
  type === "EcdsaP1363Verify" ? hex(bytes32(r)) + hex(bytes32(s)) : toDer(r, s);

const MESSAGE = new TextEncoder().encode("123400");

/** A signature in its low and its high form, and what one bit of the message makes of it. */
function testsOf(type: Type, { r, s }: { r: bigint; s: bigint }): Test[] {
  const low = s > N / 2n ? N - s : s;
  const msg = hex(MESSAGE);
  const high = type === "EcdsaBitcoinVerify" ? "invalid" : "valid";
  return [
    { tcId: 1, comment: "low s", msg, sig: write(type, r, low), result: "valid" },
    { tcId: 2, comment: "high s", msg, sig: write(type, r, N - low), result: high },
    { tcId: 3, comment: "another message", msg: `${msg}00`, sig: write(type, r, low), result: "invalid" },
    { tcId: 4, comment: "s = 0", msg, sig: write(type, r, 0n), result: "invalid" },
    { tcId: 5, comment: "s + n", msg, sig: write(type, r, N + low), result: "invalid" },
    { tcId: 6, comment: "not a signature", msg, sig: "3006", result: "invalid" },
  ];
}

const run = (text: string) => judge(parseVectors(text), builds);

describe("vectors", () => {
  it("run through every build that this machine has", () => {
    expect(builds.map(({ variant }) => variant)).toContain("base");
  });

  describe.each(Object.keys(KINDS) as Type[])("of type %s", (type) => {
    it.each([
      ["SHA-1", "sha1"],
      ["SHA-224", "sha224"],
      ["SHA-256", "sha256"],
      ["SHA-384", "sha384"],
      ["SHA-512", "sha512"],
      ["SHA-512/256", "sha512-256"],
      ["SHA3-256", "sha3-256"],
      ["SHA3-512", "sha3-512"],
    ])("hold as OpenSSL signs with %s", (sha, hash) => {
      const text = fileOf(type, sha, UNCOMPRESSED, testsOf(type, signBy(hash, MESSAGE)));
      expect(run(text)).toMatchObject({ passed: 6, failed: 0, mismatches: [] });
    });

    it.each([
      ["SHAKE128", "shake128", 32],
      ["SHAKE256", "shake256", 64],
    ])("hold with %s", (sha, hash, outputLength) => {
      const digest = createHash(hash, { outputLength }).update(MESSAGE).digest().subarray(0, 32);
      const pair = fromP1363(secp256k1.sign(digest, SECRET, { prehash: false }));
      if (!pair) throw new Error("no signature");
      const text = fileOf(type, sha, UNCOMPRESSED, testsOf(type, pair));
      expect(run(text)).toMatchObject({ passed: 6, failed: 0, mismatches: [] });
    });

    it("fail one by one when the file says otherwise", () => {
      const tests = testsOf(type, signBy("sha256", MESSAGE));
      for (const [index, { tcId, result }] of tests.entries()) {
        const flipped = result === "valid" ? "invalid" : "valid";
        const changed = tests.map((test, at) => (at === index ? { ...test, result: flipped } : test));
        const outcome = run(fileOf(type, "SHA-256", UNCOMPRESSED, changed));
        expect(outcome).toMatchObject({ passed: 5, failed: 1 });
        expect(new Set(outcome.mismatches.map((one) => one.tcId))).toEqual(new Set([tcId]));
      }
    });

    it("may go either way where the file says acceptable", () => {
      const tests = testsOf(type, signBy("sha256", MESSAGE)).map((test) => ({
        ...test,
        result: "acceptable",
      }));
      expect(run(fileOf(type, "SHA-256", UNCOMPRESSED, tests))).toMatchObject({ passed: 6, failed: 0 });
    });
  });

  it("of one signature that plain ECDSA alone takes, its R having an x above n, say so", () => {
    const z = mod(BigInt(`0x${createHash("sha256").update(MESSAGE).digest("hex")}`), N);
    const crafted = byPoint(nextX(N + 1n), 0, inverse(3n, N), z);
    if (!crafted) throw new Error("no such signature");
    const { r, s, key } = crafted;
    const uncompressed = `04${hex(bytes32(key.x))}${hex(bytes32(key.y))}`;
    const test = {
      tcId: 9,
      comment: "",
      msg: hex(MESSAGE),
      sig: write("EcdsaP1363Verify", r, s),
      result: "valid",
    };
    const outcome = run(fileOf("EcdsaP1363Verify", "SHA-256", uncompressed, [test]));
    expect(outcome).toMatchObject({ passed: 1, failed: 0, wrapped: [9] });
  });

  it("under a key that is no point are all invalid", () => {
    const tests = testsOf("EcdsaVerify", signBy("sha256", MESSAGE)).map((test) => ({
      ...test,
      result: "invalid",
    }));
    const off = `${UNCOMPRESSED.slice(0, -2)}${UNCOMPRESSED.endsWith("00") ? "01" : "00"}`;
    for (const key of [off, `04${"00".repeat(64)}`, "00", `04${"ff".repeat(64)}`]) {
      expect(run(fileOf("EcdsaVerify", "SHA-256", key, tests))).toMatchObject({ passed: 6, failed: 0 });
    }
  });

  it("take a key by its coordinates, and the older place of it", () => {
    const file = JSON.parse(
      fileOf("EcdsaVerify", "SHA-256", UNCOMPRESSED, testsOf("EcdsaVerify", signBy("sha256", MESSAGE))),
    );
    const [group] = file.testGroups;
    const [wx, wy] = [`00${UNCOMPRESSED.slice(2, 66)}`, UNCOMPRESSED.slice(66).replace(/^0+/, "")];
    const old = { ...group, key: { curve: "secp256k1", wx, wy }, publicKey: undefined };
    expect(run(JSON.stringify({ ...file, testGroups: [old] }))).toMatchObject({ passed: 6, failed: 0 });
  });

  it.each([
    ["another curve", fileOf("EcdsaVerify", "SHA-256", UNCOMPRESSED, [], "secp256r1"), /curve is secp256r1/],
    ["another hash", fileOf("EcdsaVerify", "MD99", UNCOMPRESSED, []), /hash MD99 is unknown/],
    ["ECDH", '{"schema":"ecdh_test_schema.json","testGroups":[{"type":"EcdhTest","tests":[]}]}', /EcdhTest/],
    [
      "another schema",
      fileOf("EcdsaVerify", "SHA-256", UNCOMPRESSED, []).replace("ecdsa_v", "dsa_v"),
      /schema dsa_v/,
    ],
    ["no group", '{"schema":"ecdsa_verify_schema.json","testGroups":[]}', /no group/],
    [
      "BIP 340",
      "index,secret key,public key,aux_rand,message,signature,verification result,comment\n",
      /BIP 340/,
    ],
    ["text", "no vectors", /not JSON/],
    ["other JSON", "[]", /not a Wycheproof file/],
  ])("are refused when they are %s", (_, text, reason) => {
    expect(() => parseVectors(text)).toThrow(UnusableFile);
    expect(() => parseVectors(text)).toThrow(reason);
  });
});

describe("DER", () => {
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

  it.each([
    ["30060201010201ff", "a negative integer"],
    ["3006020101020102ff", "something behind it"],
    ["30070201010201020", "an odd digit"],
    ["3081060201010201 02".replace(" ", ""), "a length longer than it need be"],
    ["3080020101020102 0000".replace(" ", ""), "an indefinite length"],
    ["300702020001020102", "a zero too many"],
    ["30050200020102", "an empty integer"],
    ["3003020101", "one integer"],
    ["3009020101020102020103", "three integers"],
    ["3106020101020102", "another tag"],
    ["3006030101020102", "a bit string"],
    ["300602010102", "an end too early"],
    ["3007020101020102", "a length that is not there"],
    ["", "nothing"],
  ])("%s is none: %s", (text) => {
    expect(fromDer(bytes(text))).toBeNull();
  });

  it("is r and s otherwise, of any size", () => {
    expect(fromDer(bytes("3006020101020102"))).toEqual({ r: 1n, s: 2n });
    expect(fromDer(bytes("3007020200ff020100"))).toEqual({ r: 255n, s: 0n });
    const long = (1n << 600n) - 1n;
    const body = `024c00${long.toString(16)}020101`;
    expect(fromDer(bytes(`30${(body.length / 2).toString(16)}${body}`))).toEqual({ r: long, s: 1n });
    expect(fromDer(bytes(toDer(N, N - 1n)))).toEqual({ r: N, s: N - 1n });
    const longer = (1n << 1200n) - 1n;
    const part = `028197 00${longer.toString(16)}`.replace(" ", "");
    expect(fromDer(bytes(`30819d${part}020101`))).toEqual({ r: longer, s: 1n });
  });
});

describe("npm run vectors", () => {
  const MAIN = join(import.meta.dirname, "../vectors/main.ts");
  const good = join(folder, "good.json");
  const bad = join(folder, "bad.json");
  const ecdh = join(folder, "ecdh.json");
  const tests = testsOf("EcdsaVerify", signBy("sha512", MESSAGE));
  writeFileSync(good, fileOf("EcdsaVerify", "SHA-512", UNCOMPRESSED, tests));
  const flipped = tests.map((test) => ({ ...test, result: test.result === "valid" ? "invalid" : "valid" }));
  writeFileSync(bad, fileOf("EcdsaVerify", "SHA-512", UNCOMPRESSED, flipped));
  writeFileSync(ecdh, '{"schema":"ecdh_test_schema.json","testGroups":[{"type":"EcdhTest","tests":[]}]}');
  const command = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
    return { status, lines: stdout.trim().split("\n"), stderr };
  };

  it("ends with what passed", () => {
    const { status, lines, stderr } = command(good, good);
    expect(stderr).toBe("");
    expect(lines.at(-1)).toBe("12 passed, 0 failed");
    expect(status).toBe(0);
  });

  it("fails when a vector does, and names it", () => {
    const { status, lines } = command(good, bad);
    expect(lines.at(-1)).toBe("6 passed, 6 failed");
    expect(lines.some((line) => /tcId 1 \(low s\): base says valid: single; .*batch/.test(line))).toBe(true);
    expect(status).toBe(1);
  });

  it("prints the same as JSON", () => {
    const { status, lines } = command("--json", bad);
    const records = lines.map((line) => JSON.parse(line));
    expect(records.at(-1)).toEqual({ passed: 0, failed: 6 });
    expect(records[1].mismatches).toContainEqual({
      tcId: 6,
      comment: "not a signature",
      build: "base",
      path: "encoding",
      said: "invalid",
    });
    expect(status).toBe(1);
  });

  it.each([
    ["a file of something else", [ecdh, good], /ecdh\.json: these vectors are EcdhTest/],
    ["no such file", [join(folder, "none.json")], /ENOENT/],
    ["no file at all", [], /no file given/],
    ["an unknown option", [good, "--fast"], /no option --fast/],
  ])("refuses %s", (_, args, reason) => {
    const { status, lines, stderr } = command(...args);
    expect(stderr).toMatch(reason);
    expect(lines).toEqual([""]);
    expect(status).toBe(2);
  });
});

describe("the files beside the project", () => {
  const here = HANDED_OUT.every((name) => existsSync(join(SHARED, name)));

  it.skipIf(!here)(
    `hold, every case${here ? "" : " (skipped: no ../shared/data)"}`,
    () => {
      const outcomes = HANDED_OUT.map((name) => run(readFileSync(join(SHARED, name), "utf8")));
      expect(outcomes.flatMap(({ mismatches }) => mismatches)).toEqual([]);
      expect(outcomes.map(({ passed }) => passed)).toEqual([463, 252]);
    },
    60_000,
  );
});
