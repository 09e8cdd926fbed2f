/**
 * A board in this process, on the TypeScript end of the link: it hires without end, whatever becomes of the cable and of
 * its power.
 */
import type { Duplex } from "node:stream";
import { LineSessions } from "../../devices/board/line-sessions.ts";
import { readConnectionFile } from "../../devices/robot/connection-file.ts";
import type { Answer } from "../../devices/robot/order.ts";
import { connect, type Robot } from "../../devices/robot/robot.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isFault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { SerialLink } from "../../src/link/serial/reliable.ts";
import { planJob, type WholeMarket } from "../stories/whole-market.ts";
import { type PoweredPort, Uart } from "./uart.ts";

const MAX_PRICE = amount(1_000n);
const CREDIT = amount(100_000n);

/** One life of the board's program. */
type Life = { readonly port: PoweredPort; readonly link: SerialLink; readonly ending: AbortController };

export class CableBoard {
  readonly answers: Answer[] = [];
  /** What ended otherwise than a cable or a power cut can explain. */
  readonly broken: unknown[] = [];
  readonly #market: WholeMarket;
  readonly #uart: Uart;
  readonly #baud: number;
  #life: Life | null = null;
  #robot: Robot | null = null;
  #sessions = 0;
  #job = 0;
  #isTired: boolean = false;
  #working: Promise<unknown> = Promise.resolve();

  /** The market's buyer, without power. */
  static async open(market: WholeMarket, path: string, baud: number): Promise<CableBoard> {
    const board = new CableBoard(market, await Uart.open(path, baud), baud);
    market.adopt(async () => {
      await board.cutPower();
      await board.#uart.close();
    });
    return board;
  }

  private constructor(market: WholeMarket, uart: Uart, baud: number) {
    this.#market = market;
    this.#uart = uart;
    this.#baud = baud;
  }

  /** Sessions in which the gateway has told its terms. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Puts the power on: the board asks for a session at once. Resolves when the gateway has told its terms. */
  async boot(): Promise<void> {
    const device = this.#market.world.devices.find(({ name }) => name === "buyer");
    if (!device) throw new Error("nobody buys here");
    const streams = new LineSessions();
    const [port, ending] = [this.#uart.power(), new AbortController()];
    const onSession = (stream: Duplex) => streams.offer(stream);
    const link = new SerialLink({ port, role: "board", clock: systemClock, baud: this.#baud, onSession });
    this.#life = { port, link, ending };
    link.start();
    const file = await readConnectionFile(device.connectionFile);
    this.#robot = await connect({
      ...{ file, walletPath: device.walletFile, lanes: this.#market.lanes(), creditLimit: CREDIT },
      ...{ stream: () => streams.next(), signal: ending.signal },
      onEvent: ({ kind }) => {
        if (kind === "connected") this.#sessions++;
      },
    });
  }

  /** Nothing is said any more; what the board remembers is on its disk. */
  async cutPower(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    this.#life = null;
    life.port.cutPower();
    life.link.close();
    life.ending.abort(new Error("the power is off"));
    await this.#robot?.close();
    await this.#working;
  }

  /** Hires `beside` tasks at a time from now on, until tired or without power, each on an input of its own. */
  work(beside: number): void {
    const robot = this.#robot;
    const hire = async () => {
      while (!this.#isTired && robot === this.#robot && robot) {
        const order = { ...planJob(++this.#job), maxPrice: MAX_PRICE, deadlineMs: 120_000 };
        this.answers.push(await robot.hire(order));
      }
    };
    const until = (fault: unknown) => {
      if (this.#life === null) return;
      // of a cable that is pulled all the time a blob may come too late
      if (isFault(fault, "refused") && fault.facts["code"] === "blob_unknown") return work();
      this.broken.push(fault);
    };
    const work = (): Promise<unknown> => hire().catch(until);
    this.#working = Promise.all(Array.from({ length: beside }, work));
  }

  /** Begins no task any more; resolves when those under way have ended. */
  async rest(): Promise<void> {
    this.#isTired = true;
    await this.#working;
  }
}
