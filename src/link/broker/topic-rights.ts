/** Which topics a device may publish and read: its own, in their direction, and nothing else. */
import { type Refusal, refuse } from "../../base/refusal.ts";
import { parseTopic, TOPIC_ROOT, TOPICS, type Topic, type TopicName } from "../../protocol/topic.ts";

/** Most levels of a topic that the broker looks at. Ours have five. */
export const TOPIC_LEVELS = 8;

export type Publication = {
  readonly topic: string;
  readonly retain: boolean;
  readonly payload: Uint8Array;
};

/** The topic of ours that a device publishes, or why it may not. Any QoS will do. */
export function checkPublish(owner: TopicName, { topic, retain, payload }: Publication): Topic | Refusal {
  const own = ownTopic(owner, topic);
  if (own === null || !TOPICS[own].up || (retain && !TOPICS[own].retain)) return refuse("wrong_topic");
  return payload.length > TOPICS[own].limit ? refuse("too_large") : own;
}

/** Whether a device may subscribe to a filter: one of its down-topics, or `+` for all of them. */
export function mayRead(owner: TopicName, filter: string): boolean {
  const own = ownTopic(owner, filter);
  if (own !== null) return TOPICS[own].down;
  return filter === `${TOPIC_ROOT}/${owner.manufacturer}/${owner.serialNumber}/+`;
}

/**
 * The text itself, or a readable one that is nobody's topic where aedes would close the connection instead of asking
 * us: no text at all, too many levels, or a wildcard where none may be. No name of ours has a `?` or eight levels.
 *
 * @param wildcards - whether this is a filter, in which `+` may be a level
 */
export function answerable(text: string, wildcards: boolean): string {
  const levels = text.split("/");
  const plain = levels.map((level) => (wildcards && level === "+" ? level : level.replaceAll(/[+#]/g, "?")));
  return plain.slice(0, TOPIC_LEVELS).join("/") || "?";
}

function ownTopic(owner: TopicName, text: string): Topic | null {
  const named = parseTopic(text);
  const own = named?.manufacturer === owner.manufacturer && named.serialNumber === owner.serialNumber;
  return own ? named.topic : null;
}
