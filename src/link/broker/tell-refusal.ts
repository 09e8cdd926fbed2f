/** The refusal of what a connection says that is no session. */
import type { Refusal } from "../../base/refusal.ts";
import { encodeMessage } from "../../protocol/message.ts";
import { type TopicName, topicOf } from "../../protocol/topic.ts";
import type { Connection } from "./connection.ts";

/** Tells why, to a connection that has subscribed for it. `said` is the topic that was refused. */
export function tellRefusal(connection: Connection, name: TopicName, said: string, refusal: Refusal): void {
  const { refused: code, hint } = refusal;
  const message = { version: 1 as const, id: null, topic: said.slice(0, 200), code, hint };
  connection.publish("refusal", topicOf(name, "refusal"), Buffer.from(encodeMessage("refusal", message)));
}
