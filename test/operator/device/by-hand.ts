/** A device worked by hand: its connection file, the gateway that it speaks to, and what the commands print for it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { COSTS_HASH, METER_VERSION } from "../../../src/firmware/meter/costs.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { type ConnectionFile, marketOf, parseConnectionFile } from "../../../src/protocol/connection-file.ts";
import { encodeMessage, type Message, type Terms } from "../../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import type { Topic } from "../../../src/protocol/topic.ts";
import { awardDigest, type Market } from "../../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";
import { openStand, type Stand } from "./stand.ts";

export type ByHand = Awaited<ReturnType<typeof openByHand>>;

const hash = (digits: string): Hex => `0x${digits.repeat(32)}`;

/** Enrols one device, and has its gateway's key sign what gateways sign. */
export async function openByHand() {
  const stand: Stand = openStand();
  const path = join(stand.folder, "robot.json");
  await stand.run(deviceCommand, "add", "robot", "--out", path);
  const file: ConnectionFile = parseConnectionFile(readFileSync(path, "utf8"));
  const market: Market = marketOf(file);
  const device: Signer = keySigner(fromHex(file.key));
  const gateway = keySigner(stand.ports.keys.read(join(stand.data, "gateway.key")));
  /** These commands take no `--config`, which the stand ends every other one with. */
  const bare: typeof deviceCommand = (args, io, ports) => deviceCommand(args.slice(0, -2), io, ports);
  const run = (...args: string[]) => stand.run(bare, ...args);
  const voucher = async (cumulative: bigint, epoch = 0, by: Signer = device): Promise<Voucher> => {
    const { gateway: payee, ...place } = market;
    const unsigned = { ...place, payee, epoch, cumulative: amount(cumulative) };
    return { ...unsigned, signature: await by.sign(voucherDigest(unsigned)) };
  };
  const put = <T extends Topic>(topic: T, message: Message<T>): string =>
    stand.put(`${topic}.json`, encodeMessage(topic, message));
  return {
    ...{ stand, path, file, market, device, gateway, run, voucher, put },
    /** What `device sign` prints. */
    sign: async (topic: Topic, ...args: string[]) => {
      const { written, warned } = await run("sign", topic, "--connection", path, ...args);
      return { payload: new TextEncoder().encode(written), message: JSON.parse(written), written, warned };
    },
    /** A file with the ack of a login. */
    ack: (lane: Partial<Terms["lane"]> = {}, others: Partial<Terms> = {}): string =>
      put("ack", {
        ...{ version: 1, id: "nonce", journalIndex: 1 },
        terms: {
          ...{ time: instant(1_800_000_000_000), ...market, decimals: 6, feeBasisPoints: 200 },
          firmware: { meter: METER_VERSION, costs: COSTS_HASH, maxFuel: 10 ** 12, runMs: 30_000 },
          lane: {
            ...{
              epoch: 0,
              deposit: amount(5_000_000n),
              signed: amount(0n),
              voucher: null,
              settled: amount(0n),
            },
            ...{ closeAt: 0, credit: amount(0n), held: amount(0n), owed: amount(0n) },
            ...lane,
          },
          reverse: {
            epoch: 0,
            deposit: amount(10_000_000n),
            settled: amount(0n),
            closeAt: 0,
            signed: amount(0n),
          },
          ...others,
        },
      }),
    /** A file with an award to the device, signed by the gateway or by whom one says. */
    award: async (differs: Partial<Message<"award">> = {}, by: Signer = gateway) => {
      const unsigned = {
        ...{ version: 1 as const, task: `0x${"77".repeat(16)}` as Hex, role: "run" as const },
        ...{ requester: `0x${"88".repeat(20)}` as Hex, provider: device.address },
        ...{ firmware: hash("aa"), firmwareBytes: 10, input: hash("bb"), inputBytes: 3 },
        ...{ profile: "task/1" as const, memoryMiB: 1 as const, fuelLimit: 1_000_000 },
        ...{ meter: METER_VERSION, costs: COSTS_HASH, rate: amount(5_000_000_000n), feeBasisPoints: 200 },
        ...{ acceptBy: instant(2 ** 50), runBy: instant(2 ** 50) },
        ...differs,
      };
      const digest = awardDigest(market, unsigned);
      return {
        path: put("award", { ...unsigned, signature: await by.sign(digest) }),
        digest,
        award: unsigned,
      };
    },
  };
}
