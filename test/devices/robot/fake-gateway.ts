/** A scripted peer for the robot SDK: a bare broker on an ephemeral port, and the words of the protocol. */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Aedes } from "aedes";
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { type Amount, amount, ZERO } from "../../../src/base/money.ts";
import { isRefusal } from "../../../src/base/refusal.ts";
import { hashBlob } from "../../../src/blob/blob.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { checkConnectToken } from "../../../src/protocol/connect-token.ts";
import { decodeMessage, encodeMessage, type Message, type Terms } from "../../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { parseTopic, type Topic, topicOf } from "../../../src/protocol/topic.ts";
import { awardDigest, invoiceDigest, type Market, receiptDigest } from "../../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";
import { METER } from "./run-terms.ts";

type Script<T extends Topic> = (message: Message<T>, device: ConnectionFile) => unknown;

type Said = { readonly topic: Topic; readonly message: unknown; readonly retain: boolean };

export class FakeGateway {
  /** Of its journal: each command that it takes is a record. */
  #index = 1;
  readonly signer: Signer = keySigner(randomKey());
  readonly market: Market = {
    gateway: this.signer.address,
    chainId: 31_337,
    vault: `0x${"aa".repeat(20)}`,
    token: `0x${"bb".repeat(20)}`,
  };
  readonly said: Said[] = [];
  readonly blobs = new Map<Hex, Uint8Array>();
  lane: Terms["lane"] = {
    ...{ epoch: 1, deposit: amount(1_000_000n), signed: ZERO, voucher: null, settled: ZERO, closeAt: 0 },
    ...{ credit: ZERO, held: ZERO, owed: ZERO },
  };
  reverse: Terms["reverse"] = {
    ...{ epoch: 1, deposit: amount(1_000_000n), settled: ZERO, closeAt: 0, signed: ZERO },
  };
  terms: Partial<Terms> = {};
  /** Its clock less ours, milliseconds. */
  ahead = 0;
  isMute: boolean = false;
  port = 0;
  logins = 0;
  /** CONNECTs to refuse, and the return code to do it with. */
  refusals = 0;
  refusalCode = 5;
  readonly #devices = new Map<string, ConnectionFile>();
  readonly #scripts = new Map<Topic, (message: never, device: ConnectionFile) => unknown>();
  readonly #waiting = new Set<() => void>();
  readonly #nonces = new Map<string, Hex>();
  readonly #sockets = new Set<Socket>();
  #broker: Aedes | null = null;
  #server: Server | null = null;

  static async start(): Promise<FakeGateway> {
    const gateway = new FakeGateway();
    await gateway.listen();
    gateway.on("blob-get", (get, device) => gateway.#give(get, device));
    return gateway;
  }

  /** Opens the port; after a {@link drop}, the same one again. */
  async listen(): Promise<void> {
    const broker = await Aedes.createBroker({
      authenticate: (client, username, password, done) => {
        const rules = { market: this.market, now: this.#now(), boot: instant(0) };
        const claim = checkConnectToken(String(password), username ?? "", client.id, rules);
        if (isRefusal(claim) || this.refusals > 0) {
          this.refusals--;
          return done(Object.assign(new Error("no"), { returnCode: this.refusalCode as never }), false);
        }
        this.#nonces.set(username ?? "", claim.nonce);
        done(null, true);
      },
    });
    broker.on("publish", (packet, client) => {
      if (client && packet.topic.startsWith("hirewire/"))
        this.#hear(packet.topic, String(packet.payload), packet.retain);
    });
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      broker.handle(socket);
    });
    await new Promise<void>((done) => server.listen(this.port, "127.0.0.1", done));
    this.port = (server.address() as { port: number }).port;
    this.#broker = broker;
    this.#server = server;
  }

  /** The broker is gone, all its connections with it. */
  async drop(): Promise<void> {
    const [server, broker] = [this.#server, this.#broker];
    const closed = new Promise((done) => server?.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await new Promise<void>((done) => (broker ? broker.close(() => done()) : done()));
  }

  /** Cuts every connection; the broker goes on. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** One end of a line whose other end is in the broker. */
  plug(end: Duplex): void {
    this.#broker?.handle(end);
  }

  enroll(name: string): ConnectionFile {
    const key = toHex(randomKey());
    const broker = `mqtt://127.0.0.1:${this.port}`;
    const device = {
      version: 1 as const,
      broker,
      manufacturer: "acme",
      serialNumber: name,
      name,
      key,
      ...this.market,
    };
    this.#devices.set(name, device);
    return device;
  }

  /** What to do when a device says something on a topic. */
  on<T extends Topic>(topic: T, script: Script<T>): void {
    this.#scripts.set(topic, script);
  }

  say<T extends Topic>(device: ConnectionFile, topic: T, message: Message<T>): void {
    const packet = { topic: topicOf(device, topic), payload: encodeMessage(topic, message), retain: false };
    this.#broker?.publish({ cmd: "publish", qos: 1, dup: false, ...packet }, () => {});
  }

  ack(device: ConnectionFile, id: string, task?: Hex): void {
    this.#index++;
    this.say(device, "ack", { version: 1, id, journalIndex: this.#index, ...(task && { task }) });
  }

  /** All that devices said on a topic so far. */
  heard<T extends Topic>(topic: T): Message<T>[] {
    return this.said.filter((said) => said.topic === topic).map(({ message }) => message as Message<T>);
  }

  /** The n-th message of a topic, counted from 1, as soon as it is there. */
  async nth<T extends Topic>(topic: T, n: number): Promise<Message<T>> {
    await this.until(() => this.heard(topic).length >= n);
    return this.heard(topic)[n - 1] as Message<T>;
  }

  /** Resolves when the claim holds; looks again at everything that happens here. */
  async until(claim: () => boolean): Promise<void> {
    while (!claim()) await new Promise<void>((wake) => this.#waiting.add(wake));
  }

  keep(bytes: Uint8Array): Hex {
    const hash = hashBlob(bytes);
    this.blobs.set(hash, bytes);
    return hash;
  }

  /** Pulls bytes of a device in chunks; the last script for `blob-data` is replaced. */
  async pull(device: ConnectionFile, hash: Hex, total: number, length = 32_768): Promise<Uint8Array> {
    const bytes = new Uint8Array(total);
    for (let offset = 0; offset < Math.max(total, 1); offset += length) {
      const chunk = new Promise<Message<"blob-data">>((resolve) => {
        this.on(
          "blob-data",
          (message) => message.hash === hash && message.offset === offset && resolve(message),
        );
      });
      this.say(device, "blob-get", { version: 1, from: "gateway", hash, offset, length });
      bytes.set(Buffer.from((await chunk).bytes, "base64"), offset);
    }
    return bytes;
  }

  async voucher(payee: Hex, cumulative: Amount, by = this.signer): Promise<Voucher> {
    const { chainId, vault, token } = this.market;
    const voucher = { chainId, vault, payee, token, epoch: this.reverse.epoch, cumulative };
    return { ...voucher, signature: await by.sign(voucherDigest(voucher)) };
  }

  async invoice(
    requester: Hex,
    unsigned: Omit<Message<"invoice">, "signature" | "version">,
    by = this.signer,
  ): Promise<Message<"invoice">> {
    const signature = await by.sign(invoiceDigest(this.market, requester, unsigned));
    return { version: 1, ...unsigned, signature };
  }

  async receipt(unsigned: Omit<Message<"receipt">, "signature" | "version">): Promise<Message<"receipt">> {
    const signature = await this.signer.sign(receiptDigest(this.market, unsigned));
    return { version: 1, ...unsigned, signature };
  }

  /** Tells a device its terms once more, as when the chain shows another lane. */
  tellAgain(device: ConnectionFile): void {
    this.#tellTerms(device);
  }

  async award(
    unsigned: Omit<Message<"award">, "signature" | "version">,
    by = this.signer,
  ): Promise<Message<"award">> {
    return { version: 1, ...unsigned, signature: await by.sign(awardDigest(this.market, unsigned)) };
  }

  #hear(topicText: string, payload: string, retain: boolean): void {
    const parsed = parseTopic(topicText);
    const device = this.#devices.get(parsed?.serialNumber ?? "");
    if (!parsed || !device) throw new Error(`a stranger's topic: ${topicText}`);
    const { topic } = parsed;
    const message = decodeMessage(topic, JSON.parse(payload));
    if (!message) throw new Error(`not a message: ${topicText} ${payload}`);
    if ("from" in message && message.from === "gateway") return;
    this.said.push({ topic, message, retain });
    if (topic === "connection" && retain && "state" in message && message.state === "ONLINE")
      this.#greet(device);
    this.#scripts.get(topic)?.(message as never, device);
    this.#wake();
  }

  #greet(device: ConnectionFile): void {
    this.logins++;
    if (!this.isMute) this.#tellTerms(device);
  }

  #now() {
    return instant(Date.now() + this.ahead);
  }

  #tellTerms(device: ConnectionFile): void {
    const id = this.#nonces.get(keySigner(Buffer.from(device.key.slice(2), "hex")).address)?.slice(2) ?? "";
    const terms: Terms = {
      time: this.#now(),
      ...this.market,
      ...{ decimals: 6, feeBasisPoints: 200, lane: this.lane, reverse: this.reverse },
      firmware: { ...METER, maxFuel: 10 ** 12, runMs: 30_000 },
      ...this.terms,
    };
    this.say(device, "ack", { version: 1, id, journalIndex: this.#index, terms });
  }

  #give({ hash, offset, length }: Message<"blob-get">, device: ConnectionFile): void {
    const bytes = this.blobs.get(hash);
    if (!bytes) return;
    const part = Buffer.from(bytes.subarray(offset, offset + length)).toString("base64");
    this.say(device, "blob-data", {
      version: 1,
      from: "gateway",
      hash,
      offset,
      total: bytes.length,
      bytes: part,
    });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
