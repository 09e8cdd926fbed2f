/** A gateway that says what a test wants, signed by its own key, to the board's C client with a key of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { toHex } from "../../src/base/bytes.ts";
import { instant, systemClock } from "../../src/base/clock.ts";
import { amount, ZERO } from "../../src/base/money.ts";
import { randomKey } from "../../src/kernels/signature.ts";
import type { Broker, Session } from "../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../src/link/broker/embedded-broker.ts";
import { openSerialLine } from "../../src/link/serial/line.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  parseJson,
  type Terms,
} from "../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import type { Topic } from "../../src/protocol/topic.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import { buildHost, HostBoard } from "./host-board.ts";

const NAME = { manufacturer: "hirewire", serialNumber: "scout" };
const COSTS = `0x${"c0".repeat(32)}` as const;

/** What a board has said, as it was on the wire. */
export type Said = { readonly topic: Topic; readonly text: string };

export class FalseGateway {
  readonly market: Market;
  readonly signer: Signer;
  readonly board: HostBoard;
  /** The board's own key. */
  readonly payer: Signer;
  readonly said: Said[] = [];
  /** How the board's lane stands; changes count from its next login on. */
  lane: Terms["lane"] = {
    ...{ epoch: 0, deposit: amount(1_000_000n), signed: ZERO, voucher: null, settled: ZERO, closeAt: 0 },
    ...{ credit: ZERO, held: ZERO, owed: ZERO },
  };
  /** What is said in answer to each message, besides. */
  onSaid: (said: Said) => void = () => undefined;
  /** Changes the terms before they are told. */
  spoilTerms: (terms: Terms) => Terms = (terms) => terms;
  #broker: Broker | null = null;
  readonly #heard = new Set<() => void>();

  private constructor(board: HostBoard) {
    this.board = board;
    this.signer = keySigner(randomKey());
    const key = randomKey();
    this.payer = keySigner(key);
    const [vault, token] = [`0x${"aa".repeat(20)}`, `0x${"bb".repeat(20)}`] as const;
    this.market = { gateway: this.signer.address, chainId: 31_337, vault, token };
    const place = { version: 1, broker: "mqtt://127.0.0.1:1", ...NAME, name: "scout" };
    writeFileSync(join(board.store, "file"), JSON.stringify({ ...place, key: toHex(key), ...this.market }));
  }

  /** With a board that has no power yet. All of it goes with the test. */
  static async open(): Promise<FalseGateway> {
    const gateway = new FalseGateway(await HostBoard.open(await buildHost("board-own")));
    const broker = await startEmbeddedBroker({
      ...{ listen: [], market: gateway.market, clock: systemClock, boot: instant(0) },
      callbacks: {
        admit: () => NAME,
        onPublish: async (_session, topic, payload) => gateway.#take(topic, payload),
        onReady: (session) => gateway.#greet(session),
        onGone: () => undefined,
        onRefused: () => undefined,
      },
    });
    gateway.#broker = broker;
    const line = openSerialLine({
      ...{ path: gateway.board.path, baud: 921_600, role: "gateway", clock: systemClock },
      onSession: (stream) => broker.attach(stream, "board"),
    });
    onTestFinished(async () => {
      await line.close();
      await broker.stop();
    });
    return gateway;
  }

  tell<T extends Topic>(topic: T, message: Message<T>): void {
    this.#broker?.publish(NAME, topic, encodeMessage(topic, message));
  }

  ack(id: string): void {
    this.tell("ack", { version: 1, id, journalIndex: 1 });
  }

  /** The newest message of a topic from `from` on, said or still to come. */
  async heard<T extends Topic>(topic: T, from = 0): Promise<Message<T>> {
    for (;;) {
      const said = this.said.slice(from).findLast((one) => one.topic === topic);
      const message = said && decodeMessage(topic, parseJson(Buffer.from(said.text)));
      if (message) return message;
      if (said) throw new Error(`a ${topic} that is none: ${said.text}`);
      await this.next();
    }
  }

  /** Resolves when the board has said something more. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#heard.add(resolve));
  }

  #take(topic: Topic, payload: Uint8Array): void {
    const said = { topic, text: Buffer.from(payload).toString() };
    this.said.push(said);
    this.onSaid(said);
    const heard = [...this.#heard];
    this.#heard.clear();
    for (const told of heard) told();
  }

  #greet({ nonce }: Session): void {
    const { gateway, chainId, vault, token } = this.market;
    const reverse = { epoch: 0, deposit: ZERO, settled: ZERO, closeAt: 0, signed: ZERO };
    const terms: Terms = {
      ...{ time: systemClock.now(), gateway, chainId, vault, token, decimals: 6, feeBasisPoints: 100 },
      firmware: { meter: 1, costs: COSTS, maxFuel: 10 ** 12, runMs: 10_000 },
      ...{ lane: this.lane, reverse },
    };
    this.tell("ack", {
      ...{ version: 1, id: nonce.slice(2), journalIndex: 1 },
      terms: this.spoilTerms(terms),
    });
  }
}
