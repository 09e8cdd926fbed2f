/**
 * From a signed voucher to its durable ack: the guarded broker, the product's heartbeat and its SQLite journal.
 *
 * The peer is mosquitto carrying the same two messages: every other one is as long as a voucher, the others as an ack,
 * from as many publishers to one subscriber, and two of them count as one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { amount } from "../../../src/base/money.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";
import { MARKET } from "../../exchange/stage.ts";
import type { Figure } from "../main.ts";
import { type BenchDevice, connectPackets, deviceList, makeDevices, topicsOf } from "./devices.ts";
import { median, medianRatio, relative } from "./figures.ts";
import type { Carried, Load } from "./load.ts";
import { BrokerProcess } from "./process.ts";

const CLIENTS = 20;
/** Of each client, under way at a time. */
const WINDOW = 10;
/** How long an ack is that names a voucher by five digits and a record by six. */
const ACK_BYTES = encodeMessage("ack", { version: 1, id: "v-12345", journalIndex: 123_456 }).length;

const METRIC = `voucher to durable ack, ${CLIENTS} clients with ${WINDOW} under way each`;

/**
 * @param rounds - in each both have a turn, in random order
 * @param vouchers - of each client in one turn
 */
export async function payingFigures(
  load: Load,
  folder: string,
  rounds: number,
  vouchers: number,
): Promise<Figure[]> {
  const clients = makeDevices("d", CLIENTS);
  const payloads = await vouchersOf(clients, vouchers);
  const file = load.file("vouchers", payloads.bytes);
  const hub = await BrokerProcess.node("paid-hub.ts", [
    load.file("paying.json", deviceList(clients)),
    folder,
  ]);
  const mosquitto = await BrokerProcess.mosquitto(folder);
  const [ours, theirs]: [number[], number[]] = [[], []];
  try {
    const pay = async () => {
      await hub.ask("house");
      const { seconds } = await payOnHub(load, hub, clients, file);
      return (CLIENTS * vouchers) / seconds;
    };
    const carry = async () => {
      const connects = load.file("connects", await connectPackets(makeDevices("d", CLIENTS + 1)));
      const carried = await load.run({
        ...{ port: mosquitto.port, connects, publishers: CLIENTS, subscribers: 1, qos: 1, window: WINDOW },
        ...{ size: `${payloads.length},${ACK_BYTES}`, seconds: Math.min(1.5, vouchers / 500) },
        ...{ publish: topicsOf("d", "voucher"), subscribe: topicsOf("d", "voucher").replace("d%d", "+") },
      });
      await sleep(100);
      return carried.perSecond / 2;
    };
    // one round more than counted: the first one warms up
    for (let round = 0; round <= rounds; round++) {
      const order = [[pay, ours] as const, [carry, theirs] as const];
      if (Math.random() < 0.5) order.reverse();
      for (const [turn, rates] of order) {
        const rate = await turn();
        if (round > 0) rates.push(rate);
      }
    }
    const refusals = JSON.stringify(await hub.ask("refusals"));
    if (refusals !== "{}") throw new Error(`the hub refused something: ${refusals}`);
  } finally {
    await Promise.all([hub.stop(), mosquitto.stop()]);
  }
  const rates = { value: median(ours), peerValue: median(theirs) };
  const row = { metric: METRIC, unit: "1/s", peer: "mosquitto carrying the same two messages", ...rates };
  return [
    relative(
      row,
      medianRatio(ours, theirs, (own, peer) => own / peer),
      0.6,
    ),
  ];
}

async function payOnHub(
  load: Load,
  hub: BrokerProcess,
  clients: readonly BenchDevice[],
  payloads: string,
): Promise<Carried> {
  const connects = load.file("connects", await connectPackets(clients));
  return await load.run({
    ...{ port: hub.port, connects, payloads, callers: CLIENTS, qos: 1, window: WINDOW },
    ...{ publish: topicsOf("d", "voucher"), subscribe: topicsOf("d", "ack") },
  });
}

/** For each client in turn, a unit more every time; `length` is that of one in the middle, bytes. */
async function vouchersOf(
  clients: readonly BenchDevice[],
  count: number,
): Promise<{ bytes: Buffer; length: number }> {
  const { chainId, vault, token, gateway: payee } = MARKET;
  const parts: Buffer[] = [];
  for (let number = 1; number <= count; number++) {
    for (const { signer } of clients) {
      const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(BigInt(number)) };
      const voucher = { ...unsigned, signature: await signer.sign(voucherDigest(unsigned)) };
      const text = Buffer.from(encodeMessage("voucher", { version: 1, id: `v-${number}`, voucher }));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      parts.push(length, text);
    }
  }
  return { bytes: Buffer.concat(parts), length: parts.at(parts.length / 2 + 1)?.length ?? 0 };
}
