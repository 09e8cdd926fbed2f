/** A chain with a vault on it, a gateway's folder, and `hirewire watchtower` with a gas key that owns nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { watchtowerCommand } from "../../../src/operator/watchtower/command.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import { type Actor, startWorld } from "../../settlement/world.ts";

export type TowerWorld = Awaited<ReturnType<typeof openTowerWorld>>;

/** A watchtower that runs until it is stopped. */
export type Running = {
  readonly lines: Record<string, unknown>[];
  /** The first line that is so, now or later. */
  readonly line: (is: (line: Record<string, unknown>) => boolean) => Promise<Record<string, unknown>>;
  readonly stop: () => Promise<number>;
};

export async function openTowerWorld() {
  const world = await startWorld();
  const { chainId, vault, token, local } = world;
  const [gateway, robot, arm] = world.others as [Actor, Actor, Actor];
  const folder = mkdtempSync(join(tmpdir(), "watchtower-"));
  const gasKey = randomKey();
  const gas = addressOfKey(gasKey);
  const setGas = (wei: bigint) => world.rpc("anvil_setBalance", [gas, `0x${wei.toString(16)}`]);
  await setGas(10n ** 18n);
  const path = (name: string) => join(folder, name);

  const voucher = async (payer: Actor, payee: Actor, units: bigint, epoch = 0): Promise<Voucher> => {
    return { ...(await world.voucher(payer, payee, epoch, units)), token, chainId, vault };
  };
  const received = (payer: Actor, one: Voucher): Fact => ({
    ...{ kind: "voucherReceived", payer: payer.address, amount: one.cumulative, voucher: one, postings: [] },
  });
  /** What a gateway writes, in a data folder of this name. */
  const journal = (name: string, ...records: (readonly Fact[])[]) => {
    const book = openJournal(path(name));
    const cause = { by: null, topic: "test", id: "", digest: "", refused: null };
    book.append(records.map((facts) => ({ at: systemClock.now(), cause, facts })));
    book.close();
    return path(name);
  };
  const started: Fact = {
    ...{
      kind: "gatewayStarted",
      gateway: gateway.address,
      chainId,
      vault,
      token,
      decimals: 6,
      feeBasisPoints: 0,
    },
  };
  const paidOut = (payee: Actor, one: Voucher): Fact => ({
    ...{ kind: "creditPaidOut", device: payee.address, amount: amount(1n), voucher: one, postings: [] },
  });

  const ports = (stop: AbortSignal) => ({ keys: { read: () => gasKey }, clock: systemClock, stop });
  const common = (data: string) => [
    ...["--rpc", local.url, "--vault", vault, "--gas-key", "gas.key", "--confirmations", "1"],
    ...["--every", "1", "--data", path(data)],
  ];
  /** Runs the command to its end; without `common` arguments where `args` are all. */
  const call = async (args: readonly string[]) => {
    let [written, warned] = ["", ""];
    const io = {
      write: (text: string) => {
        written += text;
      },
      warn: (text: string) => {
        warned += text;
      },
      isTerminal: false,
    };
    const code = await watchtowerCommand([...args], io, ports(new AbortController().signal));
    return { code, written, warned };
  };
  const once = async (data: string, ...args: string[]) => {
    const { code, written } = await call([...common(data), "--once", "--json", ...args]);
    const lines = written.split("\n").filter((line) => line !== "");
    return { code, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };
  const start = (data: string, ...args: string[]): Running => {
    const stop = new AbortController();
    const lines: Record<string, unknown>[] = [];
    const waiting = new Set<() => void>();
    const write = (text: string) => {
      lines.push(JSON.parse(text) as Record<string, unknown>);
      for (const look of waiting) look();
    };
    const io = { write, warn: write, isTerminal: false };
    const ended = watchtowerCommand([...common(data), "--json", ...args], io, ports(stop.signal));
    return {
      lines,
      line: (is) => {
        const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
        const look = () => {
          const found = lines.find(is);
          if (found) resolve(found);
        };
        waiting.add(look);
        ended.catch(reject);
        look();
        return promise.finally(() => waiting.delete(look));
      },
      stop: () => {
        stop.abort();
        return ended;
      },
    };
  };
  return {
    ...{ world, gateway, robot, arm, gas, setGas, folder, path },
    ...{ voucher, received, paidOut, started, journal, call, once, start, common },
    put: (name: string, text: string) => {
      writeFileSync(path(name), text);
      return path(name);
    },
    requestClose: (payer: Actor, payee: Actor) =>
      world.send(payer, vault, "requestClose", [payer.address, payee.address, token]),
    finalizeClose: (payer: Actor, payee: Actor) =>
      world.send(world.owner, vault, "finalizeClose", [payer.address, payee.address, token]),
    stop: async () => {
      await local.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
