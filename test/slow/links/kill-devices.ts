/** The devices of a gateway that is killed again and again: one that buys, and honest ones that work. */
import { expect } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { encodeMessage, type Message } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { CommandTopic } from "../../../src/protocol/topic.ts";
import { awardDigest } from "../../../src/protocol/typed-data.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import {
  accept,
  bid,
  MARKET,
  offer,
  offerTerms,
  result,
  taskOfOffer,
  voucherOf,
} from "../../exchange/stage.ts";
import { answerTo, BURNT, MAKER } from "./lean-gateway.ts";
import { type Heard, RawSession } from "./raw-session.ts";

/** What the runs of one task may cost, and the checks of it. */
const MAX_PRICE = 1_000n;
/** Below every bid: nobody wants it. */
const TOO_LITTLE = 10n;
const DEADLINE_MS = 120_000;
/** Of what is to expire. */
const SHORT_DEADLINE_MS = 800;

/** A device that comes back to every life of its gateway, and hands over the bytes that it has named. */
class Peer {
  readonly signer: Signer;
  readonly #blobs = new Map<Hex, Uint8Array>();
  readonly #fail: (fault: unknown) => void;
  session: RawSession | null = null;
  /** The total that the gateway has promised to this device. */
  received = 0n;

  /** @param fail - is told what was heard that must not be */
  constructor(signer: Signer, fail: (fault: unknown) => void) {
    this.signer = signer;
    this.#fail = fail;
  }

  get address(): Hex {
    return this.signer.address;
  }

  async connect(port: number): Promise<void> {
    const name = { manufacturer: MAKER, serialNumber: this.address.slice(2) };
    const { signer } = this;
    const listener = {
      onPuback: (id: number) => this.pubacked(id),
      onFault: this.#fail,
      onMessage: (heard: Heard) => {
        if (heard.topic === "blob-get") this.#asked(heard.message);
        else this.hear(heard);
      },
    };
    // what the gateway says right after the terms is answered on this session, too
    this.session = new RawSession(port, { market: MARKET, signer, name }, listener);
    await this.session.up;
  }

  cut(): void {
    this.session?.cut();
    this.session = null;
  }

  protected pubacked(_packetId: number): void {}

  protected hear(_heard: Heard): void {}

  protected take({ cumulative }: Voucher): void {
    if (cumulative > this.received) this.received = cumulative;
  }

  protected keep(bytes: Uint8Array): { readonly hash: Hex; readonly length: number } {
    const hash = hashBlob(bytes);
    this.#blobs.set(hash, bytes);
    return { hash, length: bytes.length };
  }

  #asked({ hash, offset, length }: Message<"blob-get">): void {
    const held = this.#blobs.get(hash);
    if (!held) return;
    const bytes = Buffer.from(held.subarray(offset, offset + length)).toString("base64");
    const chunk = { version: 1, from: "device", hash, offset, total: held.length, bytes } as const;
    this.session?.send("blob-data", encodeMessage("blob-data", chunk));
  }
}

/** An offer, and what its requester has seen of it. */
export type Sent = {
  readonly id: string;
  readonly task: Hex;
  readonly text: string;
  /** What is to become of it: done by one who wants it; or nobody does, and it expires or is taken back. */
  readonly fate: "paid" | "expired" | "cancelled";
  /** The life of the gateway in which its PUBACK came; null before. */
  pubackedIn: number | null;
  /** The record that its first ack has named. */
  acked: number | null;
  answer: Message<"answer"> | null;
  /** It came too late to be taken on: the way out for what is to expire. */
  refused: Message<"refusal">["code"] | null;
};

/** Of bytes that were still on their way when their task's time was over, or that were asked for twice, and came twice. */
const ABOUT_BYTES = ["blob_unknown", "blob_unexpected"];

/** Offers in turn. */
const FATES = ["paid", "paid", "cancelled", "paid", "paid", "paid", "expired", "paid"] as const;

export class Requester extends Peer {
  readonly offers: Sent[] = [];
  /** Lives of the gateway so far. */
  life = 0;
  /** All that was ever signed to the gateway. */
  signed = 0n;
  onPuback: (sent: Sent) => void = () => undefined;
  readonly #firmware = this.keep(Buffer.from("the same module for all"));
  readonly #underWay = new Map<number, Sent>();
  /** Acks and answers so far. */
  #heard = 0;
  #wake: () => void = () => undefined;

  /** Signs an offer that brings its money along. */
  async prepare(): Promise<Sent> {
    const number = this.offers.length;
    const fate = FATES[number % FATES.length] ?? "paid";
    const input = this.keep(Buffer.from(`${this.address} ${number}`));
    const price = amount(fate === "paid" ? MAX_PRICE : TOO_LITTLE);
    this.signed += 2n * price;
    const id = `o-${number}`;
    const terms = offerTerms(id, {
      ...{ firmware: this.#firmware.hash, firmwareBytes: this.#firmware.length },
      ...{ input: input.hash, inputBytes: input.length, maxPrice: price, checkBudget: price },
      deadline: instant(systemClock.now() + (fate === "expired" ? SHORT_DEADLINE_MS : DEADLINE_MS)),
      voucher: await voucherOf(this.signer, this.signed),
    });
    const text = encodeMessage("offer", await offer(this.signer, terms));
    const task = taskOfOffer(this.signer, terms);
    const unheard = { pubackedIn: null, acked: null, answer: null, refused: null };
    const sent: Sent = { id, task, text, fate, ...unheard };
    this.offers.push(sent);
    return sent;
  }

  /** Sends offers; those that were sent before go out byte for byte as they were. */
  send(offers: readonly Sent[]): void {
    for (const sent of offers) {
      const packetId = this.session?.send("offer", sent.text);
      if (packetId !== undefined) this.#underWay.set(packetId, sent);
    }
  }

  /** Says again what has no end yet, takes back what is to be, and resolves when all of it has ended. */
  async rest(): Promise<void> {
    const isOpen = ({ answer, refused }: Sent) => answer === null && refused === null;
    const open = this.offers.filter(isOpen);
    this.send(open);
    for (const { id, task, fate } of open) {
      if (fate !== "cancelled") continue;
      const text = encodeMessage("cancel", { version: 1, id: `c-${id}`, task });
      this.session?.send("cancel", text);
    }
    while (open.some(isOpen)) await this.#next();
  }

  /** Says every offer once more, and resolves when each was answered once more. */
  async repeat(): Promise<void> {
    const refused = this.offers.filter((one) => one.refused !== null).length;
    const least = this.#heard + 2 * (this.offers.length - refused) + refused;
    this.send(this.offers);
    while (this.#heard < least) await this.#next();
  }

  /** Resolves at the next ack or answer. */
  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  override async connect(port: number): Promise<void> {
    this.#underWay.clear();
    this.life += 1;
    await super.connect(port);
  }

  protected override pubacked(packetId: number): void {
    const sent = this.#underWay.get(packetId);
    if (!sent) return;
    sent.pubackedIn ??= this.life;
    this.onPuback(sent);
  }

  protected override hear({ topic, message }: Heard): void {
    if (topic === "ack") this.#acked(message);
    if (topic === "answer") this.#told(message);
    if (topic === "refusal") this.#refused(message);
    if (topic === "payment") this.take(message.voucher);
    if (topic === "ack" || topic === "answer" || topic === "refusal") this.#heard += 1;
    this.#wake();
  }

  #acked({ id, journalIndex, task }: Message<"ack">): void {
    const sent = this.offers.find((one) => one.id === id);
    if (!sent) return;
    expect(task).toBe(sent.task);
    sent.acked ??= journalIndex;
    expect(journalIndex, `${id} was acknowledged with two records`).toBe(sent.acked);
  }

  #refused(refusal: Message<"refusal">): void {
    const sent = this.offers.find(({ id }) => id === refusal.id);
    if (sent?.fate === "expired" && refusal.code === "offer_expired") sent.refused = refusal.code;
    else if (!ABOUT_BYTES.includes(refusal.code)) throw new Error(`refused: ${JSON.stringify(refusal)}`);
  }

  #told(answer: Message<"answer">): void {
    const sent = this.offers.find(({ task }) => task === answer.task);
    if (!sent) throw new Error(`an answer to ${answer.task}, which nobody has offered`);
    const { credit: _, ...before } = sent.answer ?? answer;
    expect(answer).toMatchObject(before);
    sent.answer = answer;
  }
}

/** Bids on everything that pays, and delivers what it is awarded. */
export class Provider extends Peer {
  readonly #rate: bigint;
  /** What was said before, to be said again byte for byte. */
  readonly #said = new Map<string, Promise<string>>();
  readonly #accepts = new Map<string, Message<"award">>();

  constructor(signer: Signer, rate: bigint, fail: (fault: unknown) => void) {
    super(signer, fail);
    this.#rate = rate;
  }

  override async connect(port: number): Promise<void> {
    await super.connect(port);
    const factsheet = { version: 1, name: "", profiles: ["task/1"], memoryMiB: 1 } as const;
    this.session?.send("factsheet", encodeMessage("factsheet", { ...factsheet, profiles: ["task/1"] }));
  }

  protected override hear({ topic, message }: Heard): void {
    if (topic === "announce") this.#announced(message);
    if (topic === "award") this.#awarded(message);
    if (topic === "ack") this.#acked(message);
    if (topic === "payment") this.take(message.voucher);
  }

  #announced({ task, bidBy, deadline, maxPrice }: Message<"announce">): void {
    if (maxPrice < this.#rate) return;
    const id = `b-${task.slice(2, 18)}-${bidBy}`;
    this.#say("bid", id, () => bid(this.signer, id, task, this.#rate, deadline));
  }

  #awarded(award: Message<"award">): void {
    const digest = awardDigest(MARKET, award);
    const id = `a-${digest.slice(2, 34)}`;
    this.#accepts.set(id, award);
    this.#say("accept", id, () => accept(this.signer, id, award.task, digest));
  }

  /** Its accept is on disk, so the work may be done. */
  #acked({ id }: Message<"ack">): void {
    const award = this.#accepts.get(id);
    if (!award) return;
    const output = this.keep(answerTo(award.input)).hash;
    const digest = awardDigest(MARKET, award);
    const own = `r-${digest.slice(2, 34)}`;
    this.#say("result", own, () => result(this.signer, own, award.task, digest, { output, fuel: BURNT }));
  }

  #say<T extends CommandTopic>(topic: T, id: string, make: () => Promise<Message<T>>): void {
    const text = this.#said.get(id) ?? make().then((message) => encodeMessage(topic, message));
    this.#said.set(id, text);
    const { session } = this;
    void text.then((known) => session?.send(topic, known));
  }
}
