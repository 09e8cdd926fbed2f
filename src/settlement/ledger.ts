/** What settlement reads of the gateway's state. It changes it only by facts. */
import type { Hex } from "../base/bytes.ts";
import type { PendingTransaction } from "../exchange/state.ts";
import { type Lane, newLane } from "../payment/lane.ts";
import type { PaymentState } from "../payment/payment.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { LaneKey } from "./chain.ts";

export type Ledger = {
  readonly payment: PaymentState;
  /** Journalled and not over, in the order of the journal. */
  readonly transactions: ReadonlyMap<Hex, PendingTransaction>;
  readonly devices: () => readonly Hex[];
  /** Whether the gateway keeps a lane to this device filled; to everybody unless told. */
  readonly isFunded?: (device: Hex) => boolean;
  /** When the newest claim was recorded; 0 before the first. */
  readonly claimedAt: () => number;
};

/** A lane's name, for maps and messages. */
export function laneName({ payer, payee }: LaneKey): string {
  return `${payer} → ${payee}`;
}

/** The lanes of everybody who is enrolled, or was and still has a lane: both ways. */
export function laneKeys({ devices, payment }: Ledger, { gateway, token }: Market): LaneKey[] {
  const others = new Set([...devices(), ...payment.incoming.keys(), ...payment.outgoing.keys()]);
  return [...others].flatMap((device) => [
    { payer: device, payee: gateway, token },
    { payer: gateway, payee: device, token },
  ]);
}

/** The lane as the journal has it; null when it was never seen. */
export function journalled({ payment }: Ledger, { gateway }: Market, key: LaneKey): Lane | null {
  const lane = key.payee === gateway ? payment.incoming.get(key.payer) : payment.outgoing.get(key.payee);
  return lane ?? null;
}

/** The lane as the journal has it; one that was never seen is empty. */
export function knownLane(ledger: Ledger, market: Market, key: LaneKey): Lane {
  return journalled(ledger, market, key) ?? newLane(key.payer, key.payee, key.token);
}
