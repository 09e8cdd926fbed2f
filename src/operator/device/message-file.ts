/** Messages and bytes that somebody names on the command line: files, or standard input as `-`. */
import { Fault } from "../../base/fault.ts";
import { decodeMessage, type Message, parseJson } from "../../protocol/message.ts";
import type { Topic } from "../../protocol/topic.ts";
import { readBytes } from "../firmware/source.ts";
import type { Streams } from "../firmware/streams.ts";

/** Where `-` is read from. */
export type StandardInput = Pick<Streams, "read">;

/** What a text is called in messages. */
export function nameOf(path: string): string {
  return path === "-" ? "standard input" : path;
}

/**
 * The JSON value in a file.
 *
 * @throws {@link Fault} `usage` when there is no such file, `file_format` when it is not JSON, `disk_failed`
 */
export async function readJson(path: string, streams: StandardInput): Promise<unknown> {
  const value = parseJson(path === "-" ? await streams.read() : await readBytes(path));
  if (value !== undefined) return value;
  throw new Fault("file_format", `${nameOf(path)} is not one JSON value`);
}

/**
 * The message of a topic in a file.
 *
 * @throws {@link Fault} as {@link readJson}, and `file_format` when it is another message
 */
export async function readMessage<T extends Topic>(
  topic: T,
  path: string,
  streams: StandardInput,
): Promise<Message<T>> {
  const message = decodeMessage(topic, await readJson(path, streams));
  if (message !== null) return message;
  throw new Fault("file_format", `${nameOf(path)} holds no message of the topic ${topic}`);
}
