import { concat, hashTypedData, keccak256, recoverTypedDataAddress } from "viem/utils";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { keySigner } from "../../src/protocol/signer.ts";
import {
  acceptDigest,
  askDigest,
  awardDigest,
  bidDigest,
  connectDigest,
  invoiceDigest,
  type Market,
  offerDigest,
  receiptDigest,
  resultDigest,
  saltedHash,
  TYPED_STRUCTS,
  taskIdOf,
} from "../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest, voucherPayer } from "../../src/protocol/voucher.ts";

const hash32 = (fill: string): Hex => `0x${fill.repeat(32)}`;
const address = (fill: string): Hex => `0x${fill.repeat(20)}`;

const MARKET: Market = {
  chainId: 8_453,
  vault: address("a1"),
  token: address("b2"),
  gateway: address("c3"),
};
const REQUESTER = address("e5");
const TASK: Hex = `0x${"7a".repeat(16)}`;
const DOMAIN = { name: "hirewire", version: "1", chainId: 8_453, verifyingContract: MARKET.vault } as const;
const SIGNATURE: Hex = `0x${"00".repeat(65)}`;

const field = (type: string) => (name: string) => ({ name, type });
const [str, b32, b16, acct] = [field("string"), field("bytes32"), field("bytes16"), field("address")];
const [u16, u24, u32] = [field("uint16"), field("uint24"), field("uint32")];
const [u64, u96] = [field("uint64"), field("uint96")];

/** Written from the contract and the AsyncAPI document, not from typed-data.ts. */
const TYPES = {
  Voucher: [acct("payee"), acct("token"), u24("epoch"), u96("cumulative")],
  Offer: [
    acct("gateway"),
    acct("token"),
    acct("requester"),
    str("id"),
    b32("firmware"),
    u32("firmwareBytes"),
    b32("input"),
    u32("inputBytes"),
    u96("maxPrice"),
    u96("checkBudget"),
    u64("deadline"),
    str("payment"),
    str("profile"),
    u16("memoryMiB"),
    u64("fuelLimit"),
    u16("meter"),
    b32("costs"),
  ],
  Bid: [acct("gateway"), b16("task"), u96("rate"), u64("expires")],
  Award: [
    b16("task"),
    str("role"),
    acct("requester"),
    acct("provider"),
    b32("firmware"),
    b32("input"),
    str("profile"),
    u16("memoryMiB"),
    u64("fuelLimit"),
    u16("meter"),
    b32("costs"),
    u96("rate"),
    u16("feeBasisPoints"),
    u64("acceptBy"),
    u64("runBy"),
  ],
  Accept: [b32("award")],
  Result: [b32("award"), str("verdict"), b32("output"), u32("outputBytes"), u64("fuel")],
  Receipt: [
    b16("task"),
    acct("requester"),
    acct("provider"),
    b32("firmware"),
    b32("input"),
    str("verdict"),
    b32("output"),
    u16("meter"),
    b32("costs"),
    u64("fuel"),
    u96("rate"),
    u96("price"),
    u96("fee"),
    u96("checks"),
  ],
  Invoice: [
    b16("task"),
    acct("requester"),
    acct("provider"),
    b32("award"),
    str("verdict"),
    u64("fuel"),
    u96("rate"),
    b32("saltedOutput"),
    u96("price"),
    u96("fee"),
    u96("checks"),
    u64("due"),
  ],
  Ask: [
    acct("gateway"),
    acct("provider"),
    u16("meter"),
    b32("costs"),
    u96("rate1"),
    u96("rate16"),
    u96("rate64"),
    u64("fuelPerSecond1"),
    u64("fuelPerSecond16"),
    u64("fuelPerSecond64"),
    u64("measured"),
    u64("expires"),
  ],
  Connect: [acct("gateway"), str("clientId"), u64("issued"), u64("expires"), b32("nonce")],
};

function expected(primaryType: keyof typeof TYPES, message: Record<string, unknown>): Hex {
  const domain = primaryType === "Voucher" ? { ...DOMAIN, name: "LaneVault" } : DOMAIN;
  return hashTypedData({ domain, types: TYPES, primaryType, message });
}

const TERMS = {
  profile: "wasi-stdio/1" as const,
  memoryMiB: 64 as const,
  fuelLimit: 10 ** 15,
  meter: 0xffff,
  costs: hash32("c0"),
};
const NO_OUTPUT = hash32("00");
const OFFER = {
  id: "01JD-offer_1",
  firmware: hash32("f1"),
  firmwareBytes: 12_345,
  input: hash32("17"),
  inputBytes: 67_108_864,
  maxPrice: amount(2n ** 96n - 1n),
  checkBudget: amount(7n),
  deadline: instant(2 ** 53 - 1),
  payment: "prepaid" as const,
  ...TERMS,
};
const AWARD = {
  task: TASK,
  role: "check" as const,
  requester: address("d4"),
  provider: address("e5"),
  firmware: hash32("f1"),
  input: hash32("17"),
  ...TERMS,
  rate: amount(1_000n),
  feeBasisPoints: 10_000,
  acceptBy: instant(1_800_000_000_000),
  runBy: instant(1_800_000_030_000),
};
const VOUCHER = {
  chainId: MARKET.chainId,
  vault: MARKET.vault,
  payee: address("d4"),
  token: MARKET.token,
  epoch: 0xffffff,
  cumulative: amount(5_000_001n),
};

describe("the digest of", () => {
  it("an offer names the gateway and the token it trades in", () => {
    const message = {
      ...OFFER,
      gateway: MARKET.gateway,
      token: MARKET.token,
      requester: REQUESTER,
      deadline: BigInt(OFFER.deadline),
      fuelLimit: BigInt(OFFER.fuelLimit),
    };
    expect(offerDigest(MARKET, REQUESTER, OFFER)).toBe(expected("Offer", message));
  });

  it("a bid names the gateway", () => {
    const bid = { task: TASK, rate: amount(9n), expires: instant(1_800_000_000_001) };
    const message = { ...bid, gateway: MARKET.gateway, expires: BigInt(bid.expires) };
    expect(bidDigest(MARKET, bid)).toBe(expected("Bid", message));
  });

  it("an award", () => {
    const times = { acceptBy: BigInt(AWARD.acceptBy), runBy: BigInt(AWARD.runBy) };
    const message = { ...AWARD, ...times, fuelLimit: BigInt(AWARD.fuelLimit) };
    expect(awardDigest(MARKET, AWARD)).toBe(expected("Award", message));
  });

  it("an accept and a result name the award", () => {
    const award = hash32("aa");
    expect(acceptDigest(MARKET, award)).toBe(expected("Accept", { award }));
    const result = { award, verdict: "ok" as const, output: hash32("07"), outputBytes: 9, fuel: 10 ** 15 };
    expect(resultDigest(MARKET, result)).toBe(expected("Result", { ...result, fuel: BigInt(result.fuel) }));
    const failed = { award, verdict: "out-of-fuel" as const, output: null, outputBytes: 0, fuel: 7 };
    const message = { ...failed, output: NO_OUTPUT, fuel: 7n };
    expect(resultDigest(MARKET, failed)).toBe(expected("Result", message));
  });

  it("a receipt", () => {
    const { task, requester, provider, firmware, input, meter, costs, rate } = AWARD;
    const sums = { price: amount(1_000n), fee: amount(20n), checks: amount(0n), fuel: 8, rate };
    const shared = { task, requester, provider, firmware, input, meter, costs, ...sums };
    const receipt = { ...shared, verdict: "ok" as const, output: hash32("07") };
    expect(receiptDigest(MARKET, receipt)).toBe(expected("Receipt", { ...receipt, fuel: 8n }));
    const failed = { ...shared, verdict: "trap" as const, output: null };
    const message = { ...failed, output: NO_OUTPUT, fuel: 8n };
    expect(receiptDigest(MARKET, failed)).toBe(expected("Receipt", message));
  });

  it("an invoice names the award and hides the output", () => {
    const invoice = {
      ...{ task: TASK, provider: address("d4"), award: hash32("aa"), saltedOutput: hash32("5a") },
      ...{ verdict: "stack" as const, fuel: 9, rate: amount(11n) },
      ...{ price: amount(1_000n), fee: amount(20n), checks: amount(0n), due: instant(1_800_000_000_002) },
    };
    const message = { ...invoice, requester: REQUESTER, due: BigInt(invoice.due), fuel: 9n };
    expect(invoiceDigest(MARKET, REQUESTER, invoice)).toBe(expected("Invoice", message));
  });

  it("an ask names gateway and provider, and is zero for the classes it leaves out", () => {
    const times = { measured: instant(5), expires: instant(6) };
    const ask = {
      ...{ meter: 1, costs: hash32("c0"), ...times },
      rates: [
        { memoryMiB: 64 as const, rate: amount(9n) },
        { memoryMiB: 1 as const, rate: amount(3n) },
      ],
      fuelPerSecond: [{ memoryMiB: 16 as const, fuel: 1_000_000_000 }],
    };
    const message = {
      ...{ gateway: MARKET.gateway, provider: address("d4"), meter: 1, costs: hash32("c0") },
      ...{ rate1: 3n, rate16: 0n, rate64: 9n, measured: 5n, expires: 6n },
      ...{ fuelPerSecond1: 0n, fuelPerSecond16: 1_000_000_000n, fuelPerSecond64: 0n },
    };
    expect(askDigest(MARKET, address("d4"), ask)).toBe(expected("Ask", message));
  });

  it("a CONNECT names gateway and client", () => {
    const claim = { clientId: `${address("d4")}-main`, issued: 1, expires: 600_001, nonce: hash32("99") };
    const message = { ...claim, gateway: MARKET.gateway, issued: 1n, expires: 600_001n };
    expect(connectDigest(MARKET, claim)).toBe(expected("Connect", message));
  });

  it("a voucher is in the vault's own domain", () => {
    const { chainId: _, vault: __, ...fields } = VOUCHER;
    expect(voucherDigest(VOUCHER)).toBe(expected("Voucher", fields));
    expect(voucherDigest(VOUCHER)).not.toBe(
      hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Voucher", message: fields }),
    );
  });

  it("nothing else: the structs are these and no more", () => {
    const { Voucher: _, ...structs } = TYPES;
    expect(new Set(Object.keys(TYPED_STRUCTS))).toEqual(new Set(Object.keys(structs)));
  });

  it("anything changes with chain and vault, and with the gateway where the struct names it", () => {
    const other = [
      { ...MARKET, chainId: 1 },
      { ...MARKET, vault: address("a2") },
    ];
    for (const market of other) {
      expect(offerDigest(market, REQUESTER, OFFER)).not.toBe(offerDigest(MARKET, REQUESTER, OFFER));
      expect(awardDigest(market, AWARD)).not.toBe(awardDigest(MARKET, AWARD));
      const { chainId, vault } = market;
      expect(voucherDigest({ ...VOUCHER, chainId, vault })).not.toBe(voucherDigest(VOUCHER));
    }
    const gateway = { ...MARKET, gateway: address("c4") };
    expect(offerDigest(gateway, REQUESTER, OFFER)).not.toBe(offerDigest(MARKET, REQUESTER, OFFER));
  });

  it("an offer names its requester, so that no two devices make the same task", () => {
    expect(offerDigest(MARKET, address("e6"), OFFER)).not.toBe(offerDigest(MARKET, REQUESTER, OFFER));
  });

  it("an offer does not cover what rides beside it", () => {
    const manifest = { ...TERMS, firmware: OFFER.firmware, name: "n", version: "1", licence: "MIT" };
    const beside = { manifest: { ...manifest, author: address("d4"), signature: SIGNATURE } };
    const message = { ...OFFER, ...beside, version: 1 as const, signature: SIGNATURE };
    expect(offerDigest(MARKET, REQUESTER, message)).toBe(offerDigest(MARKET, REQUESTER, OFFER));
  });
});

describe("a task id", () => {
  it("is the first 16 bytes of the offer's digest", () => {
    expect(taskIdOf(`0x${"12".repeat(16)}${"34".repeat(16)}`)).toBe(`0x${"12".repeat(16)}`);
  });
});

describe("a voucher", () => {
  const payer = keySigner(new Uint8Array(32).fill(5));

  it("recovers to its payer, as viem recovers the same typed data", async () => {
    const voucher: Voucher = { ...VOUCHER, signature: await payer.sign(voucherDigest(VOUCHER)) };
    expect(voucherPayer(voucher)).toBe(payer.address);
    const byViem = await recoverTypedDataAddress({
      domain: { ...DOMAIN, name: "LaneVault" },
      types: { Voucher: TYPES.Voucher },
      primaryType: "Voucher",
      message: VOUCHER,
      signature: voucher.signature,
    });
    expect(byViem.toLowerCase()).toBe(payer.address);
  });

  it("recovers to somebody else once any field is changed", async () => {
    const signature = await payer.sign(voucherDigest(VOUCHER));
    const changes = [
      { payee: address("d5") },
      { token: address("b3") },
      { epoch: 0 },
      { cumulative: amount(1n) },
      { chainId: 1 },
      { vault: address("a2") },
    ];
    for (const change of changes) {
      expect(voucherPayer({ ...VOUCHER, signature, ...change })).not.toBe(payer.address);
    }
    expect(voucherPayer({ ...VOUCHER, signature: SIGNATURE })).toBeNull();
  });
});

describe("a salted hash", () => {
  it("is keccak-256 of the salt and what it hides, in this order", () => {
    const [salt, output] = [hash32("5a"), hash32("c4")];
    expect(saltedHash(salt, output)).toBe(keccak256(concat([salt, output])));
    expect(saltedHash(salt, output)).not.toBe(saltedHash(output, salt));
  });
});
