import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { curveKernels } from "../../src/kernels/kernels.ts";
import { isSignedBy, randomKey } from "../../src/kernels/signature.ts";
import {
  checkConnectToken,
  clientIdOf,
  signConnectToken,
  TOKEN_LIFE_MS,
} from "../../src/protocol/connect-token.ts";
import { keySigner } from "../../src/protocol/signer.ts";
import { connectDigest, type Market } from "../../src/protocol/typed-data.ts";
import { watchCalls } from "../kernels/claims.ts";

const robot = keySigner(new Uint8Array(32).fill(2));
const thief = keySigner(new Uint8Array(32).fill(3));
const market: Market = {
  chainId: 31_337,
  vault: `0x${"aa".repeat(20)}`,
  token: `0x${"bb".repeat(20)}`,
  gateway: `0x${"cc".repeat(20)}`,
};
const NOW = 1_800_000_000_000;
const BOOT = NOW - 3_600_000;
const NONCE: Hex = `0x${"5a".repeat(32)}`;
const CLIENT = clientIdOf(robot.address, "main");
const rules = { market, now: instant(NOW), boot: instant(BOOT) };

const claimed = (issued: number, expires: number) => ({ clientId: CLIENT, issued, expires, nonce: NONCE });
const tokenFor = (issued: number, expires: number, signer = robot) =>
  signConnectToken(market, signer, claimed(issued, expires));
const check = (token: string, change: Partial<typeof rules> = {}) =>
  checkConnectToken(token, robot.address, CLIENT, { ...rules, ...change });

describe("a CONNECT token", () => {
  it("gives back what its device has claimed", async () => {
    const token = await tokenFor(NOW, NOW + TOKEN_LIFE_MS);
    expect(check(token)).toEqual(claimed(NOW, NOW + TOKEN_LIFE_MS));
    expect(token.length).toBeLessThan(256);
  });

  it.each([
    ["expires now", "token_expired", NOW - 10, NOW],
    ["expires in a millisecond", "good", NOW - 10, NOW + 1],
    ["lives ten minutes", "good", NOW, NOW + 600_000],
    ["lives a millisecond longer", "token_expired", NOW, NOW + 600_001],
    ["is a minute ahead", "good", NOW + 60_000, NOW + 100_000],
    ["is more than a minute ahead", "token_expired", NOW + 60_001, NOW + 100_000],
  ])("that %s is %s", async (_, outcome, issued, expires) => {
    const found = check(await tokenFor(issued, expires));
    expect("refused" in found ? found.refused : "good").toBe(outcome);
  });

  it("from before the gateway's start is refused, at the start it is not", async () => {
    const token = await tokenFor(NOW - 5, NOW + 5);
    expect(check(token, { boot: instant(NOW - 4) })).toMatchObject({ refused: "token_expired" });
    expect(check(token, { boot: instant(NOW - 5) })).toEqual(claimed(NOW - 5, NOW + 5));
  });

  it("speaks for its signer, gateway, chain and client id alone", async () => {
    const token = await tokenFor(NOW, NOW + 1_000);
    const bad = { refused: "bad_token" };
    expect(check(await tokenFor(NOW, NOW + 1_000, thief))).toMatchObject(bad);
    expect(check(token, { market: { ...market, gateway: thief.address } })).toMatchObject(bad);
    expect(check(token, { market: { ...market, chainId: 1 } })).toMatchObject(bad);
    expect(checkConnectToken(token, robot.address, clientIdOf(robot.address, "b"), rules)).toMatchObject(bad);
    expect(checkConnectToken(token, thief.address, clientIdOf(thief.address, "main"), rules)).toMatchObject(
      bad,
    );
    expect(checkConnectToken(token, robot.address, clientIdOf(thief.address, "main"), rules)).toMatchObject(
      bad,
    );
  });

  it("of a stranger is judged without a trace, a known device's by its key", async () => {
    const calls = watchCalls(curveKernels());
    const stranger = keySigner(randomKey());
    const client = clientIdOf(stranger.address, "main");
    const claim = { clientId: client, issued: NOW, expires: NOW + 1_000, nonce: NONCE };
    const token = await signConnectToken(market, stranger, claim);
    const ask = () => checkConnectToken(token, stranger.address, client, rules);
    for (let again = 0; again < 40; again++) expect(ask()).toEqual(claim);
    expect(calls()).toEqual({ recoverOne: Array(40).fill(expect.any(Number)) });
    // as a command of an enrolled device is checked
    const digest = connectDigest(market, claim);
    expect(isSignedBy(stranger.address, digest, await stranger.sign(digest))).toBe(true);
    calls();
    expect(ask()).toEqual(claim);
    expect(calls()).toEqual({ verifyOne: [expect.any(Number)] });
  });

  it("in any other form is refused", async () => {
    const token = await tokenFor(NOW, NOW + 1_000);
    const forms = [
      "",
      "v1",
      token.replace("v1", "v2"),
      `${token}0`,
      token.slice(0, -1),
      ` ${token}`,
      token.toUpperCase(),
    ];
    for (const form of [...forms, token.replace(String(NOW), `${NOW}.0`), token.replaceAll(".", ":")]) {
      expect(check(form)).toMatchObject({ refused: "bad_token" });
    }
  });
});
