/** Who may connect: the checks of a CONNECT, in the order of what they cost and tell. */
import type { Hex } from "../../base/bytes.ts";
import { isRefusal, type Refusal, type RefusalCode, refuse } from "../../base/refusal.ts";
import { checkConnectToken, type TokenRules } from "../../protocol/connect-token.ts";
import type { TopicName } from "../../protocol/topic.ts";
import type { BrokerCallbacks } from "./broker.ts";
import { keptRefusal, type LoginOutcome } from "./login.ts";
import type { NonceMemory } from "./nonce-memory.ts";
import { checkPublish, type Publication } from "./topic-rights.ts";

export type ConnectRequest = {
  readonly clientId: string;
  /** Empty where the CONNECT has none. */
  readonly username: string;
  readonly password: string;
  readonly will: Publication | null;
};

type AdmissionRules = TokenRules & {
  readonly nonces: NonceMemory;
  readonly admit: BrokerCallbacks["admit"];
  readonly secretOf: (device: Hex) => Uint8Array | null;
};

/** Whose connection a client id names: the address and the slot in it. Null for any other text. */
export function ownerOf(clientId: string): { readonly device: Hex; readonly slot: string } | null {
  const [, device, slot] = /^(0x[0-9a-f]{40})-([A-Za-z0-9]{1,16})$/.exec(clientId) ?? [];
  return device === undefined || slot === undefined ? null : { device: device as Hex, slot };
}

/** The session of a good CONNECT, whose nonce is used up by then. A refused one leaves its nonce unused. */
export async function admitConnect(request: ConnectRequest, rules: AdmissionRules): Promise<LoginOutcome> {
  const { clientId } = request;
  const owner = ownerOf(clientId);
  if (!owner) return { refusal: refuse("bad_token"), device: null };
  const claim = checkConnectToken(request.password, request.username, clientId, rules);
  if (isRefusal(claim)) return { refusal: claim, device: null };
  // A good token is signed by the username, and the client id is that and a slot.
  const { device, slot } = owner;
  if (rules.secretOf(device) !== null) return { refusal: keptRefusal(), device };
  const name = await rules.admit(device);
  if (name === null) return { refusal: refuse("unknown_device"), device };
  const refusal = refusedWill(request.will, name);
  if (refusal !== null) return { refusal, device };
  if (!rules.nonces.use(device, claim, rules.now)) return { refusal: refuse("token_replayed"), device };
  return { session: { id: clientId, device, name, slot, nonce: claim.nonce }, seals: null };
}

/** Why a last will cannot be a device's: it is its `connection` message, or there is none. */
export function refusedWill(will: Publication | null, name: TopicName): Refusal | null {
  const topic = will && checkPublish(name, will);
  if (isRefusal(topic)) return topic;
  return topic === null || topic === "connection" ? null : refuse("wrong_topic");
}

/**
 * The return code of a refused CONNECT: 4 where a freshly signed token would help, 3 where waiting would, 5 where
 * neither does. Source: MQTT 3.1.1 table 3.1.
 */
export function returnCodeOf(refused: RefusalCode): 3 | 4 | 5 {
  if (refused === "too_many") return 3;
  return refused === "bad_token" || refused === "token_expired" || refused === "token_replayed" ? 4 : 5;
}
