/** What a gateway that lies gets from a board with its own key: no more than the board's own orders allow. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { type Amount, amount, ZERO } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { priceOf } from "../../../src/protocol/fuel.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import {
  acceptDigest,
  invoiceDigest,
  type Market,
  offerDigest,
  receiptDigest,
  saltedHash,
  taskIdOf,
} from "../../../src/protocol/typed-data.ts";
import { isVoucherOf, type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";
import { FalseGateway } from "../../board/false-gateway.ts";
import type { HostJob } from "../../board/host-board.ts";
import { isOwnAbsent, whyOwnAbsent } from "../../board/own-source.ts";

const MAX_PRICE = 1_000n;
const CHECKS = 50n;
const JOB: HostJob = {
  ...{ firmware: Uint8Array.of(1, 2, 3), input: Uint8Array.of(4), maxPrice: MAX_PRICE, checkBudget: CHECKS },
  fuelLimit: 1_000_000,
};
const RATE = amount(900_000_000n);
const FUEL = 1_000_000;
const OUTPUT = new TextEncoder().encode("forty-two");
const SALT: Hex = `0x${"5a".repeat(32)}`;

async function voucherOf(signer: Signer, market: Market, cumulative: Amount, epoch = 0): Promise<Voucher> {
  const { chainId, vault, gateway: payee, token } = market;
  const voucher = { chainId, vault, payee, token, epoch, cumulative };
  return { ...voucher, signature: await signer.sign(voucherDigest(voucher)) };
}

/** Takes every command at its word. */
function takeAll(gateway: FalseGateway): void {
  gateway.onSaid = ({ topic, text }) => {
    if (topic === "voucher" || topic === "offer") gateway.ack(JSON.parse(text).id);
  };
}

const totals = ({ said }: FalseGateway): string[] =>
  said.filter(({ topic }) => topic === "voucher").map(({ text }) => JSON.parse(text).voucher.cumulative);

const codes = ({ board }: FalseGateway): unknown[] =>
  board.lines.filter(({ kind }) => kind === "refused").map((line) => line["code"]);

/** The board's offer on result, taken; and the invoice that is right for it. */
async function invoiced(gateway: FalseGateway) {
  takeAll(gateway);
  gateway.board.give(0, { ...JOB, payment: "result" });
  gateway.board.powerOn();
  const offer = await gateway.heard("offer");
  const { market, payer } = gateway;
  const task = taskIdOf(offerDigest(market, payer.address, offer));
  const provider = keySigner(randomKey());
  const award: Hex = `0x${"a7".repeat(32)}`;
  const price = amount(priceOf(RATE, FUEL) + CHECKS);
  const right = {
    ...{ version: 1 as const, task, provider: provider.address, award, verdict: "ok" as const, fuel: FUEL },
    accept: await provider.sign(acceptDigest(market, award)),
    ...{ rate: RATE, saltedOutput: saltedHash(SALT, hashBlob(OUTPUT)), outputBytes: OUTPUT.length },
    ...{ price, fee: amount(9n), checks: amount(CHECKS), due: offer.deadline, signature: "0x" as Hex },
  };
  return { offer, task, provider, right };
}

async function sign(gateway: FalseGateway, invoice: Message<"invoice">, by = gateway.signer) {
  const digest = invoiceDigest(gateway.market, gateway.payer.address, invoice);
  return { ...invoice, signature: await by.sign(digest) };
}

/** What a right answer to the invoice is. */
function answerTo({ task, provider, fuel, price }: Message<"invoice">): Message<"answer"> {
  return {
    ...{ version: 1, task, state: "paid", reason: "", verdict: "ok", output: hashBlob(OUTPUT) },
    ...{
      outputBytes: OUTPUT.length,
      fuel,
      salt: SALT,
      spent: price,
      credit: ZERO,
      provider,
      rechecked: false,
    },
  };
}

describe.skipIf(isOwnAbsent)(`a board that is lied to${whyOwnAbsent}`, () => {
  it("signs on from its own total, whatever is said to be signed", async () => {
    const gateway = await FalseGateway.open();
    takeAll(gateway);
    const forged = await voucherOf(gateway.signer, gateway.market, amount(500_000n));
    gateway.lane = { ...gateway.lane, signed: amount(500_000n), voucher: forged };
    gateway.board.give(0, JOB);
    gateway.board.powerOn();
    await gateway.heard("offer");
    expect(totals(gateway)).toEqual([String(MAX_PRICE + CHECKS)]);
    const { voucher } = await gateway.heard("voucher");
    expect(isVoucherOf(voucher, gateway.payer.address)).toBe(true);
  });

  it("goes on from a voucher that only its own key can have made", async () => {
    const gateway = await FalseGateway.open();
    takeAll(gateway);
    const own = await voucherOf(gateway.payer, gateway.market, amount(7_000n));
    gateway.lane = { ...gateway.lane, signed: amount(7_000n), voucher: own };
    gateway.board.give(0, JOB);
    gateway.board.powerOn();
    await gateway.heard("offer");
    expect(totals(gateway)).toEqual([String(7_000n + MAX_PRICE + CHECKS)]);
  });

  it("says nothing on terms of another market", async () => {
    const gateway = await FalseGateway.open();
    gateway.spoilTerms = (terms) => ({ ...terms, vault: `0x${"ee".repeat(20)}` });
    gateway.board.give(0, JOB);
    gateway.board.powerOn();
    await gateway.board.heard(({ kind }) => kind === "refused");
    expect(codes(gateway)).toEqual(["books_disagree"]);
    expect(gateway.said).toEqual([]);
  });

  it("signs in no older life of its lane, and anew in a newer one", async () => {
    const gateway = await FalseGateway.open();
    takeAll(gateway);
    gateway.lane = { ...gateway.lane, epoch: 3 };
    gateway.board.give(0, JOB);
    gateway.board.powerOn();
    const offer = await gateway.heard("offer");
    gateway.tell("refusal", {
      version: 1,
      id: offer.id,
      topic: "offer",
      code: "too_many",
      hint: "slow down",
    });
    await gateway.board.cutPower();
    gateway.lane = { ...gateway.lane, epoch: 2 };
    const from = gateway.said.length;
    gateway.board.give(1, { ...JOB, maxPrice: 5_000n });
    gateway.board.give(0, { ...JOB, maxPrice: 5_000n });
    const lines = gateway.board.lines.length;
    gateway.board.powerOn();
    await gateway.board.heard(({ kind }) => kind === "ready", lines);
    await gateway.board.cutPower();
    expect(gateway.said.slice(from).filter(({ topic }) => topic === "voucher")).toEqual([]);
    gateway.lane = { ...gateway.lane, epoch: 4 };
    gateway.board.powerOn();
    await gateway.heard("offer", from);
    expect(totals(gateway)[0]).toBe(String(MAX_PRICE + CHECKS));
  });

  it("says the very same after a power cut, and signs no more", async () => {
    const gateway = await FalseGateway.open();
    gateway.board.give(0, JOB);
    gateway.onSaid = ({ topic, text }) => {
      if (topic === "voucher") gateway.ack(JSON.parse(text).id);
    };
    for (let life = 0; life < 4; life++) {
      const from = gateway.said.length;
      gateway.board.powerOn();
      await gateway.heard("offer", from);
      await gateway.board.cutPower();
    }
    const offers = gateway.said.filter(({ topic }) => topic === "offer").map(({ text }) => text);
    expect(offers.length).toBeGreaterThanOrEqual(4);
    expect(new Set(offers).size).toBe(1);
    const vouchers = gateway.said.filter(({ topic }) => topic === "voucher").map(({ text }) => text);
    expect(new Set(vouchers).size).toBe(1);
  });

  it.each<[string, (invoice: Message<"invoice">) => Message<"invoice">]>([
    ["a higher price", (one) => ({ ...one, price: amount(MAX_PRICE + CHECKS + 1n) })],
    ["more for checks", (one) => ({ ...one, checks: amount(CHECKS + 1n) })],
    ["more fuel", (one) => ({ ...one, fuel: FUEL + 1 })],
    ["a price that the fuel is not", (one) => ({ ...one, price: amount(one.price - 1n) })],
    ["out of fuel below the limit", (one) => ({ ...one, verdict: "out-of-fuel", fuel: FUEL - 1 })],
    ["an award that nobody accepted", (one) => ({ ...one, award: `0x${"a8".repeat(32)}` })],
    ["a fee above the price", (one) => ({ ...one, fee: amount(one.price + 1n) })],
  ])("does not pay an invoice for %s", async (_name, spoil) => {
    const gateway = await FalseGateway.open();
    const { right } = await invoiced(gateway);
    gateway.tell("invoice", await sign(gateway, spoil(right)));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(codes(gateway)).toEqual(["wrong_invoice"]);
    expect(totals(gateway)).toEqual([]);
  });

  it("pays the right invoice once, not one that somebody else signed, and no second one", async () => {
    const gateway = await FalseGateway.open();
    const { right, provider } = await invoiced(gateway);
    gateway.tell("invoice", await sign(gateway, right, provider));
    const good = await sign(gateway, right);
    gateway.tell("invoice", good);
    gateway.tell("invoice", good);
    await gateway.heard("voucher");
    gateway.tell("invoice", await sign(gateway, { ...right, saltedOutput: `0x${"99".repeat(32)}` }));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(codes(gateway)).toEqual(["wrong_invoice"]);
    expect(totals(gateway)).toEqual([String(right.price)]);
  });

  it("remembers over a power cut what it has paid for", async () => {
    const gateway = await FalseGateway.open();
    const { right } = await invoiced(gateway);
    gateway.tell("invoice", await sign(gateway, right));
    await gateway.heard("voucher");
    await gateway.board.cutPower();
    const from = gateway.said.length;
    gateway.board.powerOn();
    await gateway.heard("offer", from);
    gateway.tell("invoice", await sign(gateway, { ...right, saltedOutput: `0x${"99".repeat(32)}` }));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(codes(gateway)).toEqual(["wrong_invoice"]);
    expect(new Set(totals(gateway))).toEqual(new Set([String(right.price)]));
  });

  it("does not pay a task again when its store has forgotten that it did", async () => {
    const gateway = await FalseGateway.open();
    const { right } = await invoiced(gateway);
    await gateway.board.heard(({ kind }) => kind === "offered");
    const order = join(gateway.board.store, "order");
    const former = readFileSync(order);
    gateway.tell("invoice", await sign(gateway, right));
    const { voucher } = await gateway.heard("voucher");
    await gateway.board.cutPower();
    writeFileSync(order, former);
    gateway.lane = { ...gateway.lane, signed: voucher.cumulative, voucher };
    const from = gateway.said.length;
    gateway.board.powerOn();
    await gateway.heard("offer", from);
    gateway.tell("invoice", await sign(gateway, { ...right, saltedOutput: `0x${"99".repeat(32)}` }));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(codes(gateway)).toEqual(["books_disagree"]);
    expect(new Set(totals(gateway))).toEqual(new Set([String(right.price)]));
  });

  it.each(["order", "boot"])("does not start when its store's %s was changed", async (name) => {
    const gateway = await FalseGateway.open();
    await invoiced(gateway);
    await gateway.board.cutPower();
    const path = join(gateway.board.store, name);
    const kept = readFileSync(path);
    for (const at of kept.keys()) {
      if (at % 16 !== 5) continue;
      const changed = Buffer.from(kept);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(path, changed);
      gateway.board.powerOn();
      expect(await gateway.board.ended(), `byte ${at}`).toBe(4);
    }
    writeFileSync(path, kept.subarray(0, -1));
    gateway.board.powerOn();
    expect(await gateway.board.ended()).toBe(4);
  });

  it("hands over no bytes of one order because they were asked for in the one before", async () => {
    const gateway = await FalseGateway.open();
    const large = new Uint8Array(40_000);
    gateway.board.give(0, { ...JOB, firmware: large });
    gateway.board.give(1, JOB);
    gateway.onSaid = ({ topic, text }) => {
      const { id } = JSON.parse(text);
      if (topic === "voucher") gateway.ack(id);
      if (topic !== "offer" || gateway.said.filter((one) => one.topic === "offer").length > 1) return;
      const hash = hashBlob(large);
      for (let at = 0; at < 4; at++) {
        const offset = 32_000 + at;
        gateway.tell("blob-get", { version: 1, from: "gateway", hash, offset, length: 8_000 });
      }
      gateway.tell("refusal", { version: 1, topic, id, code: "too_many", hint: "slow down" });
    };
    gateway.board.powerOn();
    await gateway.board.heard(({ kind }) => kind === "done");
    gateway.ack((await gateway.heard("offer")).id);
    while (gateway.said.filter(({ topic }) => topic === "offer").length < 2) await gateway.next();
    const from = gateway.said.length;
    const wanted = { version: 1 as const, from: "gateway" as const, hash: hashBlob(JOB.firmware) };
    gateway.tell("blob-get", { ...wanted, offset: 0, length: JOB.firmware.length });
    await gateway.heard("blob-data", from);
    const given = gateway.said
      .filter(({ topic }) => topic === "blob-data")
      .map(({ text }) => JSON.parse(text));
    for (const { offset, total } of given) expect(offset).toBeLessThan(total);
  });

  it.each<[string, (answer: Message<"answer">) => Message<"answer">]>([
    ["another output", (one) => ({ ...one, output: hashBlob(Uint8Array.of(1)) })],
    ["another salt", (one) => ({ ...one, salt: `0x${"5b".repeat(32)}` })],
    ["another price", (one) => ({ ...one, spent: amount(one.spent - 1n) })],
    ["no answer", (one) => ({ ...one, state: "refunded", verdict: null, output: null, spent: ZERO })],
    ["another provider", (one) => ({ ...one, provider: `0x${"77".repeat(20)}` })],
  ])("does not take %s for what it has paid for", async (_name, spoil) => {
    const gateway = await FalseGateway.open();
    const { right } = await invoiced(gateway);
    const invoice = await sign(gateway, right);
    gateway.tell("invoice", invoice);
    await gateway.heard("voucher");
    gateway.tell("answer", spoil(answerTo(invoice)));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(codes(gateway)).toEqual(["wrong_answer"]);
  });

  it("takes a receipt for a proof only when the gateway has signed it, and bytes only by their hash", async () => {
    const gateway = await FalseGateway.open();
    const { right, offer, provider } = await invoiced(gateway);
    const invoice = await sign(gateway, right);
    const { task, award: _award, accept: _accept, due: _due, saltedOutput: _salted, ...bill } = invoice;
    const { outputBytes: _bytes, signature: _signature, ...paid } = bill;
    const { firmware, input, meter, costs } = offer;
    const work = {
      firmware,
      input,
      meter,
      costs,
      output: hashBlob(OUTPUT),
      requester: gateway.payer.address,
    };
    const receipt = { ...paid, task, ...work };
    const forged = { ...receipt, signature: await provider.sign(receiptDigest(gateway.market, receipt)) };
    gateway.onSaid = ({ topic, text }) => {
      const said = JSON.parse(text);
      if (topic === "voucher") gateway.ack(said.id);
      if (topic !== "blob-get") return;
      const bytes = Buffer.from(OUTPUT);
      bytes[0] = 0;
      const { hash, offset } = said;
      gateway.tell("blob-data", {
        ...{ version: 1, from: "gateway", hash, offset, total: OUTPUT.length },
        bytes: bytes.toString("base64"),
      });
    };
    gateway.tell("invoice", invoice);
    await gateway.heard("voucher");
    gateway.tell("receipt", forged);
    gateway.tell("answer", answerTo(invoice));
    await gateway.board.heard(({ kind }) => kind === "done");
    expect(gateway.board.lines).toContainEqual({ kind: "output", isWhole: false });
    expect(gateway.board.lines.find(({ kind }) => kind === "answer")).toMatchObject({ isProven: false });
  });

  it("does not count on beyond what can be counted", async () => {
    const gateway = await FalseGateway.open();
    takeAll(gateway);
    gateway.board.give(0, JOB);
    gateway.board.powerOn();
    const { id } = await gateway.heard("offer");
    await gateway.board.cutPower();
    gateway.onSaid = ({ topic, text }) => {
      const said = JSON.parse(text);
      const refusal = { version: 1 as const, topic, code: "too_many", hint: "slow down" };
      if (topic === "voucher") gateway.ack(said.id);
      else if (topic === "offer" && said.id === id) gateway.tell("refusal", { ...refusal, id });
    };
    // all credit there is, and a voucher that is said to be lost: their sum would begin again at next to nothing
    gateway.lane = { ...gateway.lane, credit: amount(2n ** 64n - 1n), signed: ZERO };
    const from = gateway.said.length;
    gateway.board.powerOn();
    await gateway.board.heard(({ kind }) => kind === "done");
    await gateway.board.cutPower();
    gateway.board.give(1, JOB);
    gateway.board.powerOn();
    while ((await gateway.heard("offer", from)).id === id) await gateway.next();
    expect(new Set(totals(gateway))).toEqual(new Set([String(MAX_PRICE + CHECKS)]));
  });
});
