/**
 * A market at work, with real signatures: the records that a running gateway writes for its tasks, as many as wanted.
 *
 * Each task is nine records: an offer with its voucher, the announcement, two bids, the award, the accept, the result,
 * the payment, and a voucher that only adds money. Every fifth one has a second opinion, every eighth is paid on its
 * result. Firmware has a manifest.
 */
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import type { Draft } from "../../src/journal/journal.ts";
import { keccak256, sha256 } from "../../src/kernels/digest.ts";
import type { Fact, FactNamed, Leg } from "../../src/protocol/facts.ts";
import { feeOf, priceOf } from "../../src/protocol/fuel.ts";
import { type Manifest, signManifest } from "../../src/protocol/manifest.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import {
  acceptDigest,
  awardDigest,
  bidDigest,
  invoiceDigest,
  type Market,
  offerDigest,
  receiptDigest,
  resultDigest,
  taskIdOf,
} from "../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../src/protocol/voucher.ts";
import { draftOf, move, START } from "./signed-facts.ts";

const signerOf = (name: string) => keySigner(fromHex(sha256(name)));

const GATEWAY = signerOf("gateway");

const MARKET: Market = {
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
  gateway: GATEWAY.address,
};

const METER = { meter: 1, costs: sha256("costs") };
const TERMS = { profile: "task/1", memoryMiB: 1, fuelLimit: 2_000_000_000, ...METER } as const;
const BASIS_POINTS = 100;
const DEPOSIT = 4_000_000n;

export type MarketSize = { readonly tasks: number; readonly requesters: number; readonly providers: number };

/** The drafts of a market's life: three first ones, and nine or more of each task. */
export async function marketLife({ tasks, requesters, providers }: MarketSize): Promise<Draft[]> {
  const crew = {
    requesters: Array.from({ length: requesters }, (_, at) => signerOf(`requester ${at}`)),
    providers: Array.from({ length: providers }, (_, at) => signerOf(`provider ${at}`)),
  };
  const firmware = sha256("firmware");
  const words = { name: "path-plan", version: "1.0.0", licence: "Apache-2.0" };
  const manifest = await signManifest(signerOf("author"), {
    ...{ firmware, ...words, profile: "task/1", memoryMiB: 1 },
  });
  const life = new MarketLife(crew, firmware, manifest);
  const records: Fact[][] = [...life.opening()];
  for (let at = 0; at < tasks; at++) records.push(...(await life.task(at)));
  return records.map((facts, at) => draftOf(facts, START + at * 100, crew.requesters[0]?.address ?? null));
}

type Crew = { readonly requesters: readonly Signer[]; readonly providers: readonly Signer[] };

class MarketLife {
  readonly #crew: Crew;
  readonly #firmware: Hex;
  readonly #manifest: Manifest;
  /** By payer and payee. */
  readonly #signed = new Map<string, bigint>();

  constructor(crew: Crew, firmware: Hex, manifest: Manifest) {
    this.#crew = crew;
    this.#firmware = firmware;
    this.#manifest = manifest;
  }

  opening(): Fact[][] {
    const all = [...this.#crew.requesters, ...this.#crew.providers];
    const { gateway, chainId, vault, token } = MARKET;
    const open = { epoch: 0, deposit: amount(DEPOSIT), settled: amount(0n), closeAt: 0, window: 1, block: 3 };
    return [
      [
        {
          ...{ kind: "gatewayStarted", gateway, chainId, vault, token },
          ...{ decimals: 6, feeBasisPoints: BASIS_POINTS },
        },
      ],
      all.map(({ address }, at) => ({
        ...{ kind: "deviceEnrolled", device: address, owner: null, name: `device ${at}` },
        ...{ manufacturer: "acme", serialNumber: `${at}` },
      })),
      all.flatMap(({ address }): Fact[] => [
        { kind: "laneObserved", payer: address, payee: gateway, token, ...open },
        { kind: "laneObserved", payer: gateway, payee: address, token, ...open },
      ]),
    ];
  }

  async task(at: number): Promise<Fact[][]> {
    const { requesters, providers } = this.#crew;
    const requester = one(requesters, at);
    const [provider, other] = [one(providers, at), one(providers, at + 1)];
    const onResult = at % 8 === 7;
    const offer = await this.#offer(requester, at, onResult);
    const { task } = offer;
    const top = await this.#voucher(requester, offer.maxPrice, offer.checkBudget);
    const run = await this.#award(offer, provider, "run");
    const records: Fact[][] = [
      onResult ? [offer] : [top, offer],
      [{ kind: "announced", task, bidBy: instant(START + 1_000) }],
      [await bid(offer, provider, 1_000n)],
      [await bid(offer, other, 1_100n)],
      [run],
      await accepted(provider, run),
    ];
    const answer = await delivered(provider, run);
    const workers = [run];
    if (at % 5 === 4) {
      const check = await this.#award(offer, other, "check");
      workers.push(check);
      records.push([answer, check], await accepted(other, check));
      records.push([await delivered(other, check), ...(await this.#payment(offer, answer, workers))]);
    } else {
      records.push([answer], await this.#payment(offer, answer, workers));
    }
    if (onResult) records.push([top, await this.#paid(offer, answer, run)]);
    records.push([await this.#voucher(requester, 500n, 0n)]);
    return records;
  }

  async #offer(requester: Signer, at: number, onResult: boolean): Promise<Offer> {
    const terms = {
      ...{ id: `offer-${at}`, firmware: this.#firmware, firmwareBytes: 1_024 },
      ...{ input: sha256(`input ${at}`), inputBytes: 4_096 },
      ...{ maxPrice: amount(2_000n), checkBudget: amount(onResult ? 0n : 2_000n) },
      ...({ deadline: instant(START + 60_000), payment: onResult ? "result" : "prepaid" } as const),
      ...TERMS,
    };
    const digest = offerDigest(MARKET, requester.address, terms);
    const of = requester.address;
    return {
      ...{ kind: "offered", task: taskIdOf(digest), requester: of, ...terms },
      ...{ manifest: this.#manifest, signature: await requester.sign(digest) },
      postings: onResult ? [] : move(`credit:${of}`, `held:${of}`, terms.maxPrice + terms.checkBudget),
    };
  }

  /** A requester's voucher that adds two sums. */
  async #voucher(payer: Signer, first: bigint, second: bigint): Promise<Fact> {
    const gain = amount(first + second);
    const voucher = await this.#sign(payer, MARKET.gateway, gain);
    const postings = move(`in:${payer.address}`, `credit:${payer.address}`, gain);
    return { kind: "voucherReceived", payer: payer.address, amount: gain, voucher, postings };
  }

  async #sign(payer: Signer, payee: Hex, gain: bigint): Promise<Voucher> {
    const lane = `${payer.address} ${payee}`;
    const cumulative = (this.#signed.get(lane) ?? 0n) + gain;
    this.#signed.set(lane, cumulative);
    const { chainId, vault, token } = MARKET;
    const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(cumulative) };
    return { ...unsigned, signature: await payer.sign(voucherDigest(unsigned)) };
  }

  async #award(offer: Offer, provider: Signer, role: "run" | "check"): Promise<Award> {
    const award = {
      ...{ task: offer.task, role, provider: provider.address, rate: amount(1_000n) },
      ...{ feeBasisPoints: role === "run" ? BASIS_POINTS : 0 },
      ...{ acceptBy: instant(START + 10_000), runBy: instant(START + 40_000) },
    };
    const { requester, firmware, input } = offer;
    const digest = awardDigest(MARKET, { ...award, ...TERMS, requester, firmware, input });
    return { kind: "awarded", ...award, award: digest, signature: await GATEWAY.sign(digest) };
  }

  async #payment(offer: Offer, answer: Delivered, workers: readonly Award[]): Promise<Fact[]> {
    const { task } = offer;
    const { verdict, output, fuel } = answer;
    const own = { verdict, output, fuel, passed: true, reason: "" };
    const judged: Fact[] = [
      { kind: "checked", task, rung: "rerun", provider: workers[1]?.provider ?? null, ...own },
      { kind: "verified", task, verdict: "accepted", rechecked: workers.length > 1 },
    ];
    const [run] = workers;
    if (!run) return judged;
    const paid = await this.#paid(offer, answer, run);
    const legs: Leg[] = [];
    for (const worker of workers) legs.push(await this.#leg(worker, fuel));
    if (offer.payment === "prepaid") return [...judged, { ...paid, legs }];
    const salt = sha256(`salt ${task}`);
    const saltedOutput = keccak256(new Uint8Array([...fromHex(salt), ...fromHex(output)]));
    const { requester, provider, price, fee, checks, receipt } = paid;
    const due = instant(START + 90_000);
    const sums = { task, provider, fuel, price, fee, checks, saltedOutput, due };
    const terms = { ...sums, award: run.award, verdict, rate: run.rate };
    const signature = await GATEWAY.sign(invoiceDigest(MARKET, requester, terms));
    return [
      ...judged,
      { kind: "invoiced", ...sums, requester, salt, signature, receipt, legs, postings: [] },
    ];
  }

  async #leg({ provider, role, rate }: Award, fuel: number): Promise<Leg> {
    const price = priceOf(rate, fuel);
    const gain = amount(role === "run" ? price - feeOf(price, BASIS_POINTS) : price);
    return { payee: provider, role, amount: gain, voucher: await this.#sign(GATEWAY, provider, gain) };
  }

  async #paid(
    offer: Offer,
    { verdict, output, fuel, provider }: Delivered,
    { rate }: Award,
  ): Promise<FactNamed<"paid">> {
    const { task, requester, firmware, input } = offer;
    const price = priceOf(rate, fuel);
    const sums = { price, fee: feeOf(price, BASIS_POINTS), checks: amount(0n) };
    const work = { firmware, input, ...METER, verdict, output, fuel, rate };
    const digest = receiptDigest(MARKET, { task, requester, provider, ...work, ...sums });
    const receipt = await GATEWAY.sign(digest);
    return { kind: "paid", task, requester, provider, fuel, ...sums, legs: [], receipt, postings: [] };
  }
}

type Offer = FactNamed<"offered">;
type Award = FactNamed<"awarded">;
type Delivered = FactNamed<"delivered"> & { readonly output: Hex };

async function bid({ task }: Offer, provider: Signer, rate: bigint): Promise<Fact> {
  const terms = { task, rate: amount(rate), expires: instant(START + 30_000) };
  const signature = await provider.sign(bidDigest(MARKET, terms));
  return { kind: "bidPlaced", provider: provider.address, id: `bid-${rate}`, ...terms, signature };
}

async function accepted(provider: Signer, { task, role, award }: Award): Promise<Fact[]> {
  const by = { task, role, provider: provider.address };
  const signature = await provider.sign(acceptDigest(MARKET, award));
  return [
    { kind: "accepted", ...by, award, signature },
    { kind: "started", ...by, runBy: instant(START + 40_000) },
  ];
}

async function delivered(provider: Signer, { task, role, award }: Award): Promise<Delivered> {
  const ran = { verdict: "ok" as const, output: sha256(task), outputBytes: 64, fuel: 1_234_567_890 };
  const signature = await provider.sign(resultDigest(MARKET, { award, ...ran }));
  return { kind: "delivered", task, role, provider: provider.address, award, ...ran, signature };
}

function one(signers: readonly Signer[], at: number): Signer {
  const signer = signers[at % signers.length];
  if (!signer) throw new Error("a market has somebody");
  return signer;
}
