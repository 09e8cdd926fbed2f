/**
 * Judges groups of signatures, each by the cheapest way that is exact.
 *
 * An unknown account costs one recovery, after which its key is known. Known keys are judged one by one where they are
 * few; by the comb where they have tables; by one batch with random coefficients where they are many, or have no tables
 * yet. A batch says only whether all hold: one that fails is judged again, exactly, and keys whose signatures were wrong
 * in it stay out of batches until as many right ones have made good for it. So whoever spoils a batch costs at most what
 * the exact ways cost on top of it, and no more than one batch for each {@link FORGIVEN_AFTER} right signatures. A wrong
 * signature that spoiled no batch costs its key nothing: anybody can name an account in one.
 */
import { bitmapBytes, Columns, type Judge, MOST_COLUMNS } from "./columns.ts";
import type { Instance } from "./instance.ts";
import { type KnownKey, KnownKeys, type KnownKeysCaps } from "./known-keys.ts";
import { type Recovered, recoverKey } from "./recovery.ts";
import { MALFORMED, type SignatureGroup } from "./signature-group.ts";

/** From how many signatures on a way is cheaper than the one before it. */
const FROM = {
  /** The comb, before one by one with tables. */
  comb: 4,
  /** The batch, before the comb. */
  batch: 128,
  /** The batch, before one by one without tables. */
  batchWithoutTables: 8,
} as const;

/**
 * Right signatures by which a key is trusted in batches again: as many as the largest batch that it can have spoiled, so
 * that what its spoiling wastes stays below what its own exact checks cost.
 */
export const FORGIVEN_AFTER = MOST_COLUMNS;

/** One signature whose key is known. */
type Claim = { readonly index: number; readonly key: KnownKey; readonly table: number };

export class Verifier {
  readonly instance: Instance;
  readonly keys: KnownKeys;

  /** @param instance - with its curve prepared */
  constructor(instance: Instance, caps?: KnownKeysCaps) {
    this.instance = instance;
    this.keys = new KnownKeys(instance, caps);
  }

  /**
   * A bit for each signature, bit `i & 7` of byte `i >> 3`: whether recovering its key gives its account.
   *
   * Another key with the same account would be told apart only by recovering: who has found one has found two inputs
   * of keccak-256 that agree in 160 bits.
   */
  judge(group: SignatureGroup): Uint8Array {
    const verdicts = new Uint8Array(bitmapBytes(group.count));
    this.keys.beginGroup();
    const claims = this.#claims(group, verdicts);
    const few = { withTable: [] as Claim[], without: [] as Claim[] };
    for (const claim of claims) (claim.table === 0 ? few.without : few.withTable).push(claim);
    for (const lot of lotsOf(few.without)) this.#judgeLot(group, lot, FROM.batchWithoutTables, verdicts);
    for (const lot of lotsOf(few.withTable)) this.#judgeLot(group, lot, FROM.batch, verdicts);
    return verdicts;
  }

  /** As {@link judge}, one by one and without a trace: no key is learned, none counts as used. */
  judgeGuests(group: SignatureGroup): Uint8Array {
    const verdicts = new Uint8Array(bitmapBytes(group.count));
    for (const [index, signer] of group.signers.entries()) {
      const account = group.accounts[signer];
      if (group.parities[index] === MALFORMED || account === undefined) continue;
      const key = this.keys.find(account);
      const holds = key
        ? this.#holds(group, { index, key, table: key.table })
        : this.#recover(group, index)?.account === account;
      if (holds) mark(verdicts, index);
    }
    return verdicts;
  }

  /** What is left to judge once every account that signed something has a key. */
  #claims(group: SignatureGroup, verdicts: Uint8Array): Claim[] {
    const uses = new Uint32Array(group.accounts.length);
    for (const [at, signer] of group.signers.entries()) {
      if (group.parities[at] !== MALFORMED) uses[signer] = (uses[signer] ?? 0) + 1;
    }
    const keys = group.accounts.map((account, at) => this.keys.use(account, uses[at] ?? 0));
    const open: { index: number; key: KnownKey }[] = [];
    for (const [index, signer] of group.signers.entries()) {
      if (group.parities[index] === MALFORMED) continue;
      const key = keys[signer];
      if (key) open.push({ index, key });
      else keys[signer] = this.#learn(group, index, signer, uses, verdicts);
    }
    return open.map(({ index, key }) => ({ index, key, table: this.keys.tableOf(key) }));
  }

  /** Judges a signature by recovery; the key, where it is the account's. */
  #learn(
    group: SignatureGroup,
    index: number,
    signer: number,
    uses: Uint32Array,
    verdicts: Uint8Array,
  ): KnownKey | null {
    const recovered = this.#recover(group, index);
    const account = group.accounts[signer];
    if (recovered === null || account === undefined || recovered.account !== account) return null;
    mark(verdicts, index);
    return this.keys.learn(account, recovered.point, uses[signer] ?? 1);
  }

  #recover(group: SignatureGroup, index: number): Recovered | null {
    return recoverKey(this.#place(group, index), group.parities[index] ?? MALFORMED);
  }

  /** Judges what either all has tables or all has none: by a batch where `fewest` of trusted keys come together. */
  #judgeLot(group: SignatureGroup, lot: readonly Claim[], fewest: number, verdicts: Uint8Array): void {
    const trusted = lot.filter(({ key }) => key.doubt === 0);
    const isTried = trusted.length >= fewest;
    const holds = isTried && this.#batchHolds(group, trusted);
    if (holds) for (const { index } of trusted) mark(verdicts, index);
    const wrong = this.#judgeExactly(group, holds ? lot.filter(({ key }) => key.doubt > 0) : lot, verdicts);
    if (isTried && !holds) for (const { key } of wrong) key.doubt = FORGIVEN_AFTER;
  }

  /** Judges each on its own; returns the wrong ones. */
  #judgeExactly(group: SignatureGroup, lot: readonly Claim[], verdicts: Uint8Array): readonly Claim[] {
    const isComb = lot.length >= FROM.comb && lot[0]?.table !== 0;
    const bits = isComb ? this.#columns("comb", group, lot, ({ table }) => table).judgeEach() : null;
    return lot.filter((claim, at) => {
      const holds = bits ? ((bits[at >> 3] ?? 0) >> (at & 7)) & 1 : this.#holds(group, claim);
      if (!holds) return true;
      mark(verdicts, claim.index);
      if (claim.key.doubt > 0) claim.key.doubt -= 1;
      return false;
    });
  }

  /** Judges one, by its key's table where it has one. */
  #holds(group: SignatureGroup, { index, key, table }: Claim): boolean {
    const { exports, memory, cells } = this.#place(group, index);
    const parity = group.parities[index] ?? MALFORMED;
    const { signature, digest } = cells;
    if (table !== 0) return exports.verifyKnown(signature, digest, table, parity) === 1;
    memory.write(cells.key, key.point);
    return exports.verifyOne(signature, digest, cells.key, parity) === 1;
  }

  #batchHolds(group: SignatureGroup, lot: readonly Claim[]): boolean {
    return this.#columns("batch", group, lot, ({ key }) => this.keys.termsOf(key)).judgeAll();
  }

  #columns(
    judge: Judge,
    group: SignatureGroup,
    lot: readonly Claim[],
    addressOf: (claim: Claim) => number,
  ): Columns {
    const keys = new Map<KnownKey, { at: number; address: number }>();
    for (const claim of lot) {
      if (!keys.has(claim.key)) keys.set(claim.key, { at: keys.size, address: addressOf(claim) });
    }
    // after the addresses: what is built for a key uses memory of its own
    const columns = new Columns(this.instance, judge, lot.length, keys.size);
    for (const { at, address } of keys.values()) columns.point(at, address);
    for (const [at, { index, key }] of lot.entries()) {
      const signature = group.signatures.subarray(64 * index, 64 * index + 64);
      const digest = group.digests.subarray(32 * index, 32 * index + 32);
      columns.set(at, signature, digest, group.parities[index] ?? MALFORMED, keys.get(key)?.at ?? 0);
    }
    return columns;
  }

  /** Puts one signature into the cells. */
  #place(group: SignatureGroup, index: number): Instance {
    const { memory, cells } = this.instance;
    memory.write(cells.signature, group.signatures.subarray(64 * index, 64 * index + 64));
    memory.write(cells.digest, group.digests.subarray(32 * index, 32 * index + 32));
    return this.instance;
  }
}

function lotsOf(claims: readonly Claim[]): Claim[][] {
  const lots: Claim[][] = [];
  for (let at = 0; at < claims.length; at += MOST_COLUMNS) lots.push(claims.slice(at, at + MOST_COLUMNS));
  return lots;
}

function mark(verdicts: Uint8Array, index: number): void {
  verdicts[index >> 3] = (verdicts[index >> 3] ?? 0) | (1 << (index & 7));
}
