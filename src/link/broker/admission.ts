/** Who may connect: the checks of a CONNECT, in the order of what they cost and tell. */
import type { Hex } from "../../base/bytes.ts";
import { isRefusal, type Refusal, type RefusalCode, refuse } from "../../base/refusal.ts";
import { checkConnectToken, type TokenRules } from "../../protocol/connect-token.ts";
import type { TopicName } from "../../protocol/topic.ts";
import type { Session } from "./broker.ts";
import type { NonceMemory } from "./nonce-memory.ts";
import { checkPublish, type Publication } from "./topic-rights.ts";

type ConnectRequest = {
  readonly clientId: string;
  /** Empty where the CONNECT has none. */
  readonly username: string;
  readonly password: string;
  readonly will: Publication | null;
};

type AdmissionRules = TokenRules & {
  readonly nonces: NonceMemory;
  readonly admit: (device: Hex) => TopicName | null;
};

type Admission =
  | { readonly session: Session }
  /** `device` is null unless the token's signature held. */
  | { readonly refusal: Refusal; readonly device: Hex | null };

/** The session of a good CONNECT, whose nonce is used up by then. A refused one leaves its nonce unused. */
export function admitConnect(request: ConnectRequest, rules: AdmissionRules): Admission {
  const parts = /^(0x[0-9a-f]{40})-([A-Za-z0-9]{1,16})$/.exec(request.clientId);
  if (!parts) return { refusal: refuse("bad_token"), device: null };
  const claim = checkConnectToken(request.password, request.username, request.clientId, rules);
  if (isRefusal(claim)) return { refusal: claim, device: null };
  // A good token is signed by the username, and the client id is that and a slot.
  const device = parts[1] as Hex;
  const name = rules.admit(device);
  if (name === null) return { refusal: refuse("unknown_device"), device };
  const will = request.will && checkPublish(name, request.will);
  if (isRefusal(will)) return { refusal: will, device };
  if (will !== null && will !== "connection") return { refusal: refuse("wrong_topic"), device };
  if (!rules.nonces.use(device, claim, rules.now)) return { refusal: refuse("token_replayed"), device };
  const { nonce } = claim;
  return { session: { id: request.clientId, device, name, slot: parts[2] ?? "", nonce } };
}

/**
 * The return code of a refused CONNECT: 4 where a freshly signed token would help, 5 where it would not.
 * Source: MQTT 3.1.1 table 3.1.
 */
export function returnCodeOf(refused: RefusalCode): 4 | 5 {
  return refused === "bad_token" || refused === "token_expired" || refused === "token_replayed" ? 4 : 5;
}
