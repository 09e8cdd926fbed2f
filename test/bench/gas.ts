/**
 * Gas on a fresh anvil: the vault beside a plain ERC-20 transfer, an EIP-3009 `transferWithAuthorization` (what one
 * x402 "exact" payment costs) and a textbook claim, which sends the tokens for every voucher.
 *
 * All of them in one run, on one token, compiled with the same settings. Gas does not vary, so nothing is repeated.
 */
import { encodeAbiParameters, encodeFunctionData, type Hex, keccak256 } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { amount } from "../../src/base/money.ts";
import { type ClaimRow, encodeClaimBatch, MAX_CLAIM_ROWS } from "../../src/settlement/claim-batch.ts";
import { deployPeer } from "../settlement/peers.ts";
import { type Actor, LATER, startWorld } from "../settlement/world.ts";
import type { Creature } from "../settlement/zoo.ts";
import type { Figure } from "./main.ts";

const ROWS = 500;
/** The textbook's claim of more rows would not fit a transaction. */
const PEER_ROWS = 100;
/** Orders in one batch of relayed funding. */
const ORDERS = 50;
const WINDOW_SECONDS = 3_600;
/** 4 bytes without a zero, as the totals of busy lanes have: calldata is priced by its bytes. */
const FIRST = 0x11111111n;
const STEP = 0x01010101n;
const RICH = 10n ** 15n;

/** Accounts that sign and never send. */
const DEVICES: readonly Actor[] = Array.from({ length: ROWS }, (_, index) => {
  const privateKey: Hex = `0x${(index + 1).toString(16).padStart(64, "0")}`;
  const key = privateKeyToAccount(privateKey);
  return { privateKey, key, address: key.address.toLowerCase() as Hex };
});

export async function gasSuite(): Promise<Figure[]> {
  const bench = await openBench();
  try {
    const transfer = await bench.transfer();
    const exact = await bench.exact();
    const book = await bench.textbook();
    const claims = await bench.claims();
    const claim = (metric: string, value: number, peer: string, peerValue: number, goal: number) =>
      figure(metric, value, peer, peerValue, goal);
    return [
      claim("marginal lane, 500 rows of one payee", claims.marginal, "textbook claim", book.marginal, 10_100),
      claim("claim of one row", claims.one, "textbook claim", book.one, 41_000),
      claim("lane, 500 payees credited before", claims.perPayee, "textbook claim", book.perPayee, 18_500),
      figure("lane, 500 payees never credited", claims.perNewPayee, "textbook claim", book.perNewPayee, null),
      ...[1, 100, 1_000].map((payments) =>
        figure(
          `single payment, ${payments} per lane and claim`,
          claims.marginal / payments,
          "EIP-3009 transfer",
          exact,
          null,
        ),
      ),
      ...(await bench.moves()).map(([metric, gas]) => figure(metric, gas, "ERC-20 transfer", transfer, null)),
    ];
  } finally {
    await bench.world.local.stop();
  }
}

function figure(metric: string, gas: number, peer: string, peerGas: number, goal: number | null): Figure {
  const round = (value: number) => Math.round(value * 100) / 100;
  const [value, peerValue] = [round(gas), round(peerGas)];
  const ratio = round(peerGas / gas);
  const ok = goal === null || value <= goal;
  return { suite: "gas", metric, value, unit: "gas", peer, peerValue, ratio, goal, ok };
}

async function openBench() {
  const world = await startWorld();
  const [hub, robot, relayer] = world.others as [Actor, Actor, Actor];
  const { vault, chainId } = world;
  const vaultCode: Creature = { address: vault, abi: world.abi };
  const token = await deployPeer(world.rpc, world.owner.address, "Usdt0");
  const textbook = await deployPeer(world.rpc, world.owner.address, "Textbook");

  /** Sends a call that must succeed. */
  async function gasOf(by: Actor, to: Creature, functionName: string, ...args: readonly unknown[]) {
    const data = encodeFunctionData({ abi: to.abi, functionName, args });
    const call = { from: by.address, to: to.address, data, gas: "0xf42400" };
    const receipt = (await world.rpc("eth_sendTransactionSync", [call])) as { status: Hex; gasUsed: Hex };
    if (receipt.status !== "0x1") throw new Error(`${functionName} reverted`);
    return Number(receipt.gasUsed);
  }
  const ours = (by: Actor, name: string, ...args: readonly unknown[]) => gasOf(by, vaultCode, name, ...args);
  const signed = (by: Actor, domain: object, primaryType: string, fields: string, message: object) => {
    const types = fields.split(",").map((field) => {
      const [type = "", name = ""] = field.split(" ");
      return { type, name };
    });
    const typed = { domain, types: { [primaryType]: types }, primaryType, message };
    return by.key.signTypedData(typed as Parameters<typeof by.key.signTypedData>[0]);
  };
  const tokenDomain = { name: "USDT0", version: "1", chainId, verifyingContract: token.address };
  const bookDomain = { name: "Textbook", version: "1", chainId, verifyingContract: textbook.address };
  const split = (signature: Hex) => [
    Number.parseInt(signature.slice(130), 16),
    signature.slice(0, 66),
    `0x${signature.slice(66, 130)}`,
  ];
  const authorize = (type: "TransferWithAuthorization" | "ReceiveWithAuthorization", to: Hex, nonce: Hex) =>
    signed(
      robot,
      tokenDomain,
      type,
      "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
      { from: robot.address, to, value: STEP, validAfter: 0n, validBefore: LATER, nonce },
    );
  const voucher = async (payer: Actor, payee: Actor, cumulative: bigint): Promise<ClaimRow> => {
    const message = { payee: payee.address, token: token.address, epoch: 0, cumulative };
    const signature = await world.sign(payer, "Voucher", message);
    return { payee: payee.address, epoch: 0, cumulative: amount(cumulative), signature };
  };

  for (const actor of [hub, robot]) {
    await gasOf(actor, token, "mint", actor.address, RICH);
    for (const spender of [vault, textbook.address]) {
      await gasOf(actor, token, "approve", spender, 2n ** 256n - 1n);
    }
  }

  /** To a payee that holds some already. */
  async function transfer(): Promise<number> {
    await gasOf(robot, token, "transfer", hub.address, STEP);
    return await gasOf(robot, token, "transfer", hub.address, STEP);
  }

  /** Carried out by a relayer, as an x402 facilitator does, to a payee that holds some already. */
  async function exact(): Promise<number> {
    const nonce = keccak256("0x01");
    const signature = await authorize("TransferWithAuthorization", hub.address, nonce);
    const terms = [robot.address, hub.address, STEP, 0n, LATER, nonce, ...split(signature)];
    return await gasOf(relayer, token, "transferWithAuthorization", ...terms);
  }

  async function textbookGas() {
    const peers = DEVICES.slice(0, PEER_ROWS);
    for (const peer of peers) {
      await gasOf(hub, textbook, "open", peer.address, hub.address, token.address, RICH / 10_000n);
      await gasOf(hub, textbook, "open", hub.address, peer.address, token.address, RICH / 10_000n);
    }
    const claim = async (pairs: readonly (readonly [Actor, Actor])[], cumulative: bigint) => {
      const signatures = await Promise.all(
        pairs.map(([payer, payee]) => {
          const message = { payee: payee.address, token: token.address, cumulative };
          return signed(
            payer,
            bookDomain,
            "Voucher",
            "address payee,address token,uint256 cumulative",
            message,
          );
        }),
      );
      const [payers, payees] = [0, 1].map((side) => pairs.map((pair) => pair[side]?.address));
      const totals = pairs.map(() => cumulative);
      return await gasOf(hub, textbook, "claim", payers, payees, token.address, totals, signatures);
    };
    const toHub = peers.map((peer) => [peer, hub] as const);
    const fromHub = peers.map((peer) => [hub, peer] as const);
    await claim(toHub, FIRST);
    const one = await claim(toHub.slice(0, 1), FIRST + STEP);
    const many = await claim(toHub, FIRST + 2n * STEP);
    const perNewPayee = (await claim(fromHub, FIRST)) / PEER_ROWS;
    const perPayee = (await claim(fromHub, FIRST + STEP)) / PEER_ROWS;
    return { one, marginal: (many - one) / (PEER_ROWS - 1), perPayee, perNewPayee };
  }

  /** As {@link encodeClaimBatch}, without its bound on rows. */
  function batch(rows: readonly ClaimRow[]): Hex {
    let packed = token.address.slice(2);
    for (const [payee, group] of Map.groupBy(rows, (row) => row.payee)) {
      const bare = group.map((row) => encodeClaimBatch(token.address, [row]).slice(2 + 2 * (20 + 22)));
      packed += payee.slice(2) + group.length.toString(16).padStart(4, "0") + bare.join("");
    }
    return `0x${packed}`;
  }

  async function claimGas() {
    const funding = DEVICES.map(
      ({ address }) => `${address.slice(2)}${RICH.toString(16).padStart(24, "0")}00`,
    );
    await gasOf(hub, token, "mint", hub.address, RICH * BigInt(2 * ROWS));
    await ours(hub, "deposit", hub.address, token.address, RICH * BigInt(ROWS));
    for (let from = 0; from < ROWS; from += 100) {
      const rows = `0x${funding.slice(from, from + 100).join("")}`;
      await ours(hub, "fundLanes", hub.address, token.address, rows);
    }
    for (const { address } of DEVICES) {
      await ours(hub, "depositLane", address, hub.address, token.address, RICH);
    }
    const toHub = (count: number, total: bigint) =>
      Promise.all(DEVICES.slice(0, count).map((device) => voucher(device, hub, total)));
    const fromHub = (total: bigint) => Promise.all(DEVICES.map((device) => voucher(hub, device, total)));
    const claim = (rows: readonly ClaimRow[]) => ours(relayer, "claimBatch", batch(rows));
    await claim(await toHub(ROWS, FIRST));
    const one = await claim(await toHub(1, FIRST + STEP));
    const many = await claim(await toHub(ROWS, FIRST + 2n * STEP));
    const first = await fromHub(FIRST);
    const halves = [first.slice(0, MAX_CLAIM_ROWS), first.slice(MAX_CLAIM_ROWS)];
    let news = 0;
    for (const half of halves) news += await claim(half);
    const again = await claim(await fromHub(FIRST + STEP));
    return {
      one,
      marginal: (many - one) / (ROWS - 1),
      perPayee: again / ROWS,
      perNewPayee: news / ROWS,
    };
  }

  /** Every way in and out, by name; each from an account or lane that was used before unless it says first. */
  async function moves(): Promise<[string, number][]> {
    const [me, unit] = [robot.address, token.address];
    const lane = { payer: me, payee: hub.address, token: unit };
    const ends = Object.values(lane);
    const done: [string, number][] = [];
    const note = async (metric: string, gas: Promise<number>) => {
      done.push([metric, await gas]);
    };
    await note("deposit, first", ours(robot, "deposit", me, unit, 100n * STEP));
    await note("deposit", ours(robot, "deposit", me, unit, 100n * STEP));
    const salt: Hex = `0x${"5a".repeat(32)}`;
    const bound = keccak256(encodeAbiParameters([{ type: "address" }, { type: "bytes32" }], [me, salt]));
    const paid = await authorize("ReceiveWithAuthorization", vault, bound);
    const terms = [me, unit, me, STEP, 0n, LATER, salt, paid];
    await note("deposit by authorization", ours(relayer, "depositWithAuthorization", ...terms));
    const permit = { owner: me, spender: vault, value: STEP, nonce: 0n, deadline: LATER };
    const permitFields = "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline";
    const permitted = split(await signed(robot, tokenDomain, "Permit", permitFields, permit));
    await note("deposit by permit", ours(relayer, "depositWithPermit", me, unit, STEP, LATER, ...permitted));
    const address = (await world.read(vault, "depositAddress", [me])) as Hex;
    for (const metric of ["sweep, first", "sweep"]) {
      await gasOf(robot, token, "transfer", address, STEP);
      await note(metric, ours(relayer, "sweep", me, unit));
    }
    await note("fund lane, first", ours(robot, "fundLane", ...ends, STEP, 0));
    await note("fund lane", ours(robot, "fundLane", ...ends, STEP, 0));
    const orders = await Promise.all(
      DEVICES.slice(0, ORDERS).map(async ({ address: payee }) => {
        const message = { ...lane, payee, epoch: 0, amount: STEP, window: 0 };
        return { ...message, order: await world.order(robot, "FundLane", message) };
      }),
    );
    const all = await ours(relayer, "fundLanesWithSig", orders);
    done.push([`fund lane by order, first, in a batch of ${ORDERS}`, all / ORDERS]);
    await ours(relayer, "claimBatch", batch([await voucher(robot, hub, STEP)]));
    await note("request close", ours(robot, "requestClose", ...ends));
    await world.pass(WINDOW_SECONDS);
    await note("finalize close", ours(relayer, "finalizeClose", ...ends));
    await note("fund lane, after a close", ours(robot, "fundLane", ...ends, 2n * STEP, 0));
    const final = { ...lane, epoch: 1, finalAmount: STEP, deadline: LATER };
    const consent = await world.sign(hub, "CoopClose", final);
    const vouched = { payee: hub.address, token: unit, epoch: 1, cumulative: STEP };
    const said = await world.sign(robot, "Voucher", vouched);
    const close = [...ends, 1, STEP, STEP, said, LATER, consent];
    await note("cooperative close", ours(relayer, "coopClose", ...close));
    await note("withdraw", ours(robot, "withdraw", me, unit, STEP, hub.address));
    const order = { account: me, token: unit, amount: STEP, to: hub.address };
    const withdrawal = [...Object.values(order), await world.order(robot, "Withdraw", order)];
    await note("withdraw by order", ours(relayer, "withdrawWithSig", ...withdrawal));
    return done;
  }

  return { world, transfer, exact, textbook: textbookGas, claims: claimGas, moves };
}
