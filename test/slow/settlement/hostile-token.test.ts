import { createRequire } from "node:module";
import {
  type Abi,
  decodeErrorResult,
  encodeAbiParameters,
  encodeFunctionData,
  type RpcTransactionReceipt,
} from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { VAULT_ABI } from "../../../src/settlement/chain.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";

/** A token that calls back while it moves and answers as it is told. Everyone has as much of it as they like. */
const SOURCE = `
// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
contract HostileToken {
    mapping(address => uint256) public balanceOf;
    address target;
    bytes data;
    bytes answer;
    bool public entered;
    bytes public refusal;
    function plan(address target_, bytes calldata data_, bytes calldata answer_) external {
        target = target_; data = data_; answer = answer_;
    }
    function transferFrom(address, address to, uint256 value) external { move(to, value); }
    function transfer(address to, uint256 value) external { balanceOf[msg.sender] -= value; move(to, value); }
    function move(address to, uint256 value) private {
        balanceOf[to] += value;
        if (target != address(0)) (entered, refusal) = target.call(data);
        bytes memory said = answer;
        assembly { return(add(said, 32), mload(said)) }
    }
}`;

const NOBODY = `0x${"00".repeat(20)}`;

describe("LaneVault with a hostile token", () => {
  let world: World;
  let clean: Hex;
  let abi: Abi;
  let token: Hex;
  let robot: Actor;
  let hub: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub] = world.others as [Actor, Actor];
    const built = compile();
    abi = built.abi;
    const creation = { from: robot.address, data: built.bytecode, gas: "0xf42400" };
    const receipt = (await world.rpc("eth_sendTransactionSync", [creation])) as RpcTransactionReceipt;
    token = receipt.contractAddress ?? "0x";
    await deposit(100n);
  }, 60_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const call = (name: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi: VAULT_ABI, functionName: name, args });
  const deposit = (units: bigint) => world.send(robot, world.vault, "deposit", [robot.address, token, units]);
  const credit = async () => (await world.read(world.vault, "vault", [robot.address, token])) as bigint;
  const ask = (functionName: string) => world.client.readContract({ address: token, abi, functionName });
  async function plan(target: string, data: Hex, answer: Hex): Promise<void> {
    const input = encodeFunctionData({ abi, functionName: "plan", args: [target, data, answer] });
    await world.rpc("eth_sendTransactionSync", [{ from: robot.address, to: token, data: input }]);
  }

  it.each([
    ["deposit", () => [robot.address, token, 50n]],
    ["depositLane", () => [robot.address, hub.address, token, 50n]],
    ["withdraw", () => [token, 1n, hub.address]],
    ["withdrawWithSig", () => [robot.address, token, 1n, hub.address, 2n ** 40n, 0n, "0x"]],
  ] as const)("does not let it re-enter %s, so a deposit counts once", async (name, args) => {
    await plan(world.vault, call(name, args()), "0x");
    expect((await deposit(10n)).ok).toBe(true);
    expect(await ask("entered")).toBe(false);
    const data = (await ask("refusal")) as Hex;
    expect(decodeErrorResult({ abi: VAULT_ABI, data }).errorName).toBe("Reentered");
    expect(await credit()).toBe(110n);
    expect(await ask("entered")).toBe(false);
  });

  it("reads a lane after the token ran, which may have started its close", async () => {
    await world.send(robot, world.vault, "fundLane", [hub.address, token, 5n]);
    const fill = [robot.address, hub.address, token, 7n];
    const closing = call("finalizeClose", [robot.address, hub.address, token]);
    await world.send(robot, world.vault, "requestClose", [hub.address, token]);
    await world.pass(3_600);
    await plan(world.vault, closing, "0x");
    await world.send(robot, world.vault, "depositLane", fill);
    expect(await ask("entered")).toBe(true);
    const lane = await world.read(world.vault, "lane", [robot.address, hub.address, token]);
    expect(lane).toEqual([0n, 7n, 0, 1]);
    expect(await credit()).toBe(100n);
  });

  it.each([
    ["nothing", "0x", true],
    ["true", encodeAbiParameters([{ type: "bool" }], [true]), true],
    ["false", encodeAbiParameters([{ type: "bool" }], [false]), false],
    ["two", encodeAbiParameters([{ type: "uint256" }], [2n]), false],
    ["one byte", "0x01", false],
  ] as const)("takes %s as the token's answer for what it is", async (_, answer, ok) => {
    await plan(NOBODY, "0x", answer);
    expect((await deposit(10n)).ok).toBe(ok);
    expect((await world.send(robot, world.vault, "withdraw", [token, 10n, hub.address])).ok).toBe(ok);
  });
});

function compile(): { abi: Abi; bytecode: Hex } {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object"] } };
  const input = { language: "Solidity", sources: { t: { content: SOURCE } }, settings: { outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as {
    contracts: { t: { HostileToken: { abi: Abi; evm: { bytecode: { object: string } } } } };
  };
  const { abi, evm } = output.contracts.t.HostileToken;
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}
