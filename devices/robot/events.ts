/** What a robot tells the program it lives in, in past tense. */
import type { Hex } from "../../src/base/bytes.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";

export type Role = Message<"award">["role"];

/** What this device said or learned about one task. */
export type TaskStep =
  | "offered"
  | "invoiced"
  | "bid"
  | "declined"
  | "accepted"
  | "running"
  | "delivered"
  | "forfeited"
  | Message<"answer">["state"];

/**
 * What the gateway has broken: a paid task without a receipt that proves the bill, a payment that its voucher does not cover, a result that
 * was not paid for in time, an invoice or an answer that is not what was agreed.
 */
export type Breach = "receipt_missing" | "underpaid" | "unpaid" | "wrong_invoice" | "wrong_answer";

export type RobotEvent =
  | { readonly kind: "connected"; readonly terms: Terms }
  /** The session is over, or a try to begin one failed; told again when it fails for another reason. */
  | { readonly kind: "disconnected"; readonly reason: string }
  | {
      readonly kind: "task";
      readonly task: Hex;
      readonly side: "requester" | "provider";
      readonly step: TaskStep;
      readonly reason: string;
    }
  | {
      /** How far a task has come: bytes or milliseconds, as {@link import("./order.ts").Progress} says. */
      readonly kind: "progress";
      readonly task: Hex;
      readonly side: "requester" | "provider";
      readonly step: "uploading" | "offered" | Message<"progress">["step"] | "downloading";
      readonly done: number;
      readonly total: number;
    }
  | {
      /** A voucher of the gateway that is worth more than the ones before it. */
      readonly kind: "payment";
      readonly task: Hex | null;
      readonly role: Role | null;
      readonly amount: Amount;
      readonly cumulative: Amount;
    }
  | { readonly kind: "receipt"; readonly receipt: Message<"receipt"> }
  | {
      /** The gateway has not kept its word on a task. */
      readonly kind: "breached";
      readonly task: Hex;
      readonly side: "requester" | "provider";
      readonly breach: Breach;
      readonly reason: string;
    }
  | {
      /** The gateway took an offer and has not answered it in time. `exposure` is all that it could run away with. */
      readonly kind: "gatewayOverdue";
      readonly task: Hex;
      readonly need: Amount;
      readonly exposure: Amount;
    }
  | { readonly kind: "refusal"; readonly refusal: Message<"refusal"> }
  /** Our own side failed: a disk, a child process. What it was for stays undone. */
  | { readonly kind: "fault"; readonly error: unknown }
  /** Something came that no honest gateway sends, or nobody asked for; nothing was done about it. */
  | { readonly kind: "ignored"; readonly topic: string; readonly reason: string };

export type RobotListener = (event: RobotEvent) => void;

/** Passes events on, in order, each in its own microtask: a listener that throws stops neither us nor the others. */
export class Events {
  readonly #listeners = new Set<RobotListener>();

  /** Returns the function that ends it. */
  listen(listener: RobotListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  emit(event: RobotEvent): void {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(event);
      });
    }
  }
}
