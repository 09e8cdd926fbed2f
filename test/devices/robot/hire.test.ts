import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { recoverAddress } from "../../../src/kernels/signature.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { offerDigest, taskIdOf } from "../../../src/protocol/typed-data.ts";
import { voucherPayer } from "../../../src/protocol/voucher.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { ManualClock } from "./manual-clock.ts";
import { echoModule, METER, UNIT_RATE } from "./run-terms.ts";

const firmware = echoModule(70_000);
const input = new TextEncoder().encode("from A to B");
const output = new Uint8Array(100_000).map((_, i) => i % 241);
const maxPrice = amount(1_000n);
const fuelLimit = 10_000;

const CANCELLED = { state: "cancelled", verdict: null } as const;

describe("hiring", () => {
  let gateway: FakeGateway;
  let file: ConnectionFile;
  let robot: Robot;
  beforeEach(async () => {
    gateway = await FakeGateway.start();
    file = gateway.enroll("buyer");
    robot = await connect({ lanes: "trustGateway", file });
  });
  afterEach(async () => {
    await robot.close();
    await gateway.drop();
  });

  const taskOf = (offer: Message<"offer">, by: Robot = robot) =>
    taskIdOf(offerDigest(gateway.market, by.address, bare(offer)));
  const answerTo = (
    offer: Message<"offer">,
    more: Partial<Message<"answer">> = {},
    by: Robot = robot,
  ): Message<"answer"> => ({
    ...{ version: 1, task: taskOf(offer, by), state: "paid", reason: "", output: null, outputBytes: 0 },
    ...{ verdict: "ok", fuel: Number((offer.maxPrice * 7n) / 10n), salt: null },
    ...{ spent: amount((offer.maxPrice * 7n) / 10n), credit: amount((offer.maxPrice * 3n) / 10n) },
    ...{ provider: robot.address, rechecked: true },
    ...more,
  });
  /** Takes every offer on and answers it with the output. */
  const obey = (more: Partial<Message<"answer">> = {}, device = file, by: Robot = robot) => {
    const hash = gateway.keep(output);
    gateway.on("offer", async (offer) => {
      gateway.ack(device, offer.id, taskOf(offer, by));
      const answer = answerTo(offer, { output: hash, outputBytes: output.length, ...more }, by);
      gateway.say(device, "receipt", await receiptFor(gateway, offer, answer, by.address));
      gateway.say(device, "answer", answer);
    });
  };

  it("offers, hands over the bytes, and gets the output, its price and the receipt", async () => {
    const ignored: RobotEvent[] = [];
    robot.listen((event) => event.kind === "ignored" && ignored.push(event));
    const states: string[] = [];
    const hired = robot.hire({
      firmware,
      input,
      fuelLimit,
      maxPrice,
      checkBudget: amount(200n),
      onState: (s) => states.push(s),
    });
    const offer = await gateway.nth("offer", 1);
    expect(recoverAddress(offerDigest(gateway.market, robot.address, bare(offer)), offer.signature)).toBe(
      robot.address,
    );
    expect(offer).toMatchObject({
      maxPrice,
      checkBudget: 200n,
      firmwareBytes: firmware.length,
      inputBytes: input.length,
      ...{ profile: "task/1", memoryMiB: 1, fuelLimit, ...METER },
    });
    expect(offer.voucher && voucherPayer(offer.voucher)).toBe(robot.address);
    expect(offer.voucher).toMatchObject({ payee: gateway.market.gateway, epoch: 1, cumulative: 1_200n });
    gateway.ack(file, offer.id, taskOf(offer));
    expect(await gateway.pull(file, offer.firmware, offer.firmwareBytes)).toEqual(firmware);
    expect(await gateway.pull(file, offer.input, offer.inputBytes)).toEqual(input);
    const named = { output: gateway.keep(output), outputBytes: output.length };
    const answer = answerTo(offer, { ...named, credit: amount(500n) });
    const receipt = await receiptFor(gateway, offer, answer, robot.address);
    gateway.say(file, "receipt", receipt);
    gateway.say(file, "answer", answer);
    expect(await hired).toEqual({
      ...{ task: taskOf(offer), state: "paid", reason: "", verdict: "ok", fuel: 700, output },
      ...{ spent: 700n, credit: 500n },
      ...{ provider: robot.address, rechecked: true, receipt },
    });
    expect(states).toEqual(["offered", "paid"]);
    expect(robot.wallet).toMatchObject({ signed: 1_200n, free: 500n });
    expect(ignored).toEqual([]);
  });

  it("draws on credit that is left and signs only what lacks", async () => {
    obey();
    await robot.hire({ firmware, input, fuelLimit, maxPrice });
    await robot.hire({ firmware, input, fuelLimit, maxPrice: amount(300n) });
    obey({ spent: amount(1n), fuel: 1, credit: amount(299n) });
    await robot.hire({ firmware, input, fuelLimit, maxPrice });
    expect(gateway.heard("offer").map(({ voucher }) => voucher?.cumulative)).toEqual([
      1_000n,
      undefined,
      1_910n,
    ]);
  });

  it("rejects with the refusal's code and hint, and has its money free again", async () => {
    gateway.on("offer", ({ id }) => {
      gateway.say(file, "refusal", { version: 1, id, topic: "offer", code: "offer_expired", hint: "later" });
    });
    const facts = { code: "offer_expired", hint: "later" };
    await expect(robot.hire({ firmware, input, fuelLimit, maxPrice })).rejects.toMatchObject({
      code: "refused",
      facts,
    });
    expect(robot.wallet.free).toBe(maxPrice);
  });

  it("signs all that an offer needs when the gateway has less credit than was counted on", async () => {
    obey({ spent: amount(1n), fuel: 1, credit: amount(999n) });
    await robot.hire({ firmware, input, fuelLimit, maxPrice });
    let isShort = true;
    gateway.on("offer", ({ id }) => {
      if (isShort)
        gateway.say(file, "refusal", { version: 1, id, topic: "offer", code: "credit_short", hint: "" });
      isShort = false;
      obey();
    });
    expect((await robot.hire({ firmware, input, fuelLimit, maxPrice: amount(999n) })).state).toBe("paid");
    const signed = gateway.heard("offer").map(({ voucher }) => voucher?.cumulative);
    expect(signed).toEqual([1_000n, undefined, 1_999n]);
  });

  it("gives an order up whose third offer is still short of credit", async () => {
    gateway.on("offer", ({ id }) => {
      gateway.say(file, "refusal", { version: 1, id, topic: "offer", code: "credit_short", hint: "" });
    });
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice });
    await expect(hired).rejects.toMatchObject({ code: "refused", facts: { code: "credit_short" } });
    expect(gateway.heard("offer").map(({ voucher }) => voucher?.cumulative)).toEqual([
      1_000n,
      2_000n,
      3_000n,
    ]);
  });

  it("does not sign over the deposit", async () => {
    const over = robot.hire({ firmware, input, fuelLimit, maxPrice: amount(1_000_001n) });
    await expect(over).rejects.toMatchObject({ code: "refused", facts: { code: "voucher_over_deposit" } });
    expect(gateway.heard("offer")).toEqual([]);
  });

  it("rejects an output that is not what its hash says", async () => {
    const wrong = output.slice();
    wrong[5] = 99;
    const hash = gateway.keep(output);
    obey();
    gateway.blobs.set(hash, wrong);
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice });
    await expect(hired).rejects.toMatchObject({ code: "blob_missing", facts: { code: "hash_mismatch" } });
  });

  it("repeats an offer under the same id when the broker comes back, and gives one answer", async () => {
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice });
    const first = await gateway.nth("offer", 1);
    await gateway.drop();
    obey();
    await gateway.listen();
    expect(await gateway.nth("offer", 2)).toEqual(first);
    expect((await hired).output).toEqual(output);
    await gateway.drop();
    await gateway.listen();
    await gateway.until(() => gateway.logins === 3);
    expect(gateway.heard("offer").length).toBe(2);
  });

  it("repeats an offer that was acked until its answer is there", async () => {
    gateway.on("offer", (offer) => gateway.ack(file, offer.id, taskOf(offer)));
    const offered = Promise.withResolvers<void>();
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice, onState: () => offered.resolve() });
    await offered.promise;
    obey();
    gateway.cut();
    expect((await hired).state).toBe("paid");
    expect(new Set(gateway.heard("offer").map(({ id }) => id)).size).toBe(1);
  });

  it("goes on pulling the output after the link was lost in the middle", async () => {
    obey();
    let isCut = false;
    const give = gateway.blobs.get(gateway.keep(output));
    gateway.blobs.clear();
    gateway.on("blob-get", ({ hash, offset, length }) => {
      if (offset > 0 && !isCut) {
        isCut = true;
        return gateway.cut();
      }
      const bytes = Buffer.from((give ?? output).subarray(offset, offset + length)).toString("base64");
      const chunk = {
        version: 1 as const,
        from: "gateway" as const,
        hash,
        offset,
        total: output.length,
        bytes,
      };
      gateway.say(file, "blob-data", chunk);
    });
    expect((await robot.hire({ firmware, input, fuelLimit, maxPrice })).output).toEqual(output);
    expect(isCut).toBe(true);
  });

  it("asks for small chunks, four at a time, over a line", async () => {
    const board = gateway.enroll("board");
    const stream = () => {
      const [ours, theirs] = duplexPair();
      gateway.plug(theirs);
      return ours;
    };
    const buyer = await connect({ lanes: "trustGateway", file: board, stream });
    const small = output.subarray(0, 2_000);
    const hash = gateway.keep(small);
    gateway.on("offer", (offer) => {
      gateway.say(board, "answer", answerTo(offer, { output: hash, outputBytes: small.length }, buyer));
    });
    expect((await buyer.hire({ firmware, input, fuelLimit, maxPrice })).output).toEqual(small);
    const asked = gateway.heard("blob-get").map(({ offset, length }) => [offset, length]);
    expect(asked).toEqual([
      [0, 512],
      [512, 512],
      [1_024, 512],
      [1_536, 464],
    ]);
    await buyer.close();
  });

  it("lets vouchers leave in growing order when twenty are hired at once", async () => {
    const many = gateway.enroll("many");
    const buyer = await connect({ file: many, lanes: "trustGateway", creditLimit: amount(10_000n) });
    obey({}, many, buyer);
    const all = Array.from({ length: 20 }, (_, i) =>
      buyer.hire({ firmware, fuelLimit, input: new Uint8Array([i]), maxPrice: amount(100n + BigInt(i)) }),
    );
    expect((await Promise.all(all)).map(({ state }) => state)).toEqual(all.map(() => "paid"));
    const signed = gateway.heard("offer").flatMap(({ voucher }) => (voucher ? [voucher.cumulative] : []));
    expect(signed.length).toBeGreaterThan(0);
    expect(signed).toEqual(signed.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(signed).size).toBe(signed.length);
    expect(new Set(gateway.heard("offer").map(({ id }) => id)).size).toBe(20);
    await buyer.close();
  });

  it("asks for a cancellation when its signal says so, and takes the gateway's word for the end", async () => {
    const stop = new AbortController();
    gateway.on("offer", (offer) => gateway.ack(file, offer.id, taskOf(offer)));
    gateway.on("cancel", ({ id, task }) => {
      gateway.ack(file, id, task);
      const [offer] = gateway.heard("offer");
      if (offer)
        gateway.say(
          file,
          "answer",
          answerTo(offer, { ...CANCELLED, fuel: 0, spent: ZERO, credit: maxPrice }),
        );
    });
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice, signal: stop.signal });
    await gateway.nth("offer", 1);
    stop.abort();
    expect(await hired).toMatchObject({ state: "cancelled", output: null, spent: ZERO });
    expect(robot.wallet.free).toBe(maxPrice);
  });

  it("pays for what a provider had begun when it was cancelled", async () => {
    const stop = new AbortController();
    gateway.on("offer", (offer) => gateway.ack(file, offer.id, taskOf(offer)));
    gateway.on("cancel", ({ id, task }) => {
      gateway.ack(file, id, task);
      const [offer] = gateway.heard("offer");
      const cost = { spent: amount(450n), credit: amount(550n) };
      if (offer) gateway.say(file, "answer", answerTo(offer, { ...CANCELLED, fuel: 450, ...cost }));
    });
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice, signal: stop.signal });
    await gateway.nth("offer", 1);
    stop.abort();
    expect(await hired).toMatchObject({ state: "cancelled", output: null, spent: 450n });
    expect(robot.wallet).toMatchObject({ signed: 1_000n, free: 550n, exposure: 550n });
  });

  it("makes no offer when it is cancelled before", async () => {
    const hired = robot.hire({
      firmware,
      input,
      fuelLimit,
      maxPrice,
      signal: AbortSignal.abort(new Error("never mind")),
    });
    await expect(hired).rejects.toThrow("never mind");
    expect(robot.wallet.signed).toBe(ZERO);
  });

  it("ends what is open with link_lost when the robot is closed", async () => {
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice });
    const ended = expect(hired).rejects.toMatchObject({ code: "link_lost" });
    await gateway.nth("offer", 1);
    await robot.close();
    await ended;
    await expect(robot.hire({ firmware, input, fuelLimit, maxPrice })).rejects.toMatchObject({
      code: "link_lost",
    });
  });
});

describe("hiring by a clock", () => {
  it("says an offer again after five seconds without ack, and gives up a minute after its deadline", async () => {
    const gateway = await FakeGateway.start();
    const clock = new ManualClock(Date.now());
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("buyer"), clock });
    const hired = robot.hire({ firmware, input, fuelLimit, maxPrice, deadlineMs: 10_000 });
    const late = expect(hired).rejects.toMatchObject({ code: "timed_out" });
    const first = await gateway.nth("offer", 1);
    clock.advance(5_000);
    expect(await gateway.nth("offer", 2)).toEqual(first);
    clock.advance(65_000);
    await late;
    await robot.close();
    await gateway.drop();
  });
});

describe("a wallet on disk", () => {
  it("has the new total in its file before the voucher is on the wire", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wallet-"));
    const walletPath = join(folder, "wallet.json");
    const gateway = await FakeGateway.start();
    const file = gateway.enroll("buyer");
    const robot = await connect({ lanes: "trustGateway", file, walletPath });
    const pairs: string[][] = [];
    gateway.on("offer", ({ id, voucher }) => {
      const saved = JSON.parse(readFileSync(walletPath, "utf8")) as { signed: string };
      pairs.push([saved.signed, String(voucher?.cumulative)]);
      gateway.say(file, "refusal", { version: 1, id, topic: "offer", code: "too_many", hint: "" });
    });
    // one after the other, so that nothing later has been saved when the file is read
    for (const price of [10n, 500n, 7_000n]) {
      await robot.hire({ firmware, input, fuelLimit, maxPrice: amount(price) }).catch(() => {});
    }
    expect(pairs).toEqual([
      ["10", "10"],
      ["500", "500"],
      ["7000", "7000"],
    ]);
    await robot.close();
    const again = await connect({ lanes: "trustGateway", file, walletPath });
    expect(again.wallet.signed).toBe(7_000n);
    await again.close();
    await gateway.drop();
    rmSync(folder, { recursive: true });
  });
});

function bare({ version, voucher, signature, ...offer }: Message<"offer">) {
  return offer;
}

function receiptFor(
  gateway: FakeGateway,
  offer: Message<"offer">,
  answer: Message<"answer">,
  requester: Hex,
) {
  const { task, provider, output, verdict, fuel, spent: price } = answer;
  const { firmware, input } = offer;
  const parties = { requester, provider: provider ?? requester };
  const done = { verdict: verdict ?? "trap", output, fuel, rate: UNIT_RATE, ...METER };
  const work = { firmware, input, ...done };
  return gateway.receipt({ task, ...parties, ...work, price, fee: ZERO, checks: ZERO });
}
