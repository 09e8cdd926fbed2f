/**
 * The gateway's key and books while no gateway runs.
 *
 * What is sent is journalled as the gateway would, under the same locks, so that its next start finds everything in
 * order. What the chain shows is only looked at: drawing conclusions for devices is left to that start.
 */
import { Fault } from "../../base/fault.ts";
import { replay, requireHome } from "../../exchange/replay.ts";
import { apply, emptyState, type State } from "../../exchange/state.ts";
import type { Journal } from "../../journal/journal.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { reconcile } from "../../payment/reconcile.ts";
import type { Fact } from "../../protocol/facts.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { Chain } from "../../settlement/chain.ts";
import type { Ledger } from "../../settlement/ledger.ts";
import { Settlement } from "../../settlement/settlement.ts";
import { recheckToken, type TokenProfile } from "../../settlement/token-probe.ts";
import { stopInForce } from "../control/stop-file.ts";
import { type KeyLock, lockKey } from "../key-lock.ts";
import { enrolled, readGatewayKey, type Settings } from "../settings.ts";
import type { MoneyPorts } from "./journey.ts";
import { accountOf } from "./send.ts";
import { settlementTerms } from "./settlement-terms.ts";
import { moneyVerbs } from "./verbs.ts";

/** Facts that only say what the chain shows: they are not journalled here. */
const SIGHTS: ReadonlySet<Fact["kind"]> = new Set(["laneObserved", "chainReorganized"]);

export type OfflineOptions = {
  readonly settings: Settings;
  readonly ports: MoneyPorts;
  readonly chain: Chain;
  /** The token as it was checked. */
  readonly profile: TokenProfile;
  /** Told of what lasts, such as gas that runs low. */
  readonly onFault: (fault: unknown) => void;
};

/** The books as the journal in a folder has them; those of a gateway that never ran where there is none. */
export function readBooks(settings: Settings, market: Market): State {
  let journal: Journal;
  try {
    journal = openJournal(settings.data, { readOnly: true });
  } catch (fault) {
    if (fault instanceof Fault && fault.code === "config_missing") return emptyState();
    throw fault;
  }
  try {
    return replay(journal, market);
  } finally {
    journal.close();
  }
}

/** A gateway's parts for one command. */
export type Offline = {
  readonly verbs: ReturnType<typeof moneyVerbs>;
  /** Frees the locks. */
  readonly close: () => Promise<void>;
};

/**
 * Takes journal and key, so that no gateway can start meanwhile.
 *
 * @throws {@link Fault} `journal_locked`, `key_in_use` when one runs; `key_file`, `journal_broken`, `disk_failed`;
 * `chain_mismatch` when the journal is of another key, chain, vault or token
 */
export async function openOffline(options: OfflineOptions): Promise<Offline> {
  const { settings, ports } = options;
  const signer = accountOf(readGatewayKey(settings, ports.keys));
  const { vault, token, id: chainId } = settings.chain;
  const market: Market = { chainId, vault, token, gateway: signer.address };
  const journal = openJournal(settings.data);
  let lock: KeyLock | null = null;
  try {
    lock = await lockKey({ address: signer.address, chainId, vault }, { holder: settings.data });
    const state = replay(journal, market);
    requireHome(state, market, settings.data);
    state.payment.stopped = stopInForce(settings.data, state.payment.stopped);
    const record = recorder(journal, state, market, ports.clock.now);
    const settlement = settlementOf(options, { market, state, record, signer });
    const transact = settlement.transact.bind(settlement);
    const held = lock;
    return {
      verbs: moneyVerbs({ settlement, transact, market, decimals: options.profile.decimals }),
      close: async () => {
        await settlement.stop();
        await held.release();
        journal.close();
      },
    };
  } catch (fault) {
    await lock?.release();
    journal.close();
    throw fault;
  }
}

/**
 * What a settlement would claim, by the journal as it is and the chain as it is; locks nothing and writes nothing.
 *
 * @param options - `force`: as if everything were asked for
 * @throws {@link Fault} `key_file`, `journal_broken`, `chain_mismatch`, `chain_unreachable`
 */
export async function planOffline(
  options: OfflineOptions & { readonly force: boolean },
): Promise<{ plan: Awaited<ReturnType<Settlement["plan"]>>; market: Market }> {
  const { settings, ports } = options;
  const signer = accountOf(readGatewayKey(settings, ports.keys));
  const { vault, token, id: chainId } = settings.chain;
  const market: Market = { chainId, vault, token, gateway: signer.address };
  const state = readBooks(settings, market);
  requireHome(state, market, settings.data);
  const record = recorder(null, state, market, ports.clock.now);
  const settlement = settlementOf(options, { market, state, record, signer });
  return { plan: await settlement.plan({ force: options.force }), market };
}

type Inner = {
  readonly market: Market;
  readonly state: State;
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  readonly signer: ReturnType<typeof accountOf>;
};

/** Not started: it does what it is asked and nothing by itself. */
function settlementOf(options: OfflineOptions, { market, state, record, signer }: Inner): Settlement {
  const { settings, ports, chain, profile, onFault } = options;
  const terms = settlementTerms(settings, profile.decimals);
  const ledger: Ledger = {
    ...{ payment: state.payment, transactions: state.transactions },
    devices: () => enrolled(settings).entries.map(({ device }) => device),
    claimedAt: () => state.claimedAt,
  };
  return new Settlement({
    ...{ ...terms, chain, signer, market, ledger, record, onFault, clock: ports.clock },
    recheckToken: async () => void (await recheckToken(chain, profile)),
  });
}

/** Makes facts durable where a journal is given, squared with the books as the heartbeat does it, and applies them. */
function recorder(journal: Journal | null, state: State, market: Market, now: () => number): Inner["record"] {
  return (facts) =>
    Promise.try(() => {
      const cause = { by: null, topic: "observed", id: "", digest: "", refused: null };
      const squared = facts.flatMap((fact) => {
        const lanes = fact.kind === "laneObserved" ? [fact] : fact.kind === "claimed" ? fact.lanes : [];
        return [
          ...lanes.map((lane) => reconcile(state.payment, market, lane)).filter((one) => one !== null),
          fact,
        ];
      });
      const draft = { at: now(), cause, facts: squared };
      const isSight = facts.every(({ kind }) => SIGHTS.has(kind));
      const entries = journal && !isSight ? journal.append([draft]) : [{ ...draft, index: 0 }];
      for (const entry of entries) apply(state, market, entry);
    });
}
