/** A whole gateway that keeps a buyer's wallet: the buyer has no key, and hires and pays all the same. */
import { readFileSync, rmSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { type Amount, amount } from "../../../src/base/money.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { walletFile, writeWallet } from "../../../src/operator/wallet-folder.ts";
import { type Draft, encodeDraft } from "../../../src/protocol/draft.ts";
import type { Message, Terms } from "../../../src/protocol/message.ts";
import { KeptBoard, nextPublish, type Pairing } from "../../link/broker/kept-board.ts";
import { dial } from "../../link/broker/raw-client.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";

const SECRET: Hex = `0x${"5e".repeat(32)}`;

let market: WholeMarket | null = null;

afterEach(() => market?.close());

/** A market whose buyer's key is the gateway's from the first start on. */
async function keptMarket(cap: string): Promise<{ market: WholeMarket; pairing: Pairing }> {
  const whole = await WholeMarket.found();
  whole.world.connect(1);
  const buyer = whole.world.devices.find(({ name }) => name === "buyer");
  if (!buyer) throw new Error("there is no buyer");
  const { key, manufacturer, serialNumber } = JSON.parse(readFileSync(buyer.connectionFile, "utf8"));
  const { address: device } = buyer;
  writeWallet(whole.world.folder, { version: 1, device, name: "buyer", key, secret: SECRET, cap });
  whole.gateway = await whole.startGateway(0);
  whole.world.connect(whole.gateway.port);
  const { gateway } = whole.world;
  const name = { manufacturer, serialNumber };
  return { market: whole, pairing: { gateway, device, name, secret: fromHex(SECRET) } };
}

/** Answers what the gateway asks of these blobs until it says something on `topic`. */
async function serveUntil(
  board: KeptBoard,
  blobs: readonly Uint8Array[],
  topic: "ack" | "answer" | "refusal",
): Promise<Record<string, unknown>> {
  for (;;) {
    const heard = await board.hear();
    if (heard === null) throw new Error(`the session ended before any ${topic}`);
    if (heard.topic === topic) return heard.message;
    if (heard.topic !== "blob-get") continue;
    const { hash, offset, length } = heard.message as Message<"blob-get">;
    const blob = blobs.find((one) => hashBlob(one) === hash) ?? new Uint8Array();
    const bytes = Buffer.from(blob.subarray(offset, offset + length)).toString("base64");
    board.say("blob-data", { version: 1, from: "device", hash, offset, total: blob.length, bytes });
  }
}

const voucherOf = ({ lane }: Terms, cumulative: bigint, id: string): string =>
  encodeDraft("voucher", { version: 1, id, epoch: lane.epoch, cumulative: amount(cumulative) });

it("keeps a wallet: hires, pays, goes on after a restart, and lets nobody in once it is gone", async () => {
  const opened = await keptMarket("0.002");
  market = opened.market;
  const { pairing } = opened;
  const port = market.gateway.port;
  await market.provider("first", 400n);
  const board = await KeptBoard.login(await dial({ port }), pairing);
  const greeting = await board.until("ack");
  expect(greeting["id"]).toBe(board.handshake.gatewayNonce.slice(2));
  const terms = greeting["terms"] as Terms;

  board.say("voucher", voucherOf(terms, 2_001n, "v-0"));
  expect(await board.until("refusal")).toMatchObject({ id: "v-0", code: "over_cap", topic: "voucher" });
  const voucher = voucherOf(terms, PRICE, "v-1");
  board.say("voucher", voucher);
  expect(await board.until("ack")).toMatchObject({ id: "v-1" });

  const { firmware, input, fuelLimit = 0 } = planJob(1);
  const blobs = [firmware, input];
  const offer = encodeDraft("offer", offerOf(terms, firmware, input, fuelLimit));
  board.say("offer", offer);
  const taken = await serveUntil(board, blobs, "ack");
  expect(taken).toMatchObject({ id: "o-1" });

  await market.gateway.stop();
  market.gateway = await market.startGateway(port);
  while ((await board.hear()) !== null);
  const again = await KeptBoard.login(await dial({ port }), pairing);
  expect(await again.until("ack")).toMatchObject({ terms: { lane: { signed: `${PRICE}` } } });
  again.say("voucher", voucher);
  expect(await again.until("ack")).toMatchObject({ id: "v-1" });
  again.say("offer", offer);
  expect(await again.until("ack")).toEqual(taken);
  const answer = await serveUntil(again, blobs, "answer");
  expect(answer).toMatchObject({ task: taken["task"], state: "paid", spent: "400" });
  expect(market.of("offered")).toHaveLength(1);
  expect(market.of("voucherReceived").map(({ amount: sum }) => sum)).toEqual([PRICE]);

  rmSync(walletFile(market.world.folder, pairing.device));
  while ((await again.hear()) !== null);
  const late = await KeptBoard.login(await dial({ port }), pairing);
  const refusal = JSON.parse((await nextPublish(late.line))?.payload.toString() ?? "");
  expect(refusal).toMatchObject({ code: "unknown_device" });
  expect([market.broken, market.faults]).toEqual([[], []]);
});

it("stops in the middle of what a kept board says, and knows afterwards what it has taken", async () => {
  const opened = await keptMarket("0.002");
  market = opened.market;
  const port = market.gateway.port;
  const board = await KeptBoard.login(await dial({ port }), opened.pairing);
  const terms = (await board.until("ack"))["terms"] as Terms;
  for (let sum = 1n; sum <= 100n; sum++) board.say("voucher", voucherOf(terms, sum, `v-${sum}`));
  await board.until("ack");
  await market.gateway.stop();
  market.gateway = await market.startGateway(port);
  const again = await KeptBoard.login(await dial({ port }), opened.pairing);
  const taken = market.of("voucherReceived").at(-1)?.voucher.cumulative;
  expect(await again.until("ack")).toMatchObject({ terms: { lane: { signed: `${taken}` } } });
  expect([market.broken, market.faults]).toEqual([[], []]);
});

function offerOf(
  { firmware: { meter, costs }, time }: Terms,
  firmware: Uint8Array,
  input: Uint8Array,
  fuelLimit: number,
): Draft<"offer"> {
  const none: Amount = amount(0n);
  return {
    ...{ version: 1, id: "o-1", payment: "prepaid", profile: "task/1", memoryMiB: 64 },
    ...{ firmware: hashBlob(firmware), firmwareBytes: firmware.length },
    ...{ input: hashBlob(input), inputBytes: input.length },
    ...{ maxPrice: PRICE, checkBudget: none, fuelLimit, meter, costs },
    deadline: (time + 60_000) as Draft<"offer">["deadline"],
  };
}
