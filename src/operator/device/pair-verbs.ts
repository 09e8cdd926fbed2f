/**
 * What `hirewire device pair` asks of a running gateway: which boards wait on its lines, and to pair one of them.
 *
 * Nothing is half done: the board saves and proves it, then the wallet is written, then the roster; and before the board's
 * proof is acknowledged the gateway has read both. One pairing at a time, so that no name is given twice.
 */
import { existsSync } from "node:fs";
import { z } from "zod";
import { fromHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import type { Broker, WaitingBoard } from "../../link/broker/broker.ts";
import { isTcpPath } from "../../link/serial/tcp-port.ts";
import { GUEST, OPERATOR } from "../../market/roster.ts";
import { isProof } from "../../protocol/pairing.ts";
import { address, topicLevel } from "../../protocol/scalar.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { ControlRequest, Verb } from "../control/server.ts";
import { claimOf, type RosterEntry, readRoster, rosterFile } from "../roster-folder.ts";
import { type Wallet, walletFile } from "../wallet-folder.ts";
import { newPairing, type Pairing, pairingOf, savePairing } from "./pairing.ts";
import { deviceName, keepOrder, onDisk, ownerOrder, refuseTaken } from "./place.ts";

export type PairParts = {
  readonly data: string;
  readonly market: Market;
  readonly decimals: number;
  readonly clock: Pick<Clock, "now">;
  readonly boards: Pick<Broker, "waiting" | "pair">;
  /** Opens the wallet in a file. */
  readonly readWallet: (path: string) => Wallet;
  /** Reads roster and wallets again. */
  readonly refresh: () => Promise<void>;
};

const requestSchema = z.object({
  name: topicLevel,
  manufacturer: topicLevel.nullable().default(null),
  serialNumber: topicLevel.nullable().default(null),
  /** A decimal; null only for a wallet that is there already, whose cap then stays. */
  cap: z.string().max(64).nullable(),
  owner: address.nullable().default(null),
  overNetwork: z.boolean().default(false),
  /** The wallet of this name is there: it gets a new secret, for the board that waits. */
  again: z.boolean().default(false),
});

type Request = z.output<typeof requestSchema>;

/**
 * The verbs `waiting` and `pair`.
 *
 * They throw {@link Fault} `usage` for a request that cannot be carried out, and as {@link Broker.pair}.
 */
export function pairVerbs(parts: PairParts): Readonly<Record<"waiting" | "pair", Verb>> {
  let before: Promise<unknown> = Promise.resolve();
  return {
    waiting: () => Promise.resolve({ boards: parts.boards.waiting().map(boardAsJson) }),
    pair: (request) => {
      const turn = before.then(() => pair(parts, shaped(request)));
      before = turn.catch(() => undefined);
      return turn;
    },
  };
}

async function pair(parts: PairParts, request: Request): Promise<object> {
  const { data, market, clock, boards, refresh } = parts;
  deviceName([request.name], "hirewire device pair NAME");
  if (request.cap !== null) parseAmount(request.cap, parts.decimals);
  const board = chosen(boards.waiting(), request);
  if (isTcpPath(board.origin) && !request.overNetwork) {
    const words = `${board.serialNumber} waits on ${board.origin}, and its secret would cross that network for all to read`;
    throw new Fault(
      "usage",
      `${words}: pair it on a cable, or give --over-network where the network is your own`,
    );
  }
  const prepare = () => (request.again ? renewed(parts, request, board) : fresh(parts, request, board));
  const pairing = onDisk(prepare);
  const { entry, wallet, file } = pairing;
  const key = fromHex(wallet.key);
  const order = request.again
    ? null
    : await ownerOrder(entry, key, { id: market.chainId, ...market }, clock.now());
  await boards.pair(board, {
    message: file,
    isProof: (proof) => isProof(file, proof),
    save: async () => {
      onDisk(() => {
        // other commands may have taken the place meanwhile, or changed cap and budget
        const now = prepare();
        if (request.again && now.entry.device !== entry.device) {
          throw new Fault("usage", `${entry.name} has another key by now: nothing was changed`);
        }
        const saved = {
          ...{ file, wallet: { ...wallet, cap: now.wallet.cap } },
          entry: { ...now.entry, device: entry.device },
        };
        savePairing(data, saved, () => keepOrder(data, entry.name, order));
      });
      await refresh();
    },
  });
  const { device, name, owner } = entry;
  return { device, name, ...boardAsJson(board), cap: wallet.cap, owner };
}

function fresh({ data, market }: PairParts, request: Request, board: WaitingBoard): Pairing {
  const { name, owner, cap } = request;
  if (cap === null) throw new Fault("usage", "a new wallet needs a cap");
  const { manufacturer, serialNumber } = board;
  if (manufacturer === GUEST || manufacturer === OPERATOR) {
    const others =
      manufacturer === GUEST ? "devices that nobody has enrolled" : "the gateway's own requester";
    throw new Fault("usage", `a board cannot have the manufacturer ${manufacturer}: that is for ${others}`);
  }
  const pairing = newPairing(market, { name, manufacturer, serialNumber, owner, cap });
  const { entries } = readRoster(data);
  const claim = claimOf(pairing.entry, entries);
  if (claim?.what === "topics" && existsSync(walletFile(data, claim.by.device))) {
    const words = `${manufacturer}/${serialNumber} was paired as ${claim.by.name} before`;
    throw new Fault(
      "usage",
      `${words}: give it its wallet back with hirewire device pair ${claim.by.name} --again`,
    );
  }
  refuseTaken(pairing.entry, entries, rosterFile(data, name));
  return pairing;
}

function renewed({ data, market, readWallet }: PairParts, request: Request, board: WaitingBoard): Pairing {
  const { entries } = readRoster(data);
  const entry = entries.find(({ name }) => name.toLowerCase() === request.name.toLowerCase());
  const file = entry && walletFile(data, entry.device);
  if (!entry || !file || !existsSync(file)) {
    const what = entry ? "has its own key, and no wallet here" : "is not enrolled";
    throw new Fault("usage", `${request.name} ${what}: leave --again away for a new wallet`);
  }
  const wallet = readWallet(file);
  const { manufacturer, serialNumber } = board;
  const isMoved = manufacturer !== entry.manufacturer || serialNumber !== entry.serialNumber;
  if (isMoved && request.serialNumber === null) {
    const words = `${inWords(board)} waits, and the wallet is ${entry.manufacturer}/${entry.serialNumber}'s`;
    throw new Fault("usage", `${words}: to give it to that board, add --serial ${serialNumber}`);
  }
  const moved: RosterEntry = { ...entry, manufacturer, serialNumber };
  const others = entries.filter(({ device }) => device !== entry.device);
  const claim = claimOf(moved, others);
  if (claim) {
    throw new Fault(
      "usage",
      `${manufacturer}/${serialNumber} belongs to ${claim.by.name} (${claim.by.device})`,
    );
  }
  return pairingOf(market, moved, { ...wallet, cap: request.cap ?? wallet.cap });
}

function chosen(boards: readonly WaitingBoard[], { serialNumber, manufacturer }: Request): WaitingBoard {
  const isMeant = (one: WaitingBoard) =>
    (serialNumber === null || one.serialNumber === serialNumber) &&
    (manufacturer === null || one.manufacturer === manufacturer);
  const [board, ...others] = boards.filter(isMeant);
  if (board && others.length === 0) return board;
  const list = boards.map(inWords).join("; ");
  if (board && serialNumber === null) {
    throw new Fault("usage", `${boards.length} boards wait, say which with --serial: ${list}`);
  }
  if (board)
    throw new Fault(
      "usage",
      `more than one board says that it is ${serialNumber}: ${list}: unplug the others`,
    );
  if (boards.length > 0)
    throw new Fault("usage", `no board ${wanted(serialNumber, manufacturer)} waits, but: ${list}`);
  throw new Fault("usage", `no board waits to be paired: ${HOW}`);
}

const HOW =
  "plug one in on a line of [[serial]] whose store is empty; one that was paired before forgets when its store is erased";

function wanted(serialNumber: string | null, manufacturer: string | null): string {
  return [manufacturer, serialNumber].filter((one) => one !== null).join("/");
}

function inWords({ manufacturer, serialNumber, origin }: WaitingBoard): string {
  return `${manufacturer}/${serialNumber} on ${origin}`;
}

function boardAsJson({ manufacturer, serialNumber, model, origin }: WaitingBoard) {
  return { manufacturer, serialNumber, model, line: origin };
}

function shaped(request: ControlRequest): Request {
  const found = requestSchema.safeDecode(request as never);
  if (found.success) return found.data;
  const why = z.prettifyError(found.error).replaceAll(/\s+/g, " ");
  throw new Fault("usage", `the gateway cannot pair like this: ${why}`);
}
