/** What hiring and serving share: one device's identity, money, commands and bytes. */
import type { Clock, Instant } from "../../src/base/clock.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Message, Terms } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import type { Blobs } from "./blobs.ts";
import type { Events } from "./events.ts";
import type { LaneSight } from "./lane-sight.ts";
import type { Outbox, Publish } from "./outbox.ts";
import type { Takings } from "./takings.ts";
import type { Turn } from "./turn.ts";
import type { Wallet } from "./wallet.ts";

export type RobotParts = {
  readonly market: Market;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Gateway time: what deadlines and bids are written in. */
  readonly now: () => Instant;
  readonly wallet: Wallet;
  readonly lanes: LaneSight;
  readonly takings: Takings;
  /** Whatever signs vouchers, and sends them. */
  readonly turn: Turn;
  /** What the gateway told last; null before the first login. */
  readonly terms: () => Terms | null;
  /** The most that may be with the gateway unspent or unanswered, when so much is needed. */
  readonly creditLimit: (need: Amount) => bigint;
  readonly outbox: Outbox;
  /** Sends now or not at all: for what need not arrive. */
  readonly publish: Publish;
  /** Most bytes of firmware and inputs that are held for the gateway. */
  readonly uploads: number;
  readonly blobs: Blobs;
  readonly events: Events;
  /** What the device says it can do, before it asks any rate. */
  readonly factsheet: Message<"factsheet">;
};
