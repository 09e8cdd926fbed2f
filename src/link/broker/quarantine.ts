/**
 * A connection without a token: it may do nothing but log in by message.
 *
 * It reads the topics of one name, the one it wants to be known by, and hears only the answers to its `login`. Whether
 * that name is its own shows when it signs, or proves that it knows its secret.
 */
import type { Hex } from "../../base/bytes.ts";
import { isRefusal, type Refusal, refuse } from "../../base/refusal.ts";
import { clientIdOf } from "../../protocol/connect-token.ts";
import { encodeMessage } from "../../protocol/message.ts";
import { parseTopic, TOPIC_ROOT, type TopicName, topicOf } from "../../protocol/topic.ts";
import {
  answerLogin,
  challengeFor,
  isSigned,
  type LoginOutcome,
  type LoginRules,
  readLogin,
} from "./login.ts";
import { mayRead, type Publication } from "./topic-rights.ts";

export type QuarantineRules = Omit<LoginRules, "name" | "challenge">;

type Answer =
  | LoginOutcome
  /** The challenge that the device is to be sent. */
  | { readonly topic: string; readonly payload: Uint8Array };

export class Quarantine {
  readonly #id: string;
  #name: TopicName | null = null;
  #nonce: Hex | null = null;
  #isAnswering: boolean = false;

  /** @param id - the client id of its CONNECT: it may log in as nobody else */
  constructor(id: string) {
    this.#id = id;
  }

  /** The name that it subscribed under, or said login under; null before. */
  get name(): TopicName | null {
    return this.#name;
  }

  /** Whether it may subscribe: to the topics of the first name that it subscribes to, or logs in as. */
  mayRead(filter: string): boolean {
    const [manufacturer, serialNumber] = filter.slice(TOPIC_ROOT.length + 1).split("/");
    if (!manufacturer || !serialNumber) return false;
    const name = { manufacturer, serialNumber };
    return mayRead(name, filter) && this.#isKnownBy(name);
  }

  /** What a message of it leads to. Anything but `login` is refused as `login_required`. */
  async say({ topic, payload }: Publication, rules: QuarantineRules): Promise<Answer> {
    const named = parseTopic(topic);
    // a second login while the first is being looked at would be a second session
    if (named?.topic !== "login" || this.#isAnswering) return refused(refuse("login_required"));
    const name = { manufacturer: named.manufacturer, serialNumber: named.serialNumber };
    if (!this.#isKnownBy(name)) return refused(refuse("wrong_topic"));
    const login = readLogin(payload);
    if (isRefusal(login)) return refused(login);
    if (clientIdOf(login.device, login.slot) !== this.#id) return refused(refuse("bad_token"));
    if (!isSigned(login)) {
      const challenge = challengeFor(login.slot, rules.now);
      this.#nonce = challenge.nonce;
      const text = encodeMessage("challenge", challenge);
      return { topic: topicOf(name, "challenge"), payload: Buffer.from(text) };
    }
    this.#isAnswering = true;
    return await answerLogin(login, { ...rules, name, challenge: this.#nonce });
  }

  #isKnownBy(name: TopicName): boolean {
    this.#name ??= name;
    return this.#name.manufacturer === name.manufacturer && this.#name.serialNumber === name.serialNumber;
  }
}

function refused(refusal: Refusal): LoginOutcome {
  return { refusal, device: null };
}
