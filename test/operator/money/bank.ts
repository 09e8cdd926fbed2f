/** One anvil, one gateway's folder and two enrolled devices, for the commands that move money. */

import { privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import type { DevicePorts } from "../../../src/operator/device/ports.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";
import { openStand } from "../device/stand.ts";

type Command = (args: string[], io: Bank["stand"]["io"], ports: DevicePorts) => Promise<number>;

export type Bank = Awaited<ReturnType<typeof openBank>>;

/** An account that no other test has: a gateway's key is locked for the whole machine. */
async function newGateway(world: World): Promise<Actor> {
  const privateKey = toHex(randomKey());
  const key = privateKeyToAccount(privateKey);
  const address = addressOfKey(fromHex(privateKey));
  await world.rpc("anvil_setBalance", [address, "0x56bc75e2d63100000"]);
  // anvil signs for its own accounts only
  await world.rpc("anvil_impersonateAccount", [address]);
  return { address, key, privateKey };
}

export async function openBank() {
  const world = await startWorld();
  const { chainId: id, vault, token } = world;
  const stand = openStand({ id, rpc: world.local.url, vault, token });
  const [rich, , robot, arm] = world.others as [Actor, Actor, Actor, Actor];
  const gateway = await newGateway(world);
  const add = (name: string, who: Actor) => stand.run(deviceCommand, "add", name, "--address", who.address);
  await add("robot-1", robot);
  stand.put("data/gateway.key", gateway.privateKey);
  await add("arm-2", arm);
  const from = stand.put("rich.key", rich.privateKey);
  const robotKey = stand.put("robot.key", robot.privateKey);

  /** How many transactions were sent, waiting ones included. */
  const ledger = async () => ({
    block: await world.rpc("eth_blockNumber", []),
    sent: await Promise.all(
      [rich, gateway].map(({ address }) => world.rpc("eth_getTransactionCount", [address, "pending"])),
    ),
  });
  return {
    world,
    stand,
    rich,
    gateway,
    robot,
    arm,
    /** The key files of `rich` and of `robot`. */
    from,
    robotKey,
    /** The gateway's settings with this in `[settlement]`. */
    settle: (settlement: string) =>
      stand.configure("127.0.0.1:1883", undefined, `settlement = { ${settlement} }`),
    /** Gives an account tokens and nothing else. */
    mint: (who: Actor, units: bigint) => world.send(world.owner, token, "mint", [who.address, units]),
    allow: (who: Actor, units: bigint) => world.send(who, token, "approve", [vault, units]),
    allowance: (who: Actor) => world.read(token, "allowance", [who.address, vault]) as Promise<bigint>,
    setCoins: (who: Actor, wei: bigint) =>
      world.rpc("anvil_setBalance", [who.address, `0x${wei.toString(16)}`]),
    coins: async (who: Actor) => BigInt((await world.rpc("eth_getBalance", [who.address, "latest"])) as Hex),
    /** Runs a command that must fail, and checks that nothing was sent. */
    refused: async (command: Command, args: readonly string[], code: string, message: RegExp) => {
      const before = await ledger();
      await expect(stand.run(command, ...args)).rejects.toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      );
      expect(await ledger()).toEqual(before);
    },
    ledger,
    stop: async () => {
      await world.local.stop();
      stand.remove();
    },
  };
}
