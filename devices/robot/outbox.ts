/**
 * Commands on their way to the gateway, until it has taken note of them.
 *
 * A command is repeated byte for byte, under the same id, when a session begins and every {@link REPEAT_MS} without
 * an answer; the gateway gives a repeated command the answer it gave before. Repeats keep the order of the first
 * time, so that vouchers arrive in growing order.
 */
import type { Clock } from "../../src/base/clock.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { CommandTopic, Topic } from "../../src/protocol/topic.ts";

export type Reply =
  | { readonly acked: Message<"ack"> }
  | { readonly refused: Message<"refusal"> }
  /** The robot was closed first. */
  | { readonly stopped: true };

/** Sends one message now; false when there is no session, and nothing was sent. */
export type Publish = <T extends Topic>(topic: T, message: Message<T>) => boolean;

type Command = {
  readonly send: () => boolean;
  /** Repeated at each session even when acked, until closed. */
  readonly kept: boolean;
  readonly heard: (reply: Reply) => void;
  acked: boolean;
  unwatch: () => void;
};

/** Milliseconds after which an unanswered command is sent again. */
const REPEAT_MS = 5_000;

const nothing = () => {};

export class Outbox {
  readonly #publish: Publish;
  readonly #clock: Clock;
  readonly #commands = new Map<string, Command>();
  #isStopped: boolean = false;

  constructor(publish: Publish, clock: Clock) {
    this.#publish = publish;
    this.#clock = clock;
  }

  /**
   * Sends a command and sees it through.
   *
   * @param heard - called at each ack, and once at a refusal or stop, which also end the repeats
   * @param kept - repeat it at each session until {@link close}, not only until its ack
   */
  send<T extends CommandTopic>(
    topic: T,
    message: Message<T> & { readonly id: string },
    heard: (reply: Reply) => void = nothing,
    kept = false,
  ): void {
    const send = () => this.#publish(topic, message);
    if (this.#isStopped) {
      heard({ stopped: true });
      return;
    }
    const command: Command = { send, kept, heard, acked: false, unwatch: nothing };
    this.#commands.set(message.id, command);
    this.#dispatch(command);
  }

  /** Hands an ack or refusal to the command it names; false when it names none of ours. */
  answer(id: string, reply: Reply): boolean {
    const command = this.#commands.get(id);
    if (!command) return false;
    command.unwatch();
    if ("acked" in reply && command.kept) command.acked = true;
    else this.#commands.delete(id);
    command.heard(reply);
    return true;
  }

  /** Ends the repeats of a kept command: what it was for has come. */
  close(id: string): void {
    this.#commands.get(id)?.unwatch();
    this.#commands.delete(id);
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
    const commands = [...this.#commands.values()];
    this.#commands.clear();
    for (const command of commands) {
      command.unwatch();
      command.heard({ stopped: true });
    }
  }

  // Without a session nobody watches the clock: the next session repeats it.
  #dispatch(command: Command): void {
    if (!command.send() || command.acked) return;
    command.unwatch = this.#clock.after(REPEAT_MS, () => this.#dispatch(command));
  }
}
