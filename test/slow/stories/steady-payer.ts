/** A device that pays one voucher after the other, whatever becomes of its gateway: on the SDK's session and outbox. */
import { Connection } from "../../../devices/robot/connection.ts";
import { type ConnectionFile, marketOf } from "../../../devices/robot/connection-file.ts";
import { Outbox, type Reply } from "../../../devices/robot/outbox.ts";
import type { Incoming } from "../../../devices/robot/session.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { voucherDigest } from "../../../src/protocol/voucher.ts";

/** Of one voucher, atomic units. */
const PRICE = 7n;
/** Vouchers on their way at a time, unless told. */
const AT_ONCE = 8;

export class SteadyPayer {
  /** Highest total signed, and highest that was acknowledged. */
  signed = 0n;
  acked = 0n;
  vouchers = 0;
  readonly refusals: Message<"refusal">[] = [];
  readonly #file: ConnectionFile;
  readonly #signer: Signer;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  #waiting = 0;
  #isTired: boolean = false;
  #rested = Promise.withResolvers<void>();

  constructor(file: ConnectionFile) {
    this.#file = file;
    this.#signer = keySigner(fromHex(file.key));
    const factsheet = () => ({ version: 1 as const, name: file.name, profiles: [], memoryMiB: 0 });
    const nothing = () => undefined;
    this.#connection = new Connection(
      { file, signer: this.#signer, slot: "0", factsheet, clock: systemClock },
      {
        ...{ changed: nothing, down: nothing, ignored: nothing },
        up: () => this.#outbox.repeat(),
        heard: (incoming) => this.#heard(incoming),
      },
    );
    this.#outbox = new Outbox((topic, message) => this.#connection.publish(topic, message), systemClock);
  }

  get address(): Hex {
    return this.#signer.address;
  }

  /** Connects, and pays from then on. */
  async start(atOnce: number = AT_ONCE): Promise<void> {
    await this.#connection.start();
    for (let at = 0; at < atOnce; at++) void this.#pay();
  }

  /** Pays no more; resolves when everything is acknowledged. */
  async rest(): Promise<void> {
    this.#isTired = true;
    if (this.#waiting > 0) await this.#rested.promise;
  }

  async close(): Promise<void> {
    this.#outbox.stop();
    await this.#connection.close();
  }

  async #pay(): Promise<void> {
    if (this.#isTired) return;
    this.#waiting += 1;
    this.vouchers += 1;
    this.signed += PRICE;
    const { chainId, vault, token, gateway: payee } = marketOf(this.#file);
    const unsigned = { chainId, vault, payee, token, epoch: 0, cumulative: amount(this.signed) };
    const id = `v-${this.vouchers}`;
    const voucher = { ...unsigned, signature: await this.#signer.sign(voucherDigest(unsigned)) };
    const heard = (reply: Reply) => this.#replied(voucher.cumulative, reply);
    this.#outbox.send("voucher", { version: 1, id, voucher }, { heard });
  }

  #replied(cumulative: bigint, reply: Reply): void {
    if ("refused" in reply) this.refusals.push(reply.refused);
    if ("acked" in reply && cumulative > this.acked) this.acked = cumulative;
    this.#waiting -= 1;
    if (this.#isTired && this.#waiting === 0) this.#rested.resolve();
    void this.#pay();
  }

  #heard({ topic, message }: Incoming): void {
    if (topic === "ack") this.#outbox.answer(message.id, { acked: message });
    if (topic === "refusal" && message.id !== null) this.#outbox.answer(message.id, { refused: message });
  }
}
