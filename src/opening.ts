/**
 * What has to be there before a gateway can serve: its key for itself, the chain, the token it was told of, the journal
 * and the state in it. Whatever fails, everything that was taken is given back.
 */
import { join } from "node:path";
import type { Clock } from "./base/clock.ts";
import type { BlobStore } from "./blob/blob.ts";
import { folderStore } from "./blob/folder-store.ts";
import type { Config } from "./config.ts";
import { replay, requireHome } from "./exchange/replay.ts";
import type { State } from "./exchange/state.ts";
import { Executor } from "./firmware/executor.ts";
import type { Journal } from "./journal/journal.ts";
import { openJournal } from "./journal/sqlite-journal.ts";
import { calibrateOnce } from "./kernels/calibration.ts";
import { SignaturePool } from "./kernels/pool.ts";
import { type KeyLock, lockKey } from "./operator/key-lock.ts";
import { openStore } from "./operator/upgrade/store.ts";
import type { Signer } from "./protocol/signer.ts";
import type { Market } from "./protocol/typed-data.ts";
import type { Chain } from "./settlement/chain.ts";
import { openEvmChain } from "./settlement/evm-chain.ts";
import { checkToken, type TokenProfile } from "./settlement/token-probe.ts";

/** Signatures in a second, a twentieth of what one thread checks: fewer do without another one and its memory. */
const WORTH_A_THREAD = 1_000;

export type OpeningOptions = {
  readonly config: Config;
  readonly signer: Pick<Signer, "address">;
  readonly clock: Clock;
  /** Of this program. */
  readonly version: string;
  /** Hears what takes long, a line at a time. */
  readonly say: (line: string) => void;
  readonly onFault: (fault: unknown) => void;
};

export type Opened = {
  readonly market: Market;
  readonly chain: Chain;
  readonly token: TokenProfile;
  readonly journal: Journal;
  readonly state: State;
  readonly store: BlobStore;
  readonly executor: Executor;
  readonly signatures: SignaturePool;
  /** Gives everything back, in the order that leaves the lock for last. */
  readonly close: () => Promise<void>;
};

/**
 * Opens everything.
 *
 * @throws {@link Fault} `key_in_use`, `journal_locked`, `journal_broken`, `disk_failed`, `disk_full`, `file_format` (a
 * store of a newer version), `chain_unreachable`, `chain_mismatch`, `token_mismatch`, `rpc_disagrees`, `executor_died`,
 * `kernel_failed`
 */
export async function openHouse(options: OpeningOptions): Promise<Opened> {
  const { config, signer, clock, onFault } = options;
  const { id: chainId, rpc: urls, vault, token: address, confirmations } = config.chain;
  const market = { chainId, vault, token: address, gateway: signer.address };
  const chain = await openEvmChain({ urls, chainId, vault, confirmations, clock, onFault });
  const token = await checkToken(chain, address);
  const lock = await lockKey({ address: signer.address, chainId, vault }, { holder: config.data });
  const journal = await orRelease(lock, async () => {
    await openStore({ settings: config, gateway: signer.address, ...options });
    return openJournal(config.data);
  });
  const executor = new Executor({ clock, cores: config.firmware.cores });
  const signatures = new SignaturePool({ clock, worthwhile: WORTH_A_THREAD });
  let store: BlobStore | null = null;
  const close = async () => {
    await store?.close();
    await signatures.close();
    await executor.stop();
    journal.close();
    await lock.release();
  };
  try {
    store = await folderStore(join(config.data, "blobs"), {
      quota: config.blobs.quota,
      ownerQuota: config.blobs.owner_quota,
      retentionMs: config.blobs.retention_ms,
      ...{ clock, onFault },
    });
    const state = replay(journal, market);
    requireHome(state, market, config.data);
    await Promise.all([executor.start(), calibrateOnce(clock)]);
    return { market, chain, token, journal, state, store, executor, signatures, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

async function orRelease<T>(lock: KeyLock, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (fault) {
    await lock.release();
    throw fault;
  }
}
