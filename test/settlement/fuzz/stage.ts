/** The verbs in which tests tell what tokens of the zoo do to a vault. */
import { encodeFunctionData } from "viem";
import { type Creature, deploy } from "../zoo.ts";
import { type Arena, openArena, type Party } from "./arena.ts";
import { encodeCall } from "./calldata.ts";
import type { Call, Calls } from "./calls.ts";
import type { Address } from "./cells.ts";
import { signOrder } from "./signing.ts";

export const NOBODY: Address = `0x${"00".repeat(20)}`;
/** Later than any block. */
export const FAR = 2n ** 40n;
const UNLIMITED = 2n ** 256n - 1n;

/** Opens an arena with two more tokens, in which a robot pays a hub. */
export async function openStage(): Promise<Stage> {
  const arena = await openArena();
  const lying = await deploy(arena.rpc, arena.owner, "LyingToken");
  const swallow = await deploy(arena.rpc, arena.owner, "SwallowToken");
  const { timestamp } = (await arena.rpc("eth_getBlockByNumber", ["latest", false])) as { timestamp: string };
  return new Stage(arena, lying, swallow, BigInt(timestamp));
}

export class Stage {
  readonly arena: Arena;
  readonly lying: Creature;
  readonly swallow: Creature;
  readonly robot: Party;
  readonly hub: Party;
  readonly stranger: Party;
  readonly wallet: Party;
  #second: bigint;

  constructor(arena: Arena, lying: Creature, swallow: Creature, second: bigint) {
    const [robot, hub, stranger, , , wallet] = arena.parties;
    if (!robot || !hub || !stranger || !wallet) throw new Error("there are too few parties");
    this.arena = arena;
    this.lying = lying;
    this.swallow = swallow;
    this.robot = robot;
    this.hub = hub;
    this.stranger = stranger;
    this.wallet = wallet;
    this.#second = second;
  }

  /** Runs one test; undo with what it answers. */
  async snapshot(): Promise<() => Promise<void>> {
    const id = await this.arena.rpc("evm_snapshot", []);
    return async () => {
      await this.arena.rpc("evm_revert", [id]);
    };
  }

  /** Lets the next call come that many seconds later. */
  pass(seconds: bigint): void {
    this.#second += seconds;
  }

  /** Sends a call of the vault; "ok" or the error. */
  async ask<K extends keyof Calls>(by: Party, name: K, args: Calls[NoInfer<K>]): Promise<string> {
    const data = encodeCall({ name, args } as unknown as Call);
    return await this.send(by.address, this.arena.vault, data);
  }

  /** Sends a call of a token; "ok" or the error. */
  async tell(
    by: Address,
    token: Creature,
    functionName: string,
    ...args: readonly unknown[]
  ): Promise<string> {
    return await this.send(by, token.address, encodeFunctionData({ abi: token.abi, functionName, args }));
  }

  /** Gives the robot tokens that the vault may pull. */
  async endow(token: Creature, units: bigint): Promise<void> {
    const { owner, vault } = this.arena;
    await this.must(this.tell(owner, token, "mint", this.robot.address, units));
    // the liar moves anybody's units for anybody
    if (token !== this.lying)
      await this.must(this.tell(this.robot.address, token, "approve", vault, UNLIMITED));
  }

  async view(token: Creature, functionName: string, ...args: readonly unknown[]): Promise<Address> {
    const data = encodeFunctionData({ abi: token.abi, functionName, args });
    return (await this.arena.rpc("eth_call", [{ to: token.address, data }, "latest"])) as Address;
  }

  async unitsOf(token: Creature, who: Address): Promise<bigint> {
    return BigInt(await this.view(token, "balanceOf", who));
  }

  async vaultOf(token: Creature, { address }: Party): Promise<bigint> {
    return (await this.arena.read("vault", [address, token.address])) as bigint;
  }

  /** The lane from the robot to the hub. */
  lane(token: Creature) {
    return { payer: this.robot.address, payee: this.hub.address, token: token.address };
  }

  /** What the vault owes in a token, having seen that it holds as much. */
  async owed(token: Creature): Promise<bigint> {
    const [settled, deposited] = (await this.arena.read("lane", Object.values(this.lane(token)))) as [
      bigint,
      bigint,
    ];
    const vaults = (await this.vaultOf(token, this.robot)) + (await this.vaultOf(token, this.hub));
    const sum = vaults + deposited - settled;
    const held = await this.unitsOf(token, this.arena.vault);
    if (held < sum) throw new Error(`the vault holds ${held} and owes ${sum}`);
    return sum;
  }

  /** Claims the robot's voucher of the first epoch. */
  async claim(token: Creature, cumulative: bigint): Promise<string> {
    const fields = [this.hub.address, token.address, 0n, cumulative];
    const signature = await signOrder(this.robot.key, this.arena.vault, "Voucher", fields);
    const rows = [{ payee: this.hub.address, epoch: 0n, cumulative, signature }];
    return await this.ask(this.stranger, "claimBatch", { token: token.address, rows, cut: false });
  }

  async deposit(token: Creature, amount: bigint): Promise<string> {
    return await this.ask(this.robot, "deposit", {
      account: this.robot.address,
      token: token.address,
      amount,
    });
  }

  async fund(token: Creature, amount: bigint): Promise<string> {
    return await this.ask(this.robot, "fundLane", { ...this.lane(token), amount, window: 0n });
  }

  async withdraw(token: Creature, { address }: Party, amount: bigint): Promise<string> {
    const party = address === this.hub.address ? this.hub : this.robot;
    return await this.ask(party, "withdraw", { account: address, token: token.address, amount, to: address });
  }

  /** Throws unless a call that a test starts with went through. */
  async must(answer: Promise<string>): Promise<void> {
    const said = await answer;
    if (said !== "ok") throw new Error(`a test could not begin: ${said}`);
  }

  /** Sends calldata; "ok" or the error. */
  async send(by: Address, to: Address, data: Address): Promise<string> {
    this.#second += 1n;
    return (await this.arena.send(by, to, data, this.#second)).answer;
  }
}
