import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { isRefusal } from "../../../src/base/refusal.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import {
  isCommandTopic,
  readCommand,
  signaturesIn,
  signedByItsSender,
} from "../../../src/exchange/intake.ts";
import { Signers } from "../../../src/exchange/signers.ts";
import { checkSigners, isSignedBy } from "../../../src/kernels/signature.ts";
import { decodeMessage, type Message, type Terms } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { TOPICS, type Topic } from "../../../src/protocol/topic.ts";
import { askDigest, offerDigest, taskIdOf } from "../../../src/protocol/typed-data.ts";
import { MESSAGES } from "../../protocol/any-message.ts";
import { type ByHand, openByHand } from "./by-hand.ts";

const WASM = "build/firmware/path-plan.wasm";
const stranger = keySigner(new Uint8Array(32).fill(7));
const UP = (Object.keys(TOPICS) as Topic[]).filter((topic) => TOPICS[topic].up);

let hand: ByHand;
beforeAll(async () => {
  hand = await openByHand();
});
afterAll(() => hand.stand.remove());

const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** What the gateway reads in it: schema and every signature hold. */
function taken(topic: Topic, payload: Uint8Array) {
  if (!isCommandTopic(topic)) return;
  const { command } = readCommand(topic, hand.device.address, payload);
  if (isRefusal(command)) throw new Error(`${topic}: ${command.refused}`);
  expect(signedByItsSender(hand.market, command, new Signers()), topic).toBe(true);
  expect(checkSigners(signaturesIn(hand.market, command)), topic).not.toContain(false);
}

describe("whatever is signed", () => {
  it.each(UP)(
    "of %s, from a whole draft, is what was written, and taken by schema and signatures",
    async (topic) => {
      await fc.assert(
        fc.asyncProperty(MESSAGES[topic] as fc.Arbitrary<Message<Topic>>, async (message) => {
          const draft: Record<string, unknown> = { ...message };
          for (const key of ["signature", "manifest", "voucher", "ask"]) delete draft[key];
          if (topic === "voucher") draft["voucher"] = await hand.voucher(5n);
          if (topic === "offer") draft["deadline"] = systemClock.now() + 60_000;
          const text = JSON.stringify(draft, (_, value) => (typeof value === "bigint" ? `${value}` : value));
          hand.stand.type(text);
          const { payload, message: said } = await hand.sign(topic, "-");
          expect(decodeMessage(topic, said)).not.toBeNull();
          expect(said).toEqual({
            ...JSON.parse(text),
            ...("signature" in said && { signature: said.signature }),
          });
          taken(topic, payload);
        }),
        { numRuns: 6 },
      );
    },
  );
});

describe("sign offer", () => {
  let input: string;
  beforeEach(() => {
    input = hand.stand.put("input.bin", "three words here");
  });
  const offer = (...args: string[]) =>
    hand.sign(
      "offer",
      "--firmware",
      WASM,
      "--input",
      input,
      "maxPrice=0.0025",
      "fuelLimit=50000000",
      ...args,
    );

  it("names the bytes, reads the module, and dates the deadline from now", async () => {
    const before = systemClock.now();
    const { message, payload } = await offer("--ack", hand.ack(), "--deadline", "2m");
    const after = systemClock.now();
    taken("offer", payload);
    expect(message).toMatchObject({
      ...{ firmware: hashBlob(readFileSync(WASM)), firmwareBytes: readFileSync(WASM).length },
      ...{ input: hashBlob(readFileSync(input)), inputBytes: 16 },
      ...{ maxPrice: "2500", checkBudget: "0", payment: "prepaid", profile: "task/1", memoryMiB: 64 },
    });
    expect(message.deadline - 120_000).toBeGreaterThanOrEqual(before);
    expect(message.deadline - 120_000).toBeLessThanOrEqual(after);
  });

  it("signs as much more as the credit lacks, never above the deposit, for any lane", async () => {
    const sum = fc.bigInt({ min: 0n, max: 4_000n });
    await fc.assert(
      fc.asyncProperty(
        sum,
        sum,
        sum,
        fc.integer({ min: 0, max: 3 }),
        async (signed, extra, credit, epoch) => {
          const proof = signed === 0n ? null : await hand.voucher(signed, epoch);
          const lane = { epoch, signed: amount(signed), voucher: proof, credit: amount(credit) };
          const ack = hand.ack({ ...lane, deposit: amount(signed + extra) });
          const lacks = 2_500n > credit ? 2_500n - credit : 0n;
          if (lacks > extra) {
            await expect(offer("--ack", ack)).rejects.toThrow(fault("refused", /voucher_over_deposit/));
            return;
          }
          const { message, payload, warned } = await offer("--ack", ack);
          taken("offer", payload);
          const expected =
            lacks === 0n
              ? undefined
              : { epoch, cumulative: `${signed + lacks}`, payee: hand.gateway.address };
          if (expected) expect(message.voucher).toMatchObject(expected);
          else expect(message.voucher).toBeUndefined();
          expect(warned).toContain(lacks === 0n ? "no voucher is needed" : "more than before");
        },
      ),
      { numRuns: 12 },
    );
  });

  it("signs nothing on a total that the gateway does not prove", async () => {
    const forged = await hand.voucher(3_000_000n, 0, stranger);
    const older = await hand.voucher(3_000_000n, 1);
    for (const voucher of [null, forged, older, await hand.voucher(2_999_999n)]) {
      const ack = hand.ack({ signed: amount(3_000_000n), voucher });
      await expect(offer("--ack", ack)).rejects.toThrow(fault("books_disagree", /3\.000000 is signed/));
    }
  });

  it.each<[string, Partial<Terms["lane"]>, Partial<Terms>]>([
    ["voucher_wrong_payee", {}, { gateway: stranger.address }],
    ["voucher_wrong_vault", {}, { vault: stranger.address }],
    ["voucher_wrong_token", {}, { token: stranger.address }],
    ["voucher_wrong_chain", {}, { chainId: 1 }],
    ["lane_closing", { closeAt: 5 }, {}],
    ["payment_due", { owed: amount(1n) }, {}],
    [
      "meter_unknown",
      {},
      { firmware: { meter: 9, costs: `0x${"1".repeat(64)}`, maxFuel: 10 ** 12, runMs: 1 } },
    ],
  ])("says %s before the gateway does", async (code, lane, others) => {
    await expect(offer("--ack", hand.ack(lane, others))).rejects.toThrow(fault("refused", new RegExp(code)));
  });

  it("takes a total that is typed, as a decimal, and checks it where it can", async () => {
    const proof = await hand.voucher(1_000_000n);
    const ack = hand.ack({ signed: amount(1_000_000n), voucher: proof });
    const signed = await offer("--ack", ack, "--cumulative", "1.5");
    expect(signed.message.voucher.cumulative).toBe("1500000");
    taken("offer", signed.payload);
    for (const [typed, code] of [
      ["1", /voucher_stale/],
      ["5.000001", /voucher_over_deposit/],
    ] as const) {
      await expect(offer("--ack", ack, "--cumulative", typed)).rejects.toThrow(fault("refused", code));
    }
    await expect(offer("--ack", ack, "--cumulative", "2", "--epoch", "4")).rejects.toThrow(
      fault("refused", /voucher_wrong_epoch/),
    );
    await expect(offer("--cumulative", "1.0000001")).rejects.toThrow(fault("amount_syntax", /6 decimals/));
    const blind = await offer("--cumulative", "2", "--epoch", "4");
    expect(blind.message.voucher).toMatchObject({ cumulative: "2000000", epoch: 4 });
    expect(blind.warned).toContain("checked against no lane");
  });

  it("says the same task in JSON as the gateway will", async () => {
    const { message } = await offer("--ack", hand.ack(), "--json");
    const { topic, task, message: sent } = message;
    const decoded = decodeMessage("offer", sent);
    if (!decoded) throw new Error("no offer");
    expect(task).toBe(taskIdOf(offerDigest(hand.market, hand.device.address, decoded)));
    expect(topic).toBe("hirewire/v1/hirewire/robot/offer");
  });

  it.each([
    [["--deadline", "10"], "usage", /10m or 2h/],
    [["--deadline", "25h"], "usage", /up to 24h/],
    [["deadline=5"], "refused", /offer_expired/],
    [["maxPrice=1"], "usage", /maxPrice is given twice/],
    [["maxprice=1"], "usage", /did you mean maxPrice/],
    [["firmwareBytes=4"], "usage", /follows from --firmware/],
    [["memoryMiB=1"], "firmware_rejected", /memory class 64/],
    [["payment=later"], "usage", /does not take "later"/],
    [["--announce", "x"], "usage", /offer takes no --announce/],
    [["signature=0x00"], "usage", /does not take/],
  ])("refuses %j", async (args, code, message) => {
    await expect(offer(...args)).rejects.toThrow(fault(code, message));
  });

  it("names what is missing", async () => {
    await expect(hand.sign("offer", "--firmware", WASM, "maxPrice=1")).rejects.toThrow(
      fault("usage", /it lacks input, inputBytes, fuelLimit$/),
    );
  });
});

describe("sign voucher", () => {
  it("pays what is owed beyond the credit, also on a closing lane", async () => {
    const ack = hand.ack({ owed: amount(700n), credit: amount(200n), closeAt: 9 });
    const { message, payload } = await hand.sign("voucher", "--ack", ack);
    expect(message.voucher.cumulative).toBe("500");
    taken("voucher", payload);
  });

  it("has to be told how much where nothing is owed", async () => {
    await expect(hand.sign("voucher", "--ack", hand.ack())).rejects.toThrow(
      fault("usage", /nothing is owed/),
    );
    await expect(hand.sign("voucher")).rejects.toThrow(fault("usage", /--cumulative AMOUNT/));
  });
});

describe("a provider", () => {
  const announce = (differs: Partial<Message<"announce">> = {}) => {
    return hand.put("announce", {
      ...{ version: 1, task: `0x${"77".repeat(16)}`, requester: stranger.address },
      ...{ firmware: `0x${"aa".repeat(32)}`, firmwareBytes: 10, inputBytes: 3, maxPrice: amount(5_000n) },
      ...{ bidBy: instant(2 ** 50), deadline: instant(2 ** 51), profile: "task/1", memoryMiB: 1 },
      ...{ fuelLimit: 1_000_000, meter: 1, costs: `0x${"cc".repeat(32)}`, ...differs },
    });
  };
  const bid = (file: string, rate = "5000000000", ...more: string[]) =>
    hand.sign("bid", "--announce", file, "--rate", rate, ...more);

  it("bids up to maxPrice at the whole fuel limit, and until after the bids close", async () => {
    const { message, payload, warned } = await bid(announce());
    expect(message).toMatchObject({
      task: `0x${"77".repeat(16)}`,
      rate: "5000000000",
      expires: 2 ** 50 + 60_000,
    });
    taken("bid", payload);
    expect(warned).toContain("at most 0.005000");
    await expect(bid(announce(), "5000000001")).rejects.toThrow(fault("refused", /price_over_budget/));
    await expect(bid(announce({ requester: hand.device.address }))).rejects.toThrow(
      fault("refused", /own_task/),
    );
    expect((await bid(announce({ bidBy: instant(5) }))).warned).toContain("the bids are closed");
  });

  it("does not work for more than the gateway's lane holds", async () => {
    const reverse = {
      epoch: 0,
      deposit: amount(4_999n),
      settled: amount(0n),
      closeAt: 0,
      signed: amount(0n),
    };
    const full = hand.ack({}, { reverse: { ...reverse, signed: amount(100n) } });
    await expect(bid(announce(), "5000000000", "--ack", full)).rejects.toThrow(
      fault("refused", /hub_capacity/),
    );
    // the fee is not the provider's: 4,900 of 5,000 are
    const { path } = await hand.award();
    await expect(hand.sign("accept", "--award", path, "--ack", full)).rejects.toThrow(
      fault("refused", /hub_capacity/),
    );
    const enough = hand.ack({}, { reverse });
    taken("accept", (await hand.sign("accept", "--award", path, "--ack", enough)).payload);
  });

  it("accepts an award of its gateway to itself, by its hash, and no other", async () => {
    const { path, digest, award } = await hand.award();
    const { message, payload, warned } = await hand.sign("accept", "--award", path);
    expect(message).toMatchObject({ task: award.task, award: digest });
    expect(warned).toContain("is paid at most 0.004900, for 1000000 of fuel delivered by ");
    taken("accept", payload);
    const forged = await hand.award({}, stranger);
    await expect(hand.sign("accept", "--award", forged.path)).rejects.toThrow(fault("refused", /bad_award/));
    const others = await hand.award({ provider: stranger.address });
    await expect(hand.sign("accept", "--award", others.path)).rejects.toThrow(fault("refused", /not_yours/));
    const late = await hand.award({ acceptBy: instant(1) });
    expect((await hand.sign("accept", "--award", late.path)).warned).toContain("too late");
  });

  it("delivers an output by its hash, or a run without one", async () => {
    const { path, digest } = await hand.award();
    const output = hand.stand.put("output.bin", "done");
    const result = (...args: string[]) => hand.sign("result", "--award", path, ...args);
    const good = await result("--output", output, "--fuel", "1_000");
    const named = { output: hashBlob(Buffer.from("done")), outputBytes: 4 };
    expect(good.message).toMatchObject({ award: digest, verdict: "ok", fuel: 1_000, ...named });
    taken("result", good.payload);
    const spent = await result("--verdict", "out-of-fuel");
    expect(spent.message).toMatchObject({
      verdict: "out-of-fuel",
      output: null,
      outputBytes: 0,
      fuel: 1_000_000,
    });
    taken("result", spent.payload);
    for (const over of [
      ["--verdict", "trap", "--fuel", "1000001"],
      ["--verdict", "out-of-fuel", "--fuel", "5"],
    ]) {
      await expect(result(...over)).rejects.toThrow(fault("refused", /fuel_over_limit/));
    }
    await expect(result("--verdict", "trap", "--output", output, "--fuel", "5")).rejects.toThrow(
      fault("usage", /result/),
    );
    await expect(result("--fuel", "5")).rejects.toThrow(fault("usage", /it lacks verdict/));
  });

  it("names the task that it gives back", async () => {
    const { path, award } = await hand.award();
    expect((await hand.sign("decline", "--award", path)).message).toMatchObject({ task: award.task });
    const { message, payload } = await hand.sign("forfeit", "--award", path, "reason=no more power");
    expect(message).toMatchObject({ task: award.task, reason: "no more power" });
    taken("forfeit", payload);
  });

  it("stands by an ask, dated and signed", async () => {
    const draft = hand.stand.put(
      "sheet.json",
      JSON.stringify({ ask: { rates: [{ memoryMiB: 1, rate: "92" }] } }),
    );
    const { message } = await hand.sign("factsheet", draft, "profiles=task/1,wasi-stdio/1", "memoryMiB=16");
    expect(message).toMatchObject({ name: "robot", profiles: ["task/1", "wasi-stdio/1"], memoryMiB: 16 });
    const ask = decodeMessage("factsheet", message)?.ask;
    if (!ask) throw new Error("no ask");
    const digest = askDigest(hand.market, hand.device.address, ask);
    expect(isSignedBy(hand.device.address, digest, ask.signature)).toBe(true);
  });
});

describe("what the session vouches for", () => {
  it("answers a blob-get with the chunk that it asks for, without a connection file", async () => {
    const bytes = Buffer.alloc(100_000, "hirewire ");
    const path = hand.stand.put("blob.bin", bytes.toString());
    const get = {
      version: 1 as const,
      from: "gateway" as const,
      hash: hashBlob(bytes),
      offset: 65_536,
      length: 32_768,
    };
    const asked = hand.put("blob-get", get);
    const { written } = await hand.run("sign", "blob-data", "--for", asked, "--bytes", path);
    const chunk = decodeMessage("blob-data", JSON.parse(written));
    expect(chunk).toMatchObject({ from: "device", hash: get.hash, offset: 65_536, total: 100_000 });
    expect(Buffer.from(chunk?.bytes ?? "", "base64")).toEqual(bytes.subarray(65_536, 98_304));
    expect(written.length).toBeLessThanOrEqual(TOPICS["blob-data"].limit);
    const other = hand.stand.put("other.bin", "x");
    await expect(hand.run("sign", "blob-data", "--for", asked, "--bytes", other)).rejects.toThrow(
      fault("refused", /hash_mismatch/),
    );
    const beyond = hand.put("blob-get", { ...get, offset: 100_000 });
    await expect(hand.run("sign", "blob-data", "--for", beyond, "--bytes", path)).rejects.toThrow(
      fault("refused", /blob_unexpected/),
    );
  });

  it("asks for the first chunk unless told", async () => {
    const { written } = await hand.run("sign", "blob-get", `hash=0x${"ab".repeat(32)}`);
    expect(JSON.parse(written)).toMatchObject({ version: 1, from: "device", offset: 0, length: 32_768 });
  });

  it.each([
    [["awrd"], /there is no topic awrd/],
    [["award"], /only the gateway says award/],
    [["bid"], /it lacks task, rate, expires/],
    [["accept", "task=0x00"], /does not take/],
    [["payout", "a.json", "b.json"], /expected one message/],
    [["offer", "--ack", "x"], /needs the device/],
    [[], /expected hirewire device sign connection/],
  ])("refuses %j", async (args, message) => {
    await expect(hand.run("sign", ...args)).rejects.toThrow(fault("usage", message));
  });

  it("signs nothing without a key", async () => {
    const whole = [`task=0x${"77".repeat(16)}`, "rate=5", "expires=9"];
    await expect(hand.run("sign", "bid", ...whole)).rejects.toThrow(fault("usage", /--connection FILE/));
    const { path } = await hand.award();
    await expect(hand.sign("accept", "--award", path, "--connection", path)).rejects.toThrow(
      fault("file_format", /connection file/),
    );
  });
});

it("explains itself in 80 columns", async () => {
  const { code, written } = await hand.run("sign", "--help");
  expect(code).toBe(0);
  expect(written).toMatch(/^hirewire device sign /);
  expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});
