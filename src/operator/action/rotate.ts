/** A new key for a device: at once where the gateway keeps it and the board is there, else by what somebody has to do. */
import { existsSync } from "node:fs";
import type { z } from "zod";
import type { WaitingBoard } from "../../link/broker/broker.ts";
import { isTcpPath } from "../../link/serial/tcp-port.ts";
import type { rotation } from "../api/action.ts";
import type { Verb } from "../control/server.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { walletFile } from "../wallet-folder.ts";

export type Rotation = z.output<typeof rotation>;

export type RotationParts = {
  readonly data: string;
  /** Who waits to be paired, see `pairVerbs`. */
  readonly waiting: () => readonly WaitingBoard[];
  readonly pair: Verb;
};

/**
 * A kept wallet gets a new secret once its board waits with an empty store; its key, and so its money, stay. Whoever has
 * a key of its own gets another account by a command that needs its owner's key, which is not here.
 *
 * @throws {@link Fault} as `hirewire device pair --again` does
 */
export async function rotateKey(
  { data, waiting, pair }: RotationParts,
  entry: RosterEntry,
): Promise<Rotation> {
  const { name, device, owner, manufacturer, serialNumber } = entry;
  if (!existsSync(walletFile(data, device))) {
    return owner === null ? ownKey(name) : byOwner(name);
  }
  const board = waiting().find(
    (one) => one.manufacturer === manufacturer && one.serialNumber === serialNumber,
  );
  const command = `hirewire device pair ${name} --again`;
  if (!board) {
    const what = `erase the store of ${name} and plug it in on a serial line of this gateway: it then waits to be paired, and this or the command gives it a new secret; the old one is good until then`;
    return { done: false, command, what };
  }
  if (isTcpPath(board.origin)) {
    const what = `${name} waits on ${board.origin}, and its new secret would cross that network for all to read: pair it on a cable, or give the command where the network is your own`;
    return { done: false, command: `${command} --over-network`, what };
  }
  await pair({ do: "pair", name, manufacturer, serialNumber, cap: null, again: true });
  return {
    done: true,
    command: null,
    what: `${name} has a new secret, and the old one opens nothing any more`,
  };
}

function byOwner(name: string): Rotation {
  return {
    done: false,
    command: `hirewire device replace ${name} --owner-key KEYFILE --out FILE`,
    what: `${name} has a key of its own: its owner gives it another account, and moves its money there; the lost key is off the roster at once`,
  };
}

function ownKey(name: string): Rotation {
  return {
    done: false,
    command: `hirewire device replace ${name} --owner-key KEYFILE --out FILE`,
    what: `${name} has a key of its own and no owner in the roster: the command works if one was named on the chain, else that key alone moves its money: hirewire withdraw all --to ADDRESS --device ${name} --key FILE, then enrol it anew`,
  };
}
