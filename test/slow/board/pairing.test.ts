/** A board whose wallet the gateway keeps: how it comes to its secret, and what it hears once it has one. */
import { createHmac } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Duplex, duplexPair, Transform } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import type { Broker, WaitingBoard } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import { openSerialLine } from "../../../src/link/serial/line.ts";
import { buildHost, HostBoard, isHostAbsent, whyHostAbsent } from "../../board/host-board.ts";

const hex = (fill: string, count: number): Hex => `0x${fill.repeat(count)}`;
const MARKET = { gateway: hex("01", 20), chainId: 31_337, vault: hex("02", 20), token: hex("03", 20) };
const NAME = { manufacturer: "hirewire", serialNumber: "host" };
const DEVICE = hex("04", 20);

const REVERSE = { epoch: 0, deposit: "0", signed: "0", settled: "0", closeAt: 0 };
const LANE = { ...REVERSE, voucher: null, credit: "0", held: "0", owed: "0" };
const FIRMWARE = { meter: 1, costs: hex("c0", 32), maxFuel: 1, runMs: 1 };

/** An ack with the terms of a lane that has so much credit. */
function termsOf(credit: string): string {
  const terms = {
    ...{ time: 1, ...MARKET, decimals: 6, feeBasisPoints: 0 },
    ...{ firmware: FIRMWARE, lane: { ...LANE, credit }, reverse: REVERSE },
  };
  return JSON.stringify({ version: 1, id: "login", journalIndex: 0, terms });
}

/** A PUBLISH of QoS 0 to the board, as MQTT 3.1.1 has it (3.3). */
function publishPacket(level: string, payload: string): Buffer {
  const topic = `hirewire/v1/${NAME.manufacturer}/${NAME.serialNumber}/${level}`;
  const length = 2 + topic.length + payload.length;
  const head = Buffer.of(0x30, (length & 0x7f) | 0x80, length >> 7, 0, topic.length);
  return Buffer.concat([head, Buffer.from(topic + payload)]);
}

/** A broker that keeps the wallet of one board, and a line to that. */
class Kennel {
  readonly board: HostBoard;
  /** What the board has to know; null while nobody is enrolled. */
  secret: Uint8Array | null = null;
  /** Changes what goes to the board in the next session, inside the reliable link. */
  change: ((bytes: Buffer) => Buffer) | null = null;
  readonly #logins: (() => void)[] = [];
  #broker: Broker | null = null;

  private constructor(board: HostBoard) {
    this.board = board;
  }

  static async open(): Promise<Kennel> {
    const kennel = new Kennel(await HostBoard.open(await buildHost("board-kept")));
    const broker = await startEmbeddedBroker({
      ...{ listen: [], market: MARKET, clock: systemClock, boot: instant(0) },
      callbacks: {
        admit: (device) => (kennel.secret !== null && device === DEVICE ? NAME : null),
        secretOf: (device) => (device === DEVICE ? kennel.secret : null),
        onPublish: () => Promise.resolve(),
        onReady: () => {
          for (const told of kennel.#logins.splice(0)) told();
        },
        onGone: () => undefined,
        onRefused: () => undefined,
      },
    });
    kennel.#broker = broker;
    const line = openSerialLine({
      ...{ path: kennel.board.path, baud: 921_600, role: "gateway", clock: systemClock },
      onSession: (stream) => broker.attach(kennel.change ? changed(stream, kennel.change) : stream, "board"),
    });
    onTestFinished(async () => {
      await line.close();
      await broker.stop();
    });
    return kennel;
  }

  /** Says the terms, at which the board says that it is ready. */
  greet(): void {
    this.#broker?.publish(NAME, "ack", termsOf("0"));
  }

  login(): Promise<void> {
    return new Promise((resolve) => this.#logins.push(resolve));
  }

  /** The board that waits, once one does. */
  async waiting(): Promise<WaitingBoard> {
    for (;;) {
      const board = this.#broker?.waiting()[0];
      if (board) return board;
      await this.board.carries(1, () => false);
    }
  }

  /** Hands the board a secret; `save` comes once the board has proved that it has it. */
  async pair(secret: Hex, save: () => Promise<void>): Promise<void> {
    const key = fromHex(secret);
    const proof = createHmac("sha256", key)
      .update(Buffer.concat([Buffer.of(3), fromHex(MARKET.gateway), fromHex(DEVICE)]))
      .digest();
    const place = { version: 1 as const, ...NAME, name: "host", secret, device: DEVICE };
    await this.#broker?.pair(await this.waiting(), {
      message: { ...place, ...MARKET },
      isProof: (given) => given === toHex(proof),
      save,
    });
  }
}

/** The stream as a broker is to have it, whose words are changed on their way out. */
function changed(stream: Duplex, change: (bytes: Buffer) => Buffer): Duplex {
  const [ours, theirs] = duplexPair();
  stream.pipe(ours);
  const transform = new Transform({
    transform: (bytes: Buffer, _encoding, done) => done(null, change(bytes)),
  });
  ours.pipe(transform).pipe(stream);
  stream.on("close", () => ours.destroy());
  return theirs;
}

describe.skipIf(isHostAbsent)(`a board that logs in with a secret${whyHostAbsent}`, () => {
  it("hears what is sealed, and ends the session in which that was changed", async () => {
    const kennel = await Kennel.open();
    const { board } = kennel;
    const secret = hex("5e", 32);
    kennel.secret = fromHex(secret);
    const file = { version: 1, ...NAME, name: "host", secret, device: DEVICE, ...MARKET };
    writeFileSync(join(board.store, "file"), JSON.stringify(file));
    kennel.change = (bytes) =>
      Buffer.from(bytes.toString("latin1").replace('"decimals":6', '"decimals":7'), "latin1");
    const first = kennel.login();
    board.powerOn();
    await first;
    const second = kennel.login();
    kennel.change = null;
    kennel.greet();
    await board.heard(({ text }) => text === "a message with a bad seal: the session ends");
    await second;
    expect(board.lines).toHaveLength(1);
    kennel.greet();
    await board.heard(({ kind }) => kind === "ready");
  });

  it("acts on nothing but a challenge before its login", async () => {
    const kennel = await Kennel.open();
    const { board } = kennel;
    const secret = hex("5e", 32);
    kennel.secret = fromHex(secret);
    const file = { version: 1, ...NAME, name: "host", secret, device: DEVICE, ...MARKET };
    writeFileSync(join(board.store, "file"), JSON.stringify(file));
    let forged = 0;
    kennel.change = (bytes) => {
      if (!bytes.includes('"nonce"')) return bytes;
      forged++;
      return Buffer.concat([publishPacket("ack", termsOf("7")), bytes]);
    };
    const login = kennel.login();
    board.powerOn();
    await login;
    expect(forged).toBe(1);
    kennel.greet();
    const { credit } = await board.heard(({ kind }) => kind === "ready");
    expect(credit).toBe("0");
    expect(board.lines).toHaveLength(1);
  });
});

describe.skipIf(isHostAbsent)(`a board without a file${whyHostAbsent}`, () => {
  it("is paired, and logs in with its secret from then on", async () => {
    const kennel = await Kennel.open();
    const { board } = kennel;
    board.powerOn();
    expect(await kennel.waiting()).toMatchObject({ ...NAME, model: "host" });
    const secret = hex("5e", 32);
    const login = kennel.login();
    await kennel.pair(secret, () => {
      kennel.secret = fromHex(secret);
      return Promise.resolve();
    });
    await login;
    expect(board.lines.filter(({ kind }) => kind === "paired")).toHaveLength(1);
    await board.cutPower();
    const again = kennel.login();
    board.powerOn();
    await again;
  });

  it("is paired anew when its proof was lost", async () => {
    const kennel = await Kennel.open();
    const { board } = kennel;
    board.powerOn();
    const lost = kennel.pair(hex("5e", 32), () => Promise.reject(new Error("the disk is full")));
    await expect(lost).rejects.toThrow();
    await board.cutPower();
    board.powerOn();
    const secret = hex("6f", 32);
    const login = kennel.login();
    await kennel.pair(secret, () => {
      kennel.secret = fromHex(secret);
      return Promise.resolve();
    });
    await login;
  });

  it("is paired anew when its file was erased, and then its proof was lost", async () => {
    const kennel = await Kennel.open();
    const { board } = kennel;
    const secret = hex("5e", 32);
    const save = () => {
      kennel.secret = fromHex(secret);
      return Promise.resolve();
    };
    const first = kennel.login();
    board.powerOn();
    await kennel.pair(secret, save);
    await first;
    kennel.greet();
    await board.heard(({ kind }) => kind === "ready");
    await board.cutPower();
    kennel.secret = null;
    rmSync(join(board.store, "file"));
    board.powerOn();
    const lost = kennel.pair(hex("6f", 32), () => Promise.reject(new Error("the disk is full")));
    await expect(lost).rejects.toThrow();
    await board.cutPower();
    board.powerOn();
    const login = kennel.login();
    await kennel.pair(secret, save);
    await login;
  });

  it("does not start on a file that is none", async () => {
    const board = await HostBoard.open(await buildHost("board-kept"));
    writeFileSync(join(board.store, "file"), '{"version":1}');
    board.powerOn();
    expect(await board.ended()).toBe(4);
  });
});
