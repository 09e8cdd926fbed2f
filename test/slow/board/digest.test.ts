/** What the board's C library computes and signs is what everybody else does: known answers, and random cases. */
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { amount, MAX_AMOUNT } from "../../../src/base/money.ts";
import { keccak256 } from "../../../src/kernels/digest.ts";
import { recoverAddress } from "../../../src/kernels/signature.ts";
import { clientIdOf, signConnectToken } from "../../../src/protocol/connect-token.ts";
import { MAX_FUEL, priceOf } from "../../../src/protocol/fuel.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import {
  acceptDigest,
  connectDigest,
  invoiceDigest,
  type Market,
  offerDigest,
  receiptDigest,
} from "../../../src/protocol/typed-data.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { ask, marketWords, word } from "../../board/answers.ts";
import { buildHost } from "../../board/host-board.ts";
import { isOwnAbsent, whyOwnAbsent } from "../../board/own-source.ts";
import { MESSAGES } from "../../protocol/any-message.ts";
import { anyAddress, anyHash } from "../../protocol/any-scalar.ts";

const SEED = 7;
/** What a board can count: amounts of 64 bits. */
const anyAmount = fc
  .oneof(fc.constantFrom(0n, 1n, 2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
  .map(amount);
const anyMarket: fc.Arbitrary<Market> = fc.record({
  chainId: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  vault: anyAddress,
  gateway: anyAddress,
  token: anyAddress,
});

const cases = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { seed: SEED, numRuns: count });

/** The message with amounts that a board can count. */
function clip<T extends object>(message: T): T {
  const entries = Object.entries(message).map(([name, value]) => [
    name,
    typeof value === "bigint" ? BigInt.asUintN(64, value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

/** A key that is one: of 2^256 values, all but a few are. */
const anyKey = anyHash.map((hash): Hex => `0x01${hash.slice(4)}`);

describe.skipIf(isOwnAbsent)(`the board's arithmetic${whyOwnAbsent}`, () => {
  let program = "";

  beforeAll(async () => {
    program = await buildHost("answers-own");
  });

  it("hashes as published", async () => {
    const text = (words: string) => word(new TextEncoder().encode(words));
    const answers = await ask(program, [
      "keccak -",
      `keccak ${text("abc")}`,
      `sha256 ${text("abc")} 1`,
      // FIPS 180-4's example of two blocks
      `sha256 ${text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")} 3`,
      // RFC 4231, test case 1, whose key is 20 bytes; filled up with zeros it is the same key
      `hmac ${"0b".repeat(20)}${"00".repeat(12)} ${text("Hi There")}`,
    ]);
    expect(answers).toEqual([
      "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
      "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ]);
  });

  it("hashes every length up to two blocks, cut anywhere", async () => {
    const pieces = Array.from({ length: 280 }, (_, length) =>
      Uint8Array.from({ length }, (_one, at) => (at * 31 + length) & 0xff),
    );
    const key = Uint8Array.from({ length: 32 }, (_, at) => at * 7);
    const questions = pieces.flatMap((piece, at) => [
      `keccak ${word(piece)}`,
      `sha256 ${word(piece)} ${(at % 70) + 1}`,
      `hmac ${word(key)} ${word(piece)}`,
    ]);
    const right = pieces.flatMap((piece) => [
      keccak256(piece).slice(2),
      createHash("sha256").update(piece).digest("hex"),
      createHmac("sha256", key).update(piece).digest("hex"),
    ]);
    expect(await ask(program, questions)).toEqual(right);
  });

  it("makes the digests of what is signed", async () => {
    const markets = cases(anyMarket, 60);
    const questions: string[] = [];
    const right: string[] = [];
    const check = (question: string, digest: Hex) => {
      questions.push(question);
      right.push(digest.slice(2));
    };
    const epochs = cases(fc.integer({ min: 0, max: 0xffffff }), 60);
    const totals = cases(anyAmount, 60);
    const hashes = cases(anyHash, 60);
    for (const [at, market] of markets.entries()) {
      const words = marketWords(market);
      const { chainId, vault, gateway: payee, token } = market;
      const [epoch = 0, cumulative = amount(0n), nonce = `0x${"00".repeat(32)}` as Hex] = [
        epochs[at],
        totals[at],
        hashes[at],
      ];
      check(
        `voucher ${words} ${epoch} ${cumulative}`,
        voucherDigest({ chainId, vault, payee, token, epoch, cumulative }),
      );
      const claim = { clientId: clientIdOf(payee, `slot${at}`), issued: at, expires: 2 ** 50 + at, nonce };
      const times = `${claim.issued} ${claim.expires}`;
      check(`connect ${words} ${claim.clientId} ${times} ${word(nonce)}`, connectDigest(market, claim));
      check(`accept ${words} ${word(nonce)}`, acceptDigest(market, nonce));
    }
    expect(await ask(program, questions)).toEqual(right);
  });

  it("offers what it signs, as the gateway reads it", async () => {
    const offers = cases(MESSAGES.offer, 200).map(clip);
    const markets = cases(anyMarket, 200);
    const requesters = cases(anyAddress, 200);
    const at = <T>(list: readonly T[], index: number) => list[index] as T;
    const questions = offers.map((offer, index) => {
      const { id, firmware, firmwareBytes, input, inputBytes, maxPrice, checkBudget, deadline } = offer;
      const { payment, profile, memoryMiB, fuelLimit, meter, costs } = offer;
      const what = [
        id,
        word(firmware),
        firmwareBytes,
        word(input),
        inputBytes,
        maxPrice,
        checkBudget,
        deadline,
      ];
      const how = [payment, profile, memoryMiB, fuelLimit, meter, word(costs)];
      const who = `${marketWords(at(markets, index))} ${word(at(requesters, index))}`;
      return `offer ${who} ${[...what, ...how].join(" ")}`;
    });
    const answers = await ask(program, questions);
    for (const [index, offer] of offers.entries()) {
      const [digest, ...draft] = (answers[index] ?? "").split(" ");
      expect(`0x${digest}`).toBe(offerDigest(at(markets, index), at(requesters, index), offer));
      const {
        signature: _,
        voucher: _one,
        manifest: _other,
        ...bare
      } = JSON.parse(encodeMessage("offer", offer));
      expect(JSON.parse(draft.join(" "))).toEqual(bare);
    }
  });

  it("reads invoices and receipts as they were signed", async () => {
    const invoices = cases(MESSAGES.invoice, 150).map(clip);
    const receipts = cases(MESSAGES.receipt, 150).map(clip);
    const [market] = cases(anyMarket, 1);
    const [requester] = cases(anyAddress, 1);
    if (!market || !requester) throw new Error("no cases");
    const bytes = new TextEncoder();
    const who = `${marketWords(market)} ${word(requester)}`;
    const answers = await ask(program, [
      ...invoices.map((one) => `invoice ${who} ${word(bytes.encode(encodeMessage("invoice", one)))}`),
      ...receipts.map((one) => `receipt ${who} ${word(bytes.encode(encodeMessage("receipt", one)))}`),
    ]);
    expect(answers).toEqual([
      ...invoices.map((one) => invoiceDigest(market, requester, one).slice(2)),
      ...receipts.map((one) => receiptDigest(market, one).slice(2)),
    ]);
  });

  it("counts what a run costs, and refuses what it cannot count", async () => {
    const rates = [0n, 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, ...cases(anyAmount, 200)];
    const fuels = [
      0,
      1,
      2 ** 32 + 1,
      10 ** 12,
      MAX_FUEL,
      ...cases(fc.integer({ min: 0, max: MAX_FUEL }), 200),
    ];
    const pairs = rates.flatMap((rate, at) => [
      { rate, fuel: fuels[at] ?? 0 },
      { rate, fuel: fuels[(at * 7) % fuels.length] ?? 0 },
    ]);
    const right = pairs.map(({ rate, fuel }) => {
      const price = priceOf(amount(rate), fuel);
      return price < 2n ** 64n ? price.toString() : "?";
    });
    expect(right).toContain("?");
    expect(
      await ask(
        program,
        pairs.map(({ rate, fuel }) => `price ${rate} ${fuel}`),
      ),
    ).toEqual(right);
  });

  it("takes amounts of 64 bits and nothing else for one", async () => {
    const texts = ["0", "1", "18446744073709551615", "7"];
    const wrong = [
      "18446744073709551616",
      MAX_AMOUNT.toString(),
      "184467440737095516150",
      "",
      "01",
      "-1",
      "1.0",
    ];
    const more = ["+1", " 1", "1 ", "0x1", "1e3", "99999999999999999999"];
    const all = [...texts, ...wrong, ...more];
    const answers = await ask(
      program,
      all.map((text) => `amount ${word(new TextEncoder().encode(text))}`),
    );
    expect(answers).toEqual([...texts, ...[...wrong, ...more].map(() => "?")]);
  });

  it("signs as everybody does, and knows who has signed", async () => {
    const keys = cases(anyKey, 25);
    const digests = cases(anyHash, 25);
    const signers = keys.map((key) => keySigner(fromHex(key)));
    const signatures = await Promise.all(signers.map((signer, at) => signer.sign(digests[at] ?? "0x")));
    const signed = await ask(
      program,
      keys.map((key, at) => `sign ${word(key)} ${word(digests[at] ?? "0x")}`),
    );
    expect(signed).toEqual(
      signers.map(({ address }, at) => `${word(address)} ${word(signatures[at] ?? "0x")}`),
    );
    const spoilt = signatures.flatMap((signature, at) => {
      const digest = digests[at] ?? "0x";
      const by = signers[at]?.address ?? "0x";
      const flipped = fromHex(signature);
      const place = (at * 13) % 64;
      flipped[place] = (flipped[place] ?? 0) ^ 1;
      const other = fromHex(signature);
      other[64] = 55 - (other[64] ?? 0);
      return [signature, toHex(flipped), toHex(other), highOf(signature)].map((one) => ({ by, digest, one }));
    });
    const answers = await ask(
      program,
      spoilt.map(({ by, digest, one }) => `signer ${word(by)} ${word(digest)} ${word(one)}`),
    );
    expect(answers).toEqual(
      spoilt.map(({ by, digest, one }) => (recoverAddress(digest, one) === by ? "yes" : "no")),
    );
    expect(answers.filter((answer) => answer === "yes")).toHaveLength(25);
    expect(await ask(program, [`sign ${"00".repeat(32)} ${"11".repeat(32)}`])).toEqual(["?"]);
    expect(await ask(program, [`sign ${"ff".repeat(32)} ${"11".repeat(32)}`])).toEqual(["?"]);
  });

  it("logs in with the token that the robot makes", async () => {
    const market = cases(anyMarket, 20);
    const keys = cases(anyKey, 20);
    const nonces = cases(anyHash, 20);
    const slots = cases(fc.stringMatching(/^[A-Za-z0-9]{1,16}$/), 20);
    const right: string[] = [];
    const questions: string[] = [];
    for (const [at, key] of keys.entries()) {
      const [venue, nonce, slot = "main"] = [market[at], nonces[at], slots[at]];
      if (!venue || !nonce) throw new Error("no case");
      const signer = keySigner(fromHex(key));
      const issued = 1_700_000_000_000 + at;
      const claim = { clientId: clientIdOf(signer.address, slot), issued, expires: issued + 60_000, nonce };
      right.push(await signConnectToken(venue, signer, claim));
      questions.push(`token ${word(key)} ${slot} ${issued} ${word(nonce)} ${marketWords(venue)}`);
    }
    expect(await ask(program, questions)).toEqual(right);
  });
});

/** The curve's order, of SEC 2 section 2.4.1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The other signature that says the same: the contract does not take it. */
function highOf(signature: Hex): Hex {
  const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? "1c" : "1b";
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${v}` as Hex;
}
