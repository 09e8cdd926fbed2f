import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { isRefusal } from "../../../src/base/refusal.ts";
import {
  answerLogin,
  challengeFor,
  isSigned,
  type LoginRules,
  readLogin,
  type SignedLogin,
} from "../../../src/link/broker/login.ts";
import { NonceMemory } from "../../../src/link/broker/nonce-memory.ts";
import { TOKEN_LIFE_MS } from "../../../src/protocol/connect-token.ts";
import { makeDevice, market } from "./stand.ts";

const NOW = 1_800_000_000_000;
const nonce: Hex = toHex(new Uint8Array(32).fill(7));
const robot = makeDevice();
const thief = makeDevice({ manufacturer: "acme", serialNumber: "thief" });

function rulesOf(changes: Partial<LoginRules> = {}): LoginRules {
  const names = new Map([robot, thief].map(({ address, name }) => [address, name]));
  return {
    ...{ market, now: instant(NOW), boot: instant(NOW - 1_000), name: robot.name, challenge: null },
    nonces: new NonceMemory(16),
    admit: (device) => names.get(device) ?? null,
    secretOf: () => null,
    ...changes,
  };
}

async function loginOf(
  changes: Parameters<typeof robot.tokenFor>[1] = {},
  by = robot,
  as = robot,
): Promise<SignedLogin> {
  const token = await by.tokenFor(as.clientId(), {
    issued: NOW,
    expires: NOW + TOKEN_LIFE_MS,
    nonce,
    ...changes,
  });
  return { version: 1, device: as.address, slot: "main", token };
}

describe("a login by message", () => {
  it("with the nonce of our challenge is good though our clock was set back since the start", async () => {
    const login = await loginOf();
    const boot = instant(NOW + 3_600_000);
    const said = async (challenge: Hex | null) => {
      const outcome = await answerLogin(login, rulesOf({ boot, challenge }));
      return "refusal" in outcome ? outcome.refusal.refused : outcome.session.nonce;
    };
    expect([await said(null), await said(nonce)]).toEqual(["token_expired", nonce]);
  });

  it("is read from JSON of at most 1,024 bytes", () => {
    const login = { version: 1, device: robot.address, slot: "a", token: null };
    const read = (text: string) => {
      const found = readLogin(Buffer.from(text));
      return isRefusal(found) ? found.refused : found;
    };
    expect(read(JSON.stringify(login))).toEqual(login);
    expect(read("{")).toBe("bad_json");
    expect(read(JSON.stringify({ ...login, slot: "a-b" }))).toBe("bad_schema");
    expect(read(JSON.stringify({ ...login, more: 1 }))).toBe("bad_schema");
    expect(read(JSON.stringify({ ...login, token: "x".repeat(601) }))).toBe("bad_schema");
    expect(read(`${JSON.stringify(login)}${" ".repeat(1_024)}`)).toBe("too_large");
  });

  it("without a token asks for a challenge, each with a nonce of its own", () => {
    expect(isSigned({ version: 1, device: robot.address, slot: "a", token: null })).toBe(false);
    const [one, other] = [challengeFor("a", instant(NOW)), challengeFor(null, instant(NOW))];
    expect(one).toMatchObject({ version: 1, slot: "a", time: NOW });
    expect(other.slot).toBeNull();
    expect(one.nonce).toMatch(/^0x[0-9a-f]{64}$/);
    expect(one.nonce).not.toBe(other.nonce);
  });

  it("opens the session of the device that has signed it, once", async () => {
    const rules = rulesOf({ challenge: nonce });
    const login = await loginOf();
    const session = { id: robot.clientId(), device: robot.address, name: robot.name, slot: "main", nonce };
    expect(await answerLogin(login, rules)).toEqual({ session, seals: null });
    expect(await answerLogin(login, rules)).toMatchObject({ refusal: { refused: "token_replayed" } });
  });

  it("admits nobody twice who says it twice at once", async () => {
    const admitting = Promise.withResolvers<void>();
    const rules = rulesOf({ admit: () => admitting.promise.then(() => robot.name) });
    const login = await loginOf();
    const answers = [answerLogin(login, rules), answerLogin(login, rules)];
    admitting.resolve();
    expect((await Promise.all(answers)).filter((answer) => "session" in answer)).toHaveLength(1);
  });

  it.each([
    ["another nonce than the challenge's", "bad_token", { nonce: toHex(new Uint8Array(32).fill(8)) }],
    ["a token of another market", "bad_token", { market: { ...market, chainId: 1 } }],
    ["a token that is over", "token_expired", { issued: NOW - 500, expires: NOW }],
    ["a token from before the gateway's start", "token_expired", { issued: NOW - 1_001 }],
    ["a token that lives too long", "token_expired", { expires: NOW + TOKEN_LIFE_MS + 1 }],
    ["a token from the future", "token_expired", { issued: NOW + 60_001 }],
  ])("is refused with %s: %s", async (_, code, changes) => {
    const asked: Hex[] = [];
    const rules = rulesOf({
      challenge: nonce,
      admit: (device) => {
        asked.push(device);
        return robot.name;
      },
    });
    expect(await answerLogin(await loginOf(changes), rules)).toMatchObject({ refusal: { refused: code } });
    expect(asked).toEqual([]);
  });

  it("is refused with somebody else's signature, on somebody else's topic, and where nobody has enrolled it", async () => {
    expect(await answerLogin(await loginOf({}, thief, robot), rulesOf())).toMatchObject({
      refusal: { refused: "bad_token" },
      device: null,
    });
    expect(await answerLogin(await loginOf({}, thief, thief), rulesOf())).toMatchObject({
      refusal: { refused: "wrong_topic" },
      device: thief.address,
    });
    expect(await answerLogin(await loginOf(), rulesOf({ admit: () => null }))).toMatchObject({
      refusal: { refused: "unknown_device" },
      device: robot.address,
    });
  });

  it("leaves its nonce unused when it is refused", async () => {
    const nonces = new NonceMemory(16);
    await answerLogin(await loginOf(), rulesOf({ nonces, name: thief.name }));
    expect(await answerLogin(await loginOf(), rulesOf({ nonces }))).toHaveProperty("session");
  });
});
