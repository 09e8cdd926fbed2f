import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deployCommand } from "../../../src/operator/money/deploy.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { type Bank, openBank } from "./bank.ts";

/** The stand ends every command with its own `--config FILE`; a deployment comes before there is one. */
const deploy: typeof deployCommand = (args, io, ports) => deployCommand(args.slice(0, -2), io, ports);

let bank: Bank;
beforeAll(async () => {
  bank = await openBank();
});
afterAll(() => bank.stop());

describe("hirewire deploy", () => {
  it("puts a vault on the chain that a gateway can open", async () => {
    const { local, token, chainId } = bank.world;
    const options = ["--rpc", local.url, "--from", bank.from, "--token", token, "--json"];
    const { written } = await bank.stand.run(deploy, ...options);
    const found = JSON.parse(written);
    expect(found).toMatchObject({ chainId, token, decimals: 6 });
    const chain = await openEvmChain({ urls: [local.url], chainId, vault: found.vault });
    expect(chain.vault).toBe(found.vault);
  });

  it("prints the section that gateway.toml needs", async () => {
    const { local, token } = bank.world;
    const { written } = await bank.stand.run(
      deploy,
      "--rpc",
      local.url,
      "--from",
      bank.from,
      "--token",
      token,
    );
    expect(written).toMatch(
      /^\[chain\]\nid = 31337\nrpc = "http:.*"\nvault = "0x[0-9a-f]{40}"\ntoken = "0x[0-9a-f]{40}"\n$/,
    );
  });

  it("deploys play money as well, and gives it to whoever pays for it", async () => {
    const { local } = bank.world;
    const options = ["--rpc", local.url, "--from", bank.from, "--play-money", "--json"];
    const { chainId, vault, token } = JSON.parse((await bank.stand.run(deploy, ...options)).written);
    const chain = await openEvmChain({ urls: [local.url], chainId, vault });
    expect(await chain.tokenBalance(bank.rich.address, token)).toBe(1_000_000_000_000n);
    const both = [...options, "--token", bank.world.token];
    await bank.refused(deploy, both, "usage", /--token 0x… \| --play-money/);
  });

  it.each([
    [["--rpc", "nowhere"], /no URL/],
    [["--token", "0x12"], /--token/],
  ])("refuses %j before it sends anything", async (more, message) => {
    const { local, token } = bank.world;
    const options = ["--rpc", local.url, "--from", bank.from, "--token", token, ...more];
    await bank.refused(deploy, options, "usage", message);
  });
});
