/**
 * Commands on their way to the gateway, until it has taken note of them.
 *
 * A command is repeated byte for byte, under the same id, when a session begins and every {@link REPEAT_MS} without
 * an answer; the gateway gives a repeated command the answer it gave before. Repeats keep the order of the first
 * time, so that vouchers arrive in growing order.
 *
 * What waits is bounded. Whatever begins something (an offer, a bid, a payout) takes a {@link Place} before anything is
 * signed for it. What goes on with something that had one (an accept, a result, a voucher, a cancellation) needs none:
 * a queue full of offers never keeps a result back, and there is no more of it than was begun.
 */
import type { Clock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { encodeMessage, type Message } from "../../src/protocol/message.ts";
import type { CommandTopic, Topic } from "../../src/protocol/topic.ts";

export type Reply =
  | { readonly acked: Message<"ack"> }
  | { readonly refused: Message<"refusal"> }
  /** The robot was closed first. */
  | { readonly stopped: true };

/** Sends one message now; false when there is no session, and nothing was sent. */
export type Publish = <T extends Topic>(topic: T, message: Message<T>) => boolean;

/** The most that may wait for an answer before something new is begun. */
export type QueueLimits = {
  /** Commands; 1,024 unless told. */
  readonly commands: number;
  /** Bytes of their messages; 4 MiB unless told. */
  readonly bytes: number;
};

/** Commands that the gateway has not answered. */
export type Waiting = {
  /** Never sent: there was no session. */
  readonly queued: number;
  readonly sent: number;
  /** Bytes of both. */
  readonly bytes: number;
};

/** Room for one command that begins something. */
export type Place = {
  /** Gives it back; does nothing once the command has taken it. */
  readonly free: () => void;
};

export type SendOptions = {
  /** Called at each ack, and once at a refusal or stop, which also end the repeats. */
  readonly heard?: (reply: Reply) => void;
  /** Repeated at each session until {@link Outbox.close}, not only until its ack. */
  readonly kept?: boolean;
  /** Its room, for a command that begins something. */
  readonly place?: Place;
};

type Command = {
  readonly send: () => boolean;
  readonly kept: boolean;
  readonly heard: (reply: Reply) => void;
  readonly bytes: number;
  isSent: boolean;
  isAcked: boolean;
  unwatch: () => void;
};

const LIMITS: QueueLimits = { commands: 1_024, bytes: 4_194_304 };
/** Milliseconds after which an unanswered command is sent again. */
const REPEAT_MS = 5_000;
/** What a command is taken to need before it is written, bytes: more than any without a manifest does. */
const COMMAND_BYTES = 2_048;

const nothing = () => {};

export class Outbox {
  readonly #publish: Publish;
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #commands = new Map<string, Command>();
  /** Bytes of each place that no command has taken yet. */
  readonly #places = new Map<Place, number>();
  #isStopped: boolean = false;
  /** Unanswered commands and places together. */
  #count = 0;
  #bytes = 0;

  constructor(publish: Publish, clock: Clock, limits: Partial<QueueLimits> = {}) {
    this.#publish = publish;
    this.#clock = clock;
    this.#limits = { ...LIMITS, ...limits };
  }

  get waiting(): Waiting {
    let queued = 0;
    let sent = 0;
    let bytes = 0;
    for (const command of this.#commands.values()) {
      if (command.isAcked) continue;
      if (command.isSent) sent++;
      else queued++;
      bytes += command.bytes;
    }
    return { queued, sent, bytes };
  }

  /** Whether something new may be begun. */
  hasRoom(bytes = COMMAND_BYTES): boolean {
    return this.#count < this.#limits.commands && this.#bytes + bytes <= this.#limits.bytes;
  }

  /**
   * Takes room for a command that begins something, which {@link send} is given or {@link Place.free} gives back.
   *
   * @param bytes - of its message, at most; what it turns out to be counts from then on
   * @throws {@link Fault} `queue_full`
   */
  reserve(bytes = COMMAND_BYTES): Place {
    if (!this.hasRoom(bytes)) {
      const { commands: mostCommands, bytes: mostBytes } = this.#limits;
      const facts = { commands: this.#count, bytes: this.#bytes, mostCommands, mostBytes };
      throw new Fault("queue_full", "too many commands wait for the gateway's answer", { facts });
    }
    const place: Place = { free: () => this.#free(place) };
    this.#places.set(place, bytes);
    this.#grow(1, bytes);
    return place;
  }

  /** Sends a command and sees it through. */
  send<T extends CommandTopic>(
    topic: T,
    message: Message<T> & { readonly id: string },
    { heard = nothing, kept = false, place }: SendOptions = {},
  ): void {
    place?.free();
    if (this.#isStopped) {
      heard({ stopped: true });
      return;
    }
    const bytes = Buffer.byteLength(encodeMessage(topic, message));
    const send = () => this.#publish(topic, message);
    const state = { isSent: false, isAcked: false, unwatch: nothing };
    const command: Command = { send, kept, heard, bytes, ...state };
    this.#commands.set(message.id, command);
    this.#grow(1, bytes);
    this.#dispatch(command);
  }

  /** Hands an ack or refusal to the command it names; false when it names none of ours. */
  answer(id: string, reply: Reply): boolean {
    const command = this.#commands.get(id);
    if (!command) return false;
    command.unwatch();
    if ("acked" in reply && command.kept) this.#acked(command);
    else this.#remove(id, command);
    command.heard(reply);
    return true;
  }

  /** Ends the repeats of a kept command: what it was for has come. */
  close(id: string): void {
    const command = this.#commands.get(id);
    if (command) this.#remove(id, command);
  }

  /** Takes back a command that was never sent; false when the gateway may know it, and it stays as it is. */
  withdraw(id: string): boolean {
    const command = this.#commands.get(id);
    if (!command || command.isSent) return false;
    this.#remove(id, command);
    return true;
  }

  /** A session has begun: says again all that still waits. */
  repeat(): void {
    for (const command of this.#commands.values()) {
      command.unwatch();
      this.#dispatch(command);
    }
  }

  /** Ends everything; who still waits hears `stopped`, and so does who sends later. */
  stop(): void {
    this.#isStopped = true;
    for (const [id, command] of [...this.#commands]) {
      this.#remove(id, command);
      command.heard({ stopped: true });
    }
  }

  // Without a session nobody watches the clock: the next session repeats it.
  #dispatch(command: Command): void {
    if (!command.send()) return;
    command.isSent = true;
    if (command.isAcked) return;
    command.unwatch = this.#clock.after(REPEAT_MS, () => this.#dispatch(command));
  }

  #acked(command: Command): void {
    if (!command.isAcked) this.#grow(-1, -command.bytes);
    command.isAcked = true;
  }

  #remove(id: string, command: Command): void {
    command.unwatch();
    this.#commands.delete(id);
    if (!command.isAcked) this.#grow(-1, -command.bytes);
  }

  #free(place: Place): void {
    const bytes = this.#places.get(place);
    if (bytes === undefined) return;
    this.#places.delete(place);
    this.#grow(-1, -bytes);
  }

  #grow(count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
  }
}
