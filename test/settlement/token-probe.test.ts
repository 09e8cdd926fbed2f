import {
  domainSeparator,
  encodeAbiParameters,
  hexToString,
  padHex,
  stringToHex,
  toFunctionSelector,
} from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import type { Chain } from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { checkToken, recheckToken, type TokenChain } from "../../src/settlement/token-probe.ts";
import { TRAPS } from "../../src/settlement/token-registry.ts";
import { startWorld, type World } from "./world.ts";
import { type Creature, deploy, type Species, tell } from "./zoo.ts";

const mismatch = (field: string, expected: unknown, found: unknown) =>
  expect.objectContaining({
    name: "Fault",
    code: "token_mismatch",
    facts: expect.objectContaining({ field, expected, found }),
  });

describe("tokens on a chain", () => {
  let world: World;
  let chain: Chain;
  let clean: Hex;
  const zoo = new Map<Species, Creature>();

  beforeAll(async () => {
    world = await startWorld();
    const { chainId, vault } = world;
    chain = await openEvmChain({ urls: [world.local.url], chainId, vault });
    for (const species of ["LegacyUsdt", "Usdt0", "Peg18", "SwallowToken"] as const) {
      zoo.set(species, await deploy(world.rpc, world.owner.address, species));
    }
    // the compiler takes its time
  }, 120_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return () => world.revert(clean);
  });
  afterAll(() => world.local.stop());

  const of = (species: Species) => zoo.get(species) as Creature;
  const own = (token: Creature, name: string, args: readonly unknown[]) =>
    tell(world.rpc, world.owner.address, token, name, args);

  it("knows legacy USDT by its fee settings, and that nobody can sign for it", async () => {
    const token = of("LegacyUsdt");
    const profile = await checkToken(chain, token.address);
    expect(profile).toEqual({
      chainId: 31_337,
      token: token.address,
      kind: "play",
      decimals: 6,
      domain: null,
      eip3009: false,
      permit: false,
      fee: { basisPoints: 0n, maximum: 0n },
      paused: false,
    });
    await own(token, "setPaused", [true]);
    expect(await recheckToken(chain, profile)).toEqual({ ...profile, paused: true });
    await own(token, "setParams", [19n, 49n]);
    await expect(recheckToken(chain, profile)).rejects.toThrow(mismatch("fee in basis points", "0", "19"));
    expect(await checkToken(chain, token.address)).toMatchObject({
      fee: { basisPoints: 19n, maximum: 49_000_000n },
    });
  });

  it("knows USDT0 by its domain, and stops when its owner renames it", async () => {
    const token = of("Usdt0");
    const profile = await checkToken(chain, token.address);
    expect(profile).toMatchObject({
      decimals: 6,
      domain: { name: "USDT0", version: "1" },
      eip3009: true,
      permit: true,
      fee: null,
      paused: null,
    });
    expect(await recheckToken(chain, profile)).toEqual(profile);
    await own(token, "rename", ["USD₮0"]);
    await expect(recheckToken(chain, profile)).rejects.toThrow(mismatch("domain name", "USDT0", "USD₮0"));
    expect(await checkToken(chain, token.address)).toMatchObject({ domain: { name: "USD₮0" } });
  });

  it("reads 18 decimals, and the play money of the demo", async () => {
    const peg = of("Peg18");
    expect(await checkToken(chain, peg.address)).toMatchObject({
      decimals: 18,
      eip3009: false,
      permit: false,
    });
    expect(await checkToken(chain, world.token)).toMatchObject({ kind: "play", decimals: 6, domain: null });
  });

  it("is not taken in by a token whose fallback swallows every question", async () => {
    const token = of("SwallowToken");
    const profile = await checkToken(chain, token.address).catch((error: unknown) => error);
    expect(profile).toMatchObject({ eip3009: false, permit: false, domain: null });
  });

  it("refuses an address with no token", async () => {
    const nothing = mismatch("decimals", "0..24", "no answer");
    await expect(checkToken(chain, world.owner.address)).rejects.toThrow(nothing);
    await expect(checkToken(chain, world.vault)).rejects.toThrow(nothing);
  });
});

describe("tokens of the registry", () => {
  const word = (value: bigint | number) => padHex(`0x${value.toString(16)}`);
  const text = (value: string) => encodeAbiParameters([{ type: "string" }], [value]);
  const selector = (name: string) =>
    toFunctionSelector(
      {
        authorizationState: "authorizationState(address,bytes32)",
        nonces: "nonces(address)",
      }[name] ?? `${name}()`,
    );

  /** A chain on which every address answers like this; what is not named reverts. */
  function chainOf(chainId: number, answers: Readonly<Record<string, Hex>>): TokenChain {
    const known = new Map(Object.entries(answers).map(([name, answer]) => [selector(name), answer]));
    return {
      chainId,
      view: (calls) => Promise.resolve(calls.map(({ data }) => known.get(data.slice(0, 10) as Hex) ?? null)),
    };
  }
  const separatorOf = (chainId: number, token: Hex, name: string, version: string) =>
    domainSeparator({ domain: { name, version, chainId, verifyingContract: token } });
  const FLARE: Hex = "0xe7cd86e13AC4309349F30B3435a9d337750fC82D";
  /** USDT0 as Flare should have it. */
  const flare = (over: Readonly<Record<string, Hex>> = {}, name = "USD₮0") => ({
    decimals: word(6),
    name: text(name),
    DOMAIN_SEPARATOR: separatorOf(14, FLARE, name, "1"),
    authorizationState: word(0),
    nonces: word(0),
    ...over,
  });

  it("are what the registry says", async () => {
    expect(await checkToken(chainOf(14, flare()), FLARE)).toMatchObject({
      kind: "usdt0",
      domain: { name: "USD₮0", version: "1" },
      eip3009: true,
      permit: true,
    });
  });

  it.each([
    ["other decimals", flare({ decimals: word(18) }), "decimals", "6", "18"],
    ["absurd decimals", flare({ decimals: word(25) }), "decimals", "6", "25"],
    ["another name", flare({}, "USDT0"), "domain name", "USD₮0", "USDT0"],
    ["no EIP-3009", flare({ authorizationState: "0x" }), "EIP-3009", "true", "false"],
    ["nonsense for EIP-3009", flare({ authorizationState: word(2) }), "EIP-3009", "true", "false"],
    ["no domain", flare({ DOMAIN_SEPARATOR: "0x" }), "domain name", "USD₮0", "undefined"],
    [
      "the domain of another chain",
      flare({ DOMAIN_SEPARATOR: separatorOf(15, FLARE, "USD₮0", "1") }),
      "DOMAIN_SEPARATOR",
      'that of "USD₮0" version 1 or 2',
      separatorOf(15, FLARE, "USD₮0", "1"),
    ],
    [
      "another version than it says",
      flare({ version: text("2") }),
      "DOMAIN_SEPARATOR",
      'that of "USD₮0" version 2',
      separatorOf(14, FLARE, "USD₮0", "1"),
    ],
  ])("are refused with %s", async (_, answers, field, expected, found) => {
    await expect(checkToken(chainOf(14, answers), FLARE)).rejects.toThrow(mismatch(field, expected, found));
  });

  it("are refused as legacy USDT without its fee settings", async () => {
    const legacy: Hex = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
    const plain = { decimals: word(6), name: text("Tether USD") };
    await expect(checkToken(chainOf(1, plain), legacy)).rejects.toThrow(
      mismatch("fee settings", "true", "false"),
    );
    const whole = { ...plain, basisPointsRate: word(0), maximumFee: word(0), paused: word(0) };
    expect(await checkToken(chainOf(1, whole), legacy)).toMatchObject({ kind: "legacy", paused: false });
  });

  it("may have a domain of their own kind when a bridge made them: nobody signs then", async () => {
    const linea: Hex = "0xA219439258ca9da29E9Cc4cE5596924745e12B93";
    const bridged = {
      decimals: word(6),
      name: text("USDT"),
      DOMAIN_SEPARATOR: word(99),
      nonces: word(0),
      authorizationState: word(0),
    };
    expect(await checkToken(chainOf(59_144, bridged), linea)).toMatchObject({
      kind: "bridged",
      domain: null,
      eip3009: false,
      permit: false,
    });
  });

  it("are refused at every address that is known to be something else", async () => {
    for (const { chainId, address, what } of TRAPS) {
      const chain = chainOf(chainId, flare());
      await expect(checkToken(chain, address)).rejects.toThrow(mismatch("address", "USDT", what));
    }
  });

  it("may be unknown, which the profile says; a name of 32 bytes is a name", async () => {
    const early: Hex = `0x${"77".repeat(20)}`;
    const answers = {
      decimals: word(8),
      name: stringToHex("Early Dollar", { size: 32 }),
      version: text("7"),
      DOMAIN_SEPARATOR: separatorOf(1, early, "Early Dollar", "7"),
    };
    const profile = await checkToken(chainOf(1, answers), early);
    expect(profile).toMatchObject({
      kind: null,
      decimals: 8,
      domain: { name: "Early Dollar", version: "7" },
    });
    expect(hexToString(answers.name).length).toBe(32);
    const changed = { ...answers, decimals: word(9) };
    await expect(recheckToken(chainOf(1, changed), profile)).rejects.toThrow(mismatch("decimals", "8", "9"));
  });
});
