/**
 * Login by message, for a device that has no clock to date a CONNECT token with, or whose broker is somebody else's
 * and keeps CONNECT to itself.
 *
 * `login` without a token asks for a `challenge`: the gateway's time and a nonce. The device signs the ordinary token
 * with them and says `login` again, now with the token. One that knows the time may leave the first half out where the
 * broker allows it. Here is no state: whoever must know which nonce it has given keeps it.
 */
import { type Hex, toHex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { checkConnectToken, clientIdOf, type TokenRules } from "../../protocol/connect-token.ts";
import { decodeMessage, type Message, parseJson } from "../../protocol/message.ts";
import { TOPICS, type TopicName } from "../../protocol/topic.ts";
import type { BrokerCallbacks, Session } from "./broker.ts";
import type { NonceMemory } from "./nonce-memory.ts";

export type Login = Message<"login">;

/** A login with a token in it. */
export type SignedLogin = Login & { readonly token: string };

export type LoginRules = TokenRules & {
  readonly nonces: NonceMemory;
  readonly admit: BrokerCallbacks["admit"];
  /** The name in the topic that the login came on; it must be the device's own. */
  readonly name: TopicName;
  /** The nonce of the newest challenge, which the token must have; null where any unused one will do. */
  readonly challenge: Hex | null;
};

export type LoginOutcome =
  | { readonly session: Session }
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
 * the token's signature and times hold.
 */
export async function answerLogin(login: SignedLogin, rules: LoginRules): Promise<LoginOutcome> {
  const { device, slot, token } = login;
  const id = clientIdOf(device, slot);
  // A nonce that we have just drawn was signed by nobody before; our clock may have been set back since the start.
  const boot = rules.challenge === null ? rules.boot : instant(0);
  const claim = checkConnectToken(token, device, id, { ...rules, boot });
  if (isRefusal(claim)) return { refusal: claim, device: null };
  if (rules.challenge !== null && claim.nonce !== rules.challenge) {
    return { refusal: refuse("bad_token", "sign the nonce of the newest challenge"), device };
  }
  const name = await rules.admit(device);
  if (name === null) return { refusal: refuse("unknown_device"), device };
  const { manufacturer, serialNumber } = rules.name;
  if (name.manufacturer !== manufacturer || name.serialNumber !== serialNumber) {
    return { refusal: refuse("wrong_topic"), device };
  }
  if (!rules.nonces.use(device, claim, rules.now)) return { refusal: refuse("token_replayed"), device };
  return { session: { id, device, name, slot, nonce: claim.nonce } };
}
