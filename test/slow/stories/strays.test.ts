/** Failure test 9: whatever becomes of vouchers on their way, and wherever they stray from, each is charged once. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { creditOf, heldOf } from "../../../src/payment/payment.ts";
import { encodeMessage, type Message } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import {
  BOARD,
  CART,
  funded,
  GATEWAY,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  voucherOf,
} from "../../exchange/stage.ts";
import { pair } from "../../link/serial/link-pair.ts";
import { expectBooks, expectNothingDoubled } from "../exchange/books-laws.ts";
import { randomFrom } from "../exchange/random.ts";
import { Hub, MAKER } from "./hub.ts";
import { type Letter, Postman } from "./postman.ts";

const DEPOSIT = 10_000n;
const VOUCHERS = 20;
/** Above all that is ever signed for good, so that nothing is passed over as old. */
const HIGH = 9_000n;
const ELSEWHERE: Hex = `0x${"cc".repeat(20)}`;
/** Vouchers alone, and then three offers that bring 1,200 each. */
const PAID = 2_000n + 3n * 1_200n;

const NAME = { manufacturer: MAKER, serialNumber: "robot" };
const VIRTUAL_HOUR_MS = 3_600_000;

/** A letter, and what the gateway must say to it each time. */
type Case = Letter & { readonly answer: string };

let hub: Hub;

beforeEach(async () => {
  const devices = new Map<string, Signer>([
    ["robot", ROBOT],
    ["cart", CART],
    ["board", BOARD],
  ]);
  hub = await Hub.open({ market: MARKET, signer: GATEWAY, clock: systemClock, devices });
  await hub.observe(funded([ROBOT, CART, BOARD], DEPOSIT));
});
afterEach(() => hub.stop());

function letter(id: string, voucher: Voucher, answer = "ack"): Case {
  return { id, topic: "voucher", text: encodeMessage("voucher", { version: 1, id, voucher }), answer };
}

/** Everything a good robot says, and its vouchers again under other ids. */
async function goodMail(): Promise<Case[]> {
  const mail: Case[] = [];
  for (let at = 1; at <= VOUCHERS; at++) {
    const voucher = await voucherOf(ROBOT, BigInt(at) * 100n);
    mail.push(letter(`v-${at}`, voucher));
    if (at % 4 === 0) mail.push(letter(`replay-${at}`, voucher));
  }
  for (let at = 1; at <= 3; at++) {
    const voucher = await voucherOf(ROBOT, 2_000n + BigInt(at) * 1_200n);
    const deadline = instant(systemClock.now() + 3_600_000);
    const message: Message<"offer"> = await offer(ROBOT, offerTerms(`o-${at}`, { voucher, deadline }));
    mail.push({ id: `o-${at}`, topic: "offer", text: encodeMessage("offer", message), answer: "ack" });
  }
  return mail;
}

/** Vouchers that are somebody else's business, as they are and dressed up as ours. */
async function strayMail(): Promise<Case[]> {
  const ours = { chainId: MARKET.chainId, vault: MARKET.vault, token: MARKET.token, payee: GATEWAY.address };
  const strays: readonly (readonly [string, Partial<Voucher>, string])[] = [
    ["chain", { chainId: 1 }, "voucher_wrong_chain"],
    ["vault", { vault: ELSEWHERE }, "voucher_wrong_vault"],
    ["token", { token: ELSEWHERE }, "voucher_wrong_token"],
    ["lane", { payee: BOARD.address }, "voucher_wrong_payee"],
    ["epoch", { epoch: 1 }, "voucher_wrong_epoch"],
  ];
  const mail: Case[] = [];
  for (const [name, change, answer] of strays) {
    const voucher = await voucherOf(ROBOT, HIGH, change);
    mail.push(letter(`cross-${name}`, voucher, answer));
    const dressed = { ...voucher, ...ours, epoch: 0 };
    mail.push(letter(`dressed-${name}`, dressed, "bad_signature"));
  }
  mail.push(letter("cross-wallet", await voucherOf(CART, HIGH), "bad_signature"));
  mail.push(letter("own-wallet", await voucherOf(ROBOT, HIGH, { payee: ROBOT.address }), "bad_signature"));
  mail.push(
    letter("raised", { ...(await voucherOf(ROBOT, 100n)), cumulative: amount(HIGH) }, "bad_signature"),
  );
  mail.push(letter("too-high", await voucherOf(ROBOT, DEPOSIT + 1n), "voucher_over_deposit"));
  return mail;
}

/** Everything three times, in an order that nobody has meant; what was answered is compared with what it should be. */
async function deliver(postman: Postman, mail: readonly Case[], seed: number): Promise<void> {
  const random = randomFrom(seed);
  const pile = mail.flatMap((one) => [one, { ...one, twice: true }]);
  while (pile.length > 0) {
    const [one] = pile.splice(random.below(pile.length), 1);
    if (!one) continue;
    if ("twice" in one) postman.sendTwice(one);
    else postman.send(one);
  }
  await postman.settled();
  for (const { id, answer } of mail)
    expect([id, ...(postman.answers.get(id) ?? [])]).toEqual([id, answer, answer, answer]);
}

/** One charge each, by the books and by the journal's own sum. */
function expectOneChargeEach(): void {
  const { payment, market } = hub.state;
  expect(payment.incoming.get(ROBOT.address)?.signed).toBe(PAID);
  expect([creditOf(payment, ROBOT.address), heldOf(payment, ROBOT.address)]).toEqual([2_000n, 3_600n]);
  for (const { address } of [CART, BOARD]) expect(payment.incoming.get(address)?.signed).toBe(0n);
  for (const lane of payment.outgoing.values()) expect(lane.signed).toBe(0n);
  const facts = [...hub.journal.entries()].flatMap((entry) => entry.facts);
  const charged = facts.reduce((sum, one) => (one.kind === "voucherReceived" ? sum + one.amount : sum), 0n);
  expect(charged).toBe(PAID);
  expect(market.tasks.size).toBe(3);
  expectBooks(hub.state);
  expectNothingDoubled(hub.journal);
}

describe("9 vouchers that stray", () => {
  it("9 duplicated, re-ordered, replayed and stray vouchers over MQTT QoS 1: one charge each", async () => {
    const mail = [...(await goodMail()), ...(await strayMail())];
    const seed = Math.floor(Math.random() * 2 ** 31);
    for (let session = 0; session < 2; session++) {
      const socket = connect(hub.broker.port, "127.0.0.1");
      await once(socket, "connect");
      const postman = await Postman.connect(MARKET, ROBOT, NAME, socket);
      await deliver(postman, mail, seed + session);
      expectOneChargeEach();
      await postman.leave();
    }
  });

  it("9 duplicated, re-ordered, replayed and stray vouchers over a noisy serial line: one charge each", async () => {
    const mail = [...(await goodMail()), ...(await strayMail())];
    const seed = Math.floor(Math.random() * 2 ** 31);
    const noise = { bitErrorRate: 1e-4, dropRate: 1e-4 };
    const { clock, board, gateway, connect: open } = pair({ noise, seed });
    await open();
    hub.broker.attach(gateway.live(), "serial");
    const talk = async (stream: Duplex) => {
      const postman = await Postman.connect(MARKET, ROBOT, NAME, stream);
      await deliver(postman, mail, seed);
    };
    let isOver = false;
    const talking = talk(board.live()).finally(() => {
      isOver = true;
    });
    await clock.runUntil(() => isOver, VIRTUAL_HOUR_MS);
    await talking;
    expectOneChargeEach();
    expect(gateway.link.statistics.badFrames).toBeGreaterThan(0);
    expect(board.link.statistics.framesResent).toBeGreaterThan(0);
  });
});
