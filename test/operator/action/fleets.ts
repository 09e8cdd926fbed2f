/** Two fleets on one gateway's folder: who is enrolled, who owns whom, and clerks whose chain and settlement are a script. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { apply, emptyState, type State } from "../../../src/exchange/state.ts";
import { type ActionParts, actionClerks } from "../../../src/operator/action/clerks.ts";
import type { Viewer } from "../../../src/operator/api/access.ts";
import { enrolments, exclusions, readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import type { LaneOnChain } from "../../../src/settlement/chain.ts";
import { MARKET } from "../../exchange/stage.ts";

const account = (digits: string): Hex => `0x${digits.repeat(20)}`;

export const [NORTH, SOUTH] = [account("aa"), account("bb")];
export const [CRANE, CART, ARM] = [account("c1"), account("c2"), account("c3")];

export const operatorOf = (owner: Hex | null): Viewer => ({ name: "somebody", role: "operator", owner });
export const KEEPER = operatorOf(null);

const OPEN: LaneOnChain = {
  ...{ deposit: amount(10_000_000n), settled: amount(1_000_000n), epoch: 0, closeAt: 0, window: 1 },
};

export type Fleets = ReturnType<typeof openFleets>;

/** `crane` and `cart` are of one fleet, `arm` of the other; nobody owns `lathe`. */
export function openFleets(change: Partial<ActionParts> = {}) {
  const data = mkdtempSync(join(tmpdir(), "hirewire-action-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const state: State = emptyState();
  const enrol = (device: Hex, name: string, owner: Hex | null) =>
    writeRosterEntry(data, { version: 1, device, name, owner, manufacturer: "m", serialNumber: name });
  enrol(CRANE, "crane", NORTH);
  enrol(CART, "cart", NORTH);
  enrol(ARM, "arm", SOUTH);
  enrol(account("c4"), "lathe", null);
  const refresh = () => {
    const { entries } = readRoster(data);
    const facts = [...enrolments(entries, state.roster), ...exclusions(entries, state.disabled)];
    const cause = { by: null, topic: "observed", id: "", digest: "", refused: null };
    if (facts.length > 0) apply(state, MARKET, { index: 1, at: 0, cause, facts });
    return Promise.resolve();
  };
  void refresh();
  const lanes = new Map<Hex, LaneOnChain>([CRANE, CART, ARM].map((device) => [device, OPEN]));
  const asked: string[] = [];
  const note = (word: string) => (detail?: unknown) => {
    asked.push(detail === undefined ? word : `${word} ${String(detail)}`);
    return Promise.resolve({});
  };
  const mined = { transaction: `0x${"7".repeat(64)}` as Hex, gasUsed: 21_000n };
  const parts: ActionParts = {
    ...{ data, state, market: MARKET, decimals: 6, ownerPerDay: amount(5_000_000n), refresh },
    chain: {
      lanes: (keys) =>
        Promise.resolve({
          ...{ block: 1n, hash: "0x" },
          lanes: keys.map(({ payee }) => lanes.get(payee) ?? { ...OPEN, deposit: amount(0n) }),
        }),
      vaultBalance: () => Promise.resolve(amount(3_000_000n)),
      ownerOf: () => Promise.resolve(null),
      spendAllowance: () => Promise.resolve(0n),
      prepare: async (signer, call) => {
        const transaction = { gas: 50_000n, maxFeePerGas: 2n, to: call.to, data: call.data };
        await signer.signTransaction(transaction as never);
        return {} as never;
      },
    },
    settlement: {
      plan: () =>
        Promise.resolve({ rows: [], value: 0n, gas: 0n, cost: null, gasPrice: 7n, coinPrice: null }),
      settle: ({ force } = {}) => {
        asked.push(`settle ${force}`);
        return Promise.resolve([{ transaction: mined.transaction, rows: 2, gasUsed: 90_000n }]);
      },
      topUp: (device, sum) => {
        asked.push(`topUp ${device} ${sum}`);
        return Promise.resolve(mined as never);
      },
      close: (device) => {
        asked.push(`close ${device}`);
        return Promise.resolve(mined as never);
      },
    },
    switches: {
      halt: note("halt"),
      resume: note("resume"),
      stopPaying: note("stopPaying"),
      resumePaying: note("resumePaying"),
    },
    waiting: () => [],
    pair: (request) => {
      asked.push(`pair ${String(request["name"])}`);
      return Promise.resolve({});
    },
    tests: {
      send: (device) => {
        asked.push(`test ${device}`);
        return Promise.resolve<Hex>(`0x${"9".repeat(32)}`);
      },
    },
    ...change,
  };
  const entry = (name: string) => readRoster(data).entries.find((one) => one.name === name);
  return { data, state, lanes, asked, entry, parts, clerks: actionClerks(parts) };
}
