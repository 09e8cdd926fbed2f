/**
 * Login by message, for a device that has no clock to date a CONNECT token with, or whose broker is somebody else's
 * and keeps CONNECT to itself.
 *
 * `login` without a token asks for a `challenge`: the gateway's time and a nonce. The device signs the ordinary token
 * with them and says `login` again, now with the token. One that knows the time may leave the first half out where the
 * broker allows it. A device whose wallet the gateway keeps has no key to sign with: its token is a mac over the challenge
 * (`protocol/seal.ts`), and nothing else will do for it. Here is no state: whoever must know which nonce it has given
 * keeps it.
 */
import { type Hex, toHex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import {
  checkConnectToken,
  clientIdOf,
  TOKEN_LIFE_MS,
  type TokenRules,
} from "../../protocol/connect-token.ts";
import { decodeMessage, type Message, parseJson } from "../../protocol/message.ts";
import { isSealMac, Opener, readSealToken, SEAL_TOKEN, Sealer, sealKeys } from "../../protocol/seal.ts";
import { TOPICS, type TopicName } from "../../protocol/topic.ts";
import type { ConnectClaim } from "../../protocol/typed-data.ts";
import type { BrokerCallbacks, SessionName } from "./broker.ts";
import type { NonceMemory } from "./nonce-memory.ts";

export type Login = Message<"login">;

/** A login with a token in it. */
export type SignedLogin = Login & { readonly token: string };

export type LoginRules = TokenRules & {
  readonly nonces: NonceMemory;
  readonly admit: BrokerCallbacks["admit"];
  readonly secretOf: (device: Hex) => Uint8Array | null;
  /** The name in the topic that the login came on; it must be the device's own. */
  readonly name: TopicName;
  /** The nonce of the newest challenge, which the token must have; null where any unused one will do. */
  readonly challenge: Hex | null;
};

/** What opens and seals the payloads of one session, and the secret that they are made of. */
export type Seals = { readonly secret: Uint8Array; readonly up: Opener; readonly down: Sealer };

export type LoginOutcome =
  /** `seals` is null where payloads are as they are. */
  | { readonly session: SessionName; readonly seals: Seals | null }
  /** `device` is null unless the token's signature held. */
  | { readonly refusal: Refusal; readonly device: Hex | null };

/** The login in a payload, or why it is none: `too_large`, `bad_json` or `bad_schema`. */
export function readLogin(payload: Uint8Array): Login | Refusal {
  if (payload.length > TOPICS.login.limit) return refuse("too_large");
  const value = parseJson(payload);
  if (value === undefined) return refuse("bad_json");
  return decodeMessage("login", value) ?? refuse("bad_schema");
}

/** Whether a token came with the login; without one the answer is a {@link challengeFor}. */
export function isSigned(login: Login): login is SignedLogin {
  return login.token !== null;
}

/**
 * A challenge with a fresh nonce.
 *
 * @param slot - of the connection that asked; null to ask every connection of a device to log in again
 */
export function challengeFor(slot: string | null, now: Instant): Message<"challenge"> {
  const nonce = toHex(crypto.getRandomValues(new Uint8Array(32)));
  return { version: 1, slot, nonce, time: now };
}

/**
 * The session that a signed login opens; its nonce is used up by then. A refused one leaves its nonce unused.
 *
 * The refusals are those of a CONNECT, and `wrong_topic` where the topic is another device's. Nobody is admitted before
 * the token's signature, or its mac, and times hold.
 */
export async function answerLogin(login: SignedLogin, rules: LoginRules): Promise<LoginOutcome> {
  const { device, slot, token } = login;
  const proof = token.startsWith(SEAL_TOKEN) ? proveBySecret(login, rules) : proveByKey(login, rules);
  if ("refusal" in proof) return proof;
  const { claim, seals } = proof;
  const name = await rules.admit(device);
  if (name === null) return { refusal: refuse("unknown_device"), device };
  const { manufacturer, serialNumber } = rules.name;
  if (name.manufacturer !== manufacturer || name.serialNumber !== serialNumber) {
    return { refusal: refuse("wrong_topic"), device };
  }
  if (!rules.nonces.use(device, claim, rules.now)) return { refusal: refuse("token_replayed"), device };
  return { session: { id: clientIdOf(device, slot), device, name, slot, nonce: claim.nonce }, seals };
}

type Proof =
  | { readonly claim: Pick<ConnectClaim, "nonce" | "expires">; readonly seals: Seals | null }
  | Exclude<LoginOutcome, { session: SessionName }>;

function proveByKey({ device, slot, token }: SignedLogin, rules: LoginRules): Proof {
  // A nonce that we have just drawn was signed by nobody before; our clock may have been set back since the start.
  const boot = rules.challenge === null ? rules.boot : instant(0);
  const claim = checkConnectToken(token, device, clientIdOf(device, slot), { ...rules, boot });
  if (isRefusal(claim)) return { refusal: claim, device: null };
  if (rules.challenge !== null && claim.nonce !== rules.challenge) {
    return { refusal: refuse("bad_token", "sign the nonce of the newest challenge"), device };
  }
  return rules.secretOf(device) === null ? { claim, seals: null } : { refusal: keptRefusal(), device };
}

/** Why a signature is not enough: its key is the gateway's own, so that nobody else can have signed with it. */
export function keptRefusal(): Refusal {
  return refuse(
    "bad_token",
    "the gateway keeps this device's wallet: log in with the secret that it was paired with",
  );
}

function proveBySecret({ device, slot, token }: SignedLogin, rules: LoginRules): Proof {
  const refused = (refusal: Refusal): Proof => ({ refusal, device: null });
  const claim = readSealToken(token);
  if (claim === null) return refused(refuse("bad_token", "write h1, both nonces and the mac in lower case"));
  const { gatewayNonce: nonce, deviceNonce, mac } = claim;
  if (nonce !== rules.challenge) {
    return refused(refuse("bad_token", "answer the nonce of this connection's newest challenge"));
  }
  const secret = rules.secretOf(device);
  if (secret === null) {
    return refused(refuse("unknown_device", "no wallet of this device is kept here: pair it again"));
  }
  const { gateway } = rules.market;
  const handshake = { gateway, device, slot, gatewayNonce: nonce, deviceNonce };
  if (!isSealMac(secret, handshake, mac)) {
    return refused(refuse("bad_token", "compute the mac with the secret that this device was paired with"));
  }
  const { up, down } = sealKeys(secret, handshake);
  const expires = rules.now + TOKEN_LIFE_MS;
  return { claim: { nonce, expires }, seals: { secret, up: new Opener(up), down: new Sealer(down) } };
}
