/** A chain in memory that does only what it is told: mines when asked, reorganizes when asked, and can be out of order. */
import { decodeFunctionData, keccak256, parseTransaction } from "viem";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { voucherPayer } from "../../src/protocol/voucher.ts";
import {
  type Block,
  type Chain,
  type CloseRequest,
  type LaneEnd,
  type LaneKey,
  type LaneOnChain,
  type Receipt,
  VAULT_ABI,
} from "../../src/settlement/chain.ts";
import { idOf } from "../../src/settlement/voucher-shelf.ts";

const NOTHING: LaneOnChain = { settled: amount(0n), deposit: amount(0n), closeAt: 0, window: 0, epoch: 0 };
const GWEI = 1_000_000_000n;

/** All that is true as of one block. */
type State = Block & {
  readonly lanes: ReadonlyMap<string, LaneOnChain>;
  readonly receipts: ReadonlyMap<Hex, Receipt>;
  readonly closes: readonly CloseRequest[];
  readonly ends: readonly (LaneEnd & { readonly id: string })[];
  readonly nonce: number;
};

export type FakeChain = ReturnType<typeof fakeChain>;

export function fakeChain(options: { chainId: number; vault: Hex; confirmations?: number; time?: number }) {
  const { chainId, vault, confirmations = 1 } = options;
  let forks = 0;
  const hashOf = (number: bigint): Hex =>
    `0x${(number * 1_000n + BigInt(forks)).toString(16).padStart(64, "0")}`;
  const genesis: State = {
    ...{ number: 100n, hash: hashOf(100n), time: options.time ?? 1_700_000_000 },
    ...{ lanes: new Map(), receipts: new Map(), closes: [], ends: [], nonce: 0 },
  };
  let blocks: State[] = [genesis];
  const pool = new Map<number, Hex>();
  const sent = new Map<number, Hex>();
  const top = (): State => blocks.at(-1) ?? genesis;
  const control = {
    /** Throws for every question while set. */
    outage: null as Fault | null,
    /** The same for reads of what is confirmed. */
    doubt: null as Fault | null,
    gas: 10n ** 18n,
    fee: 2n * GWEI,
    /** What nodes say of lanes at the head, where they lie. */
    lie: null as Partial<LaneOnChain> | null,
    calls: 0,
  };
  const asked = <T>(answer: () => T): Promise<T> =>
    Promise.try(() => {
      control.calls += 1;
      if (control.outage) throw control.outage;
      return answer();
    });
  const counted = () => blocks.at(-Math.min(confirmations, blocks.length)) ?? genesis;

  const push = (change: Partial<State>, seconds = 12) => {
    const before = top();
    const number = before.number + 1n;
    blocks.push({ ...before, number, hash: hashOf(number), time: before.time + seconds, ...change });
  };
  const withLane = (key: LaneKey, change: (lane: LaneOnChain) => LaneOnChain) =>
    new Map(top().lanes).set(idOf(key), change(top().lanes.get(idOf(key)) ?? NOTHING));
  /** Mines a block with what waits. */
  const mine = (seconds = 12) => {
    let { nonce } = top();
    let lanes = new Map(top().lanes);
    const receipts = new Map(top().receipts);
    const number = top().number + 1n;
    for (let raw = pool.get(nonce); raw !== undefined; raw = pool.get(nonce)) {
      pool.delete(nonce++);
      lanes = claimed(lanes, raw, { chainId, vault });
      const receipt = { status: "success", block: number, blockHash: hashOf(number) } as const;
      receipts.set(keccak256(raw), { ...receipt, gasUsed: 50_000n, gasPrice: GWEI });
    }
    push({ lanes, receipts, nonce }, seconds);
  };

  const chain: Chain = {
    chainId,
    vault,
    head: () => asked(() => top()),
    confirmed: () => asked(() => counted()),
    blockHash: (number) => asked(() => blocks.find((block) => block.number === number)?.hash ?? null),
    lanes: (keys, at = "confirmed") =>
      asked(() => {
        if (at === "confirmed" && control.doubt) throw control.doubt;
        const { number: block, hash, lanes } = at === "head" ? top() : counted();
        const lie = at === "head" ? control.lie : null;
        return { block, hash, lanes: keys.map((key) => ({ ...(lanes.get(idOf(key)) ?? NOTHING), ...lie })) };
      }),
    laneEnds: (key, from) =>
      asked(() => counted().ends.filter(({ id, block }) => id === idOf(key) && block >= from)),
    lanesOf: () => asked(() => []),
    closeRequests: (from, to) =>
      asked(() => top().closes.filter(({ block }) => block >= from && block <= to)),
    vaultBalance: () => asked(() => amount(0n)),
    tokenBalance: () => asked(() => amount(0n)),
    allowance: () => asked(() => amount(0n)),
    gasBalance: () => asked(() => control.gas),
    ownerOf: () => asked(() => null),
    spendAllowance: () => asked(() => 0n),
    decimals: () => asked(() => 6),
    view: () => asked(() => []),
    nonce: (_, at) => asked(() => top().nonce + (at === "pending" && pool.has(top().nonce) ? 1 : 0)),
    fees: () => asked(() => ({ maxFeePerGas: control.fee, maxPriorityFeePerGas: GWEI })),
    prepare: async (signer, call, how = {}) => {
      const old = how.replaces;
      const next = await asked(() => top().nonce);
      const dearer = (fee: bigint, than?: bigint) =>
        than === undefined || fee > than ? fee : (than * 9n) / 8n + 1n;
      const fees = {
        maxFeePerGas: dearer(control.fee, old?.maxFeePerGas),
        maxPriorityFeePerGas: dearer(GWEI, old?.maxPriorityFeePerGas),
      };
      const nonce = how.nonce ?? old?.nonce ?? next;
      const tx = { type: "eip1559", chainId, nonce, gas: how.gas ?? 100_000n, ...call, ...fees } as const;
      const raw = await signer.signTransaction(tx);
      return { raw, hash: keccak256(raw), nonce, ...fees };
    },
    broadcast: (raw) =>
      asked(() => {
        const { nonce = 0 } = parseTransaction(raw);
        if (top().receipts.has(keccak256(raw))) return;
        if (nonce < top().nonce) throw new Fault("transaction_failed", "nonce too low");
        pool.set(nonce, raw);
        sent.set(nonce, raw);
      }),
    receipt: (hash) => asked(() => top().receipts.get(hash) ?? null),
    failure: () => asked(() => null),
  };

  return {
    chain,
    control,
    pool,
    mine,
    head: top,
    lane: (key: LaneKey) => top().lanes.get(idOf(key)) ?? NOTHING,
    fund: (key: LaneKey, units: bigint, window = 0) =>
      push({ lanes: withLane(key, (lane) => ({ ...lane, deposit: amount(lane.deposit + units), window })) }),
    requestClose: (key: LaneKey, windowSeconds = 3_600) => {
      const closeAt = top().time + 12 + windowSeconds;
      const block = top().number + 1n;
      push({
        lanes: withLane(key, (lane) => ({ ...lane, closeAt })),
        closes: [...top().closes, { ...key, closeAt, block }],
      });
    },
    finalizeClose: (key: LaneKey) => {
      const { epoch, settled } = top().lanes.get(idOf(key)) ?? NOTHING;
      const block = top().number + 1n;
      push({
        lanes: withLane(key, () => ({ ...NOTHING, epoch: epoch + 1 })),
        ends: [...top().ends, { id: idOf(key), epoch, settled, block }],
      });
    },
    /** Takes the newest blocks off; what was in them is lost, or waits again. */
    reorganize: (depth: number, isLost: boolean) => {
      blocks = blocks.slice(0, -depth);
      forks += 1;
      for (const [nonce, raw] of sent) if (nonce >= top().nonce && !isLost) pool.set(nonce, raw);
    },
  };
}

/** The lanes after a claim, as LaneVault does it: a row that adds nothing is skipped. */
function claimed(lanes: Map<string, LaneOnChain>, raw: Hex, venue: { chainId: number; vault: Hex }) {
  const { data = "0x" } = parseTransaction(raw);
  const { args } = decodeFunctionData({ abi: VAULT_ABI, data });
  const bytes = String(args?.[0]).slice(2);
  let at = 0;
  const take = (count: number) => {
    at += 2 * count;
    return bytes.slice(at - 2 * count, at);
  };
  const token: Hex = `0x${take(20)}`;
  while (at < bytes.length) {
    const payee: Hex = `0x${take(20)}`;
    for (let rows = Number.parseInt(take(2), 16); rows > 0; rows--) {
      const epoch = Number.parseInt(take(3), 16);
      const cumulative = amount(BigInt(`0x${take(12)}`));
      const signature = full(`0x${take(64)}`);
      const payer = voucherPayer({ ...venue, payee, token, epoch, cumulative, signature });
      if (payer === null) continue;
      const id = idOf({ payer, payee, token });
      const lane = lanes.get(id) ?? NOTHING;
      const worth = cumulative < lane.deposit ? cumulative : lane.deposit;
      if (lane.epoch === epoch && worth > lane.settled) lanes.set(id, { ...lane, settled: worth });
    }
  }
  return lanes;
}

/** EIP-2098 undone. */
function full(compact: Hex): Hex {
  const bytes = Uint8Array.from(Buffer.from(compact.slice(2), "hex"));
  const high = bytes[32] ?? 0;
  bytes[32] = high & 0x7f;
  return `${toHex(bytes)}${high > 0x7f ? "1c" : "1b"}` as Hex;
}
