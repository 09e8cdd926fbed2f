/** A gateway's folder, with a broker, its roster and its control socket over it, and boards that are plugged into it. */
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { onTestFinished } from "vitest";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { readConfig } from "../../../src/config.ts";
import { Enrolment } from "../../../src/enrolment.ts";
import { emptyState } from "../../../src/exchange/state.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import type { BrokerLimits } from "../../../src/link/broker/limits.ts";
import { applyToRoster } from "../../../src/market/roster.ts";
import { startControl } from "../../../src/operator/control/server.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { pairVerbs } from "../../../src/operator/device/pair-verbs.ts";
import type { PairingFile } from "../../../src/protocol/pairing.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { KeptBoard } from "../../link/broker/kept-board.ts";
import { BOARD, plugIn } from "../../link/broker/pairing-board.ts";
import { rawClient } from "../../link/broker/raw-client.ts";
import { openStand } from "./stand.ts";

export type PairStand = Awaited<ReturnType<typeof openPairStand>>;

/** Nothing of it is a stand-in but the chain and the journal, which no pairing needs. */
export async function openPairStand(
  limits: Partial<BrokerLimits> = {},
  afterRefresh: () => Promise<void> = () => Promise.resolve(),
) {
  const stand = openStand();
  onTestFinished(() => stand.remove());
  const config = readConfig(stand.config);
  // the first enrolment makes key and folder
  await stand.run(deviceCommand, "add", "robot-1");
  const gateway = addressOfKey(stand.ports.keys.read(join(stand.data, "gateway.key")));
  const { vault, token } = config.chain;
  const market: Market = { chainId: config.chain.id, gateway, vault, token };
  const state = emptyState();
  const faults: unknown[] = [];
  const refused: string[] = [];
  const events = new EventEmitter();
  const enrolment = new Enrolment({
    ...{ config, market, decimals: 6, state, clock: systemClock },
    chain: { lanes: () => Promise.reject(new Error("no chain")) },
    readSecret: (path) => readFileSync(path, "utf8"),
    record(facts) {
      for (const fact of facts) applyToRoster(state.roster, fact);
      return Promise.resolve();
    },
    onChange() {
      events.emit("change");
      return Promise.resolve();
    },
    onFault: (fault) => faults.push(fault),
  });
  const broker = await startEmbeddedBroker({
    ...{ listen: [], market, clock: systemClock, boot: systemClock.now(), limits },
    callbacks: {
      admit: (device) => enrolment.admit(device),
      secretOf: (device) => enrolment.keptWallet(device)?.secret ?? null,
      onPublish: () => Promise.resolve(),
      onReady: () => void events.emit("change"),
      onGone: () => {},
      onRefused: (refusal) => {
        refused.push(refusal.refused);
        events.emit("change");
      },
    },
  });
  await enrolment.start();
  const verbs = pairVerbs({
    ...{ data: stand.data, market, decimals: 6, clock: systemClock, boards: broker },
    ...{ readWallet: stand.ports.keys.wallet, refresh: () => enrolment.refresh().then(afterRefresh) },
  });
  let asked = 0;
  const control = await startControl(stand.data, {
    ...verbs,
    pair: (request) => {
      const answer = verbs.pair(request);
      asked++;
      events.emit("change");
      return answer;
    },
  });
  onTestFinished(async () => {
    await control.stop();
    await enrolment.stop();
    await broker.stop();
  });
  const wire = (line: string) => {
    const [ours, theirs] = duplexPair();
    broker.attach(ours, line);
    return theirs;
  };
  return {
    ...stand,
    market,
    broker,
    enrolment,
    faults,
    refused,
    /** How often the gateway was asked to pair. */
    asked: () => asked,
    /** Resolves when `check` holds; it is asked whenever the roster was read, somebody was refused or pairing was asked for. */
    changed: async (check: () => boolean) => {
      while (!check()) await once(events, "change");
    },
    stopControl: () => control.stop(),
    device: (...args: readonly string[]) => stand.run(deviceCommand, ...args),
    /** A board that waits on a line. */
    board: async (serialNumber: string, line = "/dev/ttyACM0", manufacturer = BOARD.manufacturer) => {
      const board = await plugIn(wire(line), { ...BOARD, manufacturer, serialNumber });
      await board.wait();
      return board;
    },
    /** A board that logs in with what it was paired with; `null` when it is let in, else the code of its refusal. */
    login: async ({ gateway, device, manufacturer, serialNumber, secret }: PairingFile) => {
      const name = { manufacturer, serialNumber };
      const line = rawClient(wire("/dev/ttyACM9"));
      const before = refused.length;
      await KeptBoard.login(line, { gateway, device: device as Hex, name, secret: fromHex(secret) });
      for (;;) {
        if (broker.sessions().some((session) => session.device === device)) return null;
        if (refused.length > before) return refused.at(-1);
        await once(events, "change");
      }
    },
  };
}

/** What a board does that is given its pairing and saves it. */
export async function obey(board: Awaited<ReturnType<PairStand["board"]>>): Promise<PairingFile> {
  const file = await board.given();
  board.prove(file);
  await board.hear();
  return file;
}

/** Pairs a board as board-7, which leaves then. */
export async function pairBoard(stand: PairStand, ...args: readonly string[]): Promise<PairingFile> {
  const board = await stand.board("b-1");
  const [, file] = await Promise.all([stand.device("pair", "board-7", ...args), obey(board)]);
  await board.leave();
  return file;
}
