/** The two ends of a lane as a command means them, and how they are called. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { Chain, LaneKey } from "../../settlement/chain.ts";
import { type Account, findAccount } from "../money/account.ts";
import type { MoneyPorts } from "../money/journey.ts";
import { readGatewayKey, type Settings } from "../settings.ts";

/** A lane between the gateway and one device. */
export type Ends = {
  readonly device: Account;
  readonly gateway: Account;
  /** Whose money is in it. */
  readonly payer: Account;
  readonly payee: Account;
  readonly key: LaneKey;
};

/** What a lane command works on. */
export type LaneContext = {
  readonly settings: Settings;
  readonly ports: MoneyPorts;
  readonly chain: Chain;
  readonly decimals: number;
  readonly ends: Ends;
};

/**
 * The lane that a command names.
 *
 * @param isIncoming - from the device to the gateway, else the other way
 * @throws {@link Fault} `usage` when there is no such device, `key_file` when the gateway has no key
 */
export function endsOf(settings: Settings, ports: MoneyPorts, typed: string, isIncoming: boolean): Ends {
  const device = findAccount(settings, ports.keys, typed, "hirewire lane list");
  if (device.isGateway) throw new Fault("usage", "name the device at the other end of the lane");
  const address: Hex = addressOfKey(readGatewayKey(settings, ports.keys));
  const gateway: Account = { address, name: "the gateway", isGateway: true };
  const [payer, payee] = isIncoming ? [device, gateway] : [gateway, device];
  const key = { payer: payer.address, payee: payee.address, token: settings.chain.token };
  return { device, gateway, payer, payee, key };
}

/** `robot-1 → the gateway` */
export function laneTitle({ payer, payee }: Ends): string {
  return `${payer.name} → ${payee.name}`;
}
