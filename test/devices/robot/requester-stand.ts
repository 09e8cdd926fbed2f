/** A requester at a scripted gateway, and the answers that an honest one gives. */
import type { ConnectionFile } from "../../../devices/robot/connection-file.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect, type Robot, type RobotOptions } from "../../../devices/robot/robot.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { type Amount, amount, ZERO } from "../../../src/base/money.ts";
import { keccak256 } from "../../../src/kernels/digest.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { acceptDigest, offerDigest, taskIdOf } from "../../../src/protocol/typed-data.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { echoModule, METER, UNIT_RATE } from "./run-terms.ts";

export const firmware = echoModule();
export const input = new TextEncoder().encode("from A to B");
export const output = new TextEncoder().encode("the way from A to B");
/** Of every invoice. */
export const SALT: Hex = `0x${"5a".repeat(32)}`;

export class RequesterStand {
  readonly gateway: FakeGateway;
  readonly file: ConnectionFile;
  readonly provider: Signer = keySigner(randomKey());
  readonly events: RobotEvent[] = [];
  #robot: Robot | null = null;
  readonly #looks = new Set<() => void>();

  private constructor(gateway: FakeGateway) {
    this.gateway = gateway;
    this.file = gateway.enroll("buyer");
  }

  static async start(options: Partial<RobotOptions> = {}): Promise<RequesterStand> {
    const stand = new RequesterStand(await FakeGateway.start());
    await stand.connect(options);
    return stand;
  }

  get robot(): Robot {
    if (!this.#robot) throw new Error("not connected yet");
    return this.#robot;
  }

  /** Connects the device; anew, after it was closed. */
  async connect(options: Partial<RobotOptions> = {}): Promise<void> {
    this.#robot = await connect({ file: this.file, lanes: "trustGateway", ...options });
    this.robot.listen((event) => {
      this.events.push(event);
      for (const look of this.#looks) look();
    });
  }

  async stop(): Promise<void> {
    await this.robot.close();
    await this.gateway.drop();
  }

  /** Resolves at the first event of this kind from now on, or one there was before. */
  event<K extends RobotEvent["kind"]>(kind: K): Promise<Extract<RobotEvent, { kind: K }>> {
    return new Promise((done) => {
      const look = () => {
        const found = this.events.find((one) => one.kind === kind);
        if (!found) return;
        this.#looks.delete(look);
        done(found as Extract<RobotEvent, { kind: K }>);
      };
      this.#looks.add(look);
      look();
    });
  }

  taskOf(offer: Message<"offer">): Hex {
    return taskIdOf(offerDigest(this.gateway.market, this.robot.address, offer));
  }

  ack(offer: Message<"offer">): void {
    this.gateway.ack(this.file, offer.id, this.taskOf(offer));
  }

  refuse(id: string, code: string): void {
    this.gateway.say(this.file, "refusal", { version: 1, id, topic: "", code, hint: "" });
  }

  /** The answer to an offer, paid for with `spent`: each fuel costs an atomic unit. */
  async answer(
    offer: Message<"offer">,
    spent: Amount,
    more: Partial<Message<"answer">> = {},
    isReceipted: boolean | Partial<Message<"receipt">> = true,
  ): Promise<void> {
    const { gateway, file, provider, robot } = this;
    const task = this.taskOf(offer);
    const hash = gateway.keep(output);
    const done = { verdict: "ok" as const, output: hash, fuel: Number(spent) };
    const work = { firmware: offer.firmware, input: offer.input, ...done, ...METER, rate: UNIT_RATE };
    const parties = { requester: robot.address, provider: provider.address };
    const cost = { price: spent, fee: amount(spent / 50n), checks: ZERO };
    if (isReceipted !== false) {
      const { signature: _, version: __, ...changed } = Object(isReceipted) as Partial<Message<"receipt">>;
      const receipt = await gateway.receipt({ task, ...parties, ...work, ...cost, ...changed });
      gateway.say(file, "receipt", receipt);
    }
    gateway.say(file, "answer", {
      ...{ version: 1, task, state: "paid", reason: "", ...done, outputBytes: output.length },
      ...{ salt: offer.payment === "result" ? SALT : null, spent, credit: ZERO },
      ...{ provider: provider.address, rechecked: false, ...more },
    });
  }

  /** The invoice for an offer on result, all of it right unless told otherwise. */
  async invoice(
    offer: Message<"offer">,
    price: Amount,
    more: Partial<Message<"invoice">> = {},
    by = this.gateway.signer,
  ): Promise<Message<"invoice">> {
    const { gateway, provider, robot } = this;
    const award: Hex = `0x${"a0".repeat(32)}`;
    const accept = await provider.sign(acceptDigest(gateway.market, award));
    const bytes = new Uint8Array([...fromHex(SALT), ...fromHex(gateway.keep(output))]);
    const saltedOutput = keccak256(bytes);
    const named = { task: this.taskOf(offer), provider: provider.address, award, accept, saltedOutput };
    const cost = { price, fee: amount(price / 50n), checks: ZERO };
    const due = instant(Date.now() + 60_000);
    const { signature: _, version: __, ...unsigned } = { signature: null, version: null, ...more };
    const done = { verdict: "ok" as const, fuel: Number(price), rate: UNIT_RATE };
    const whole = { ...named, ...done, outputBytes: output.length, ...cost, due, ...unsigned };
    return await gateway.invoice(robot.address, whole, by);
  }
}
