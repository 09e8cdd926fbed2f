/** The gateway's own words, come back from somebody else's broker. */
import { TOPICS, type Topic } from "../../protocol/topic.ts";

/**
 * Whether these are our own words, which MQTT 3.1.1 brings back on topics that go both ways. Told by how our own
 * encoder begins, without reading up to 64 KiB; a device that begins so is not heard.
 */
export function isOwnEcho(topic: Topic, payload: Uint8Array): boolean {
  if (!TOPICS[topic].down) return false;
  return Buffer.from(payload.buffer, payload.byteOffset, OWN_WORDS.length).equals(OWN_WORDS);
}

const OWN_WORDS = Buffer.from('{"version":1,"from":"gateway"');
