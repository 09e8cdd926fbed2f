/** A provider at a scripted gateway, and what an honest one says to it. */
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions, Serving } from "../../../devices/robot/serve.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import type { RefusalCode } from "../../../src/base/refusal.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { ENDLESS, taskModule } from "../../firmware/module.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { echoModule, RUN_TERMS, RUNS, trusting, UNIT_RATE } from "./run-terms.ts";

export const echo = echoModule();
export const trap = taskModule({ memory: [4, 4], run: [0x00] });
export const endless = taskModule({ memory: [4, 4], run: ENDLESS });
export const large = taskModule({ memory: [4, 300] });
export const input = new Uint8Array(100_000).map((_, i) => i % 253);
export const requester: Hex = `0x${"99".repeat(20)}`;
export const task: Hex = `0x${"77".repeat(16)}`;
/** More than the echo of {@link input} burns. */
export const fuelLimit = 500;

export const soon = (ms: number) => instant(Date.now() + ms);

export class ProviderStand {
  readonly gateway: FakeGateway;
  readonly file: ConnectionFile;
  events: RobotEvent[] = [];
  readonly #executor: ServeOptions["executor"];
  readonly #waiting = new Set<() => void>();
  #robot: Robot | null = null;

  private constructor(gateway: FakeGateway, executor: ServeOptions["executor"]) {
    this.gateway = gateway;
    this.file = gateway.enroll("worker");
    this.#executor = executor;
  }

  static async start(executor: ServeOptions["executor"]): Promise<ProviderStand> {
    const stand = new ProviderStand(await FakeGateway.start(), executor);
    await stand.connect();
    return stand;
  }

  get robot(): Robot {
    if (!this.#robot) throw new Error("not connected yet");
    return this.#robot;
  }

  async connect(): Promise<void> {
    this.#robot = await connect({ lanes: "trustGateway", file: this.file, factsheet: RUNS });
    this.#robot.listen((event) => {
      this.events.push(event);
      for (const look of this.#waiting) look();
    });
  }

  async stop(): Promise<void> {
    await this.robot.close();
    await this.gateway.drop();
  }

  /** Asks an atomic unit for each fuel and trusts the modules above, unless told. */
  serve(more: Partial<ServeOptions> = {}): Serving {
    const trust = trusting(echo, trap, endless, large);
    const terms = { executor: this.#executor, trust, rate: () => UNIT_RATE, concurrency: 2 };
    return this.robot.serve({ ...terms, ...more });
  }

  announce(more: Partial<Message<"announce">> = {}): void {
    this.gateway.say(this.file, "announce", this.announcement(more));
  }

  announcement(more: Partial<Message<"announce">> = {}): Message<"announce"> {
    return {
      ...{ version: 1, task, requester, firmware: this.gateway.keep(echo), firmwareBytes: echo.length },
      ...{ inputBytes: input.length, maxPrice: amount(900n), bidBy: soon(5_000), deadline: soon(60_000) },
      ...{ ...RUN_TERMS, fuelLimit, ...more },
    };
  }

  /** The gateway awards, and says so. */
  async give(more: Partial<Message<"award">> = {}, by = this.gateway.signer): Promise<Message<"award">> {
    const award = await this.award(more, by);
    this.gateway.say(this.file, "award", award);
    return award;
  }

  giveModule(module: Uint8Array, more: Partial<Message<"award">> = {}): Promise<Message<"award">> {
    return this.give({ firmware: this.gateway.keep(module), firmwareBytes: module.length, ...more });
  }

  award(more: Partial<Message<"award">> = {}, by = this.gateway.signer): Promise<Message<"award">> {
    const { gateway, robot } = this;
    return gateway.award(
      {
        ...{ task, role: "run", requester, provider: robot.address, firmware: gateway.keep(echo) },
        ...{ firmwareBytes: echo.length, input: gateway.keep(input), inputBytes: input.length },
        ...{ rate: UNIT_RATE, feeBasisPoints: 200, acceptBy: soon(5_000), runBy: soon(20_000) },
        ...{ ...RUN_TERMS, fuelLimit, ...more },
      },
      by,
    );
  }

  ackAll(): void {
    const { gateway, file } = this;
    for (const topic of ["bid", "accept", "result", "forfeit", "decline"] as const) {
      gateway.on(topic, ({ id, task: about }) => gateway.ack(file, id, about));
    }
  }

  refuseAll(topic: "bid" | "accept" | "result", code: RefusalCode): void {
    const { gateway, file } = this;
    gateway.on(topic, ({ id }) => gateway.say(file, "refusal", { version: 1, id, topic, code, hint: "" }));
  }

  /** Resolves when the claim holds; looks again at each event. */
  until(claim: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!claim()) return;
        this.#waiting.delete(look);
        done();
      };
      this.#waiting.add(look);
      look();
    });
  }

  event(kind: RobotEvent["kind"], step?: string): Promise<void> {
    return this.until(() =>
      this.events.some(
        (one) => one.kind === kind && (step === undefined || ("step" in one && one.step === step)),
      ),
    );
  }
}
