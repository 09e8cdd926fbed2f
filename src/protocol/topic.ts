/**
 * Topic names: VDA 5050's five levels, `hirewire/v1/<manufacturer>/<serialNumber>/<topic>`.
 *
 * A device publishes only its own up-topics and reads only its own down-topics.
 */

/** How a topic travels. `limit` is the largest payload in bytes, checked before parsing. */
export type TopicRule = {
  readonly up: boolean;
  readonly down: boolean;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Signed by EIP-712, or vouched for by the broker session alone. */
  readonly signed: boolean;
  readonly limit: number;
};

const up = { up: true, down: false, qos: 1, retain: false, signed: false, limit: 4_096 } as const;
const down = { up: false, down: true, qos: 1, retain: false, signed: false, limit: 8_192 } as const;

export const TOPICS = {
  connection: { ...up, retain: true, limit: 512 },
  factsheet: { ...up, retain: true },
  state: { ...up, qos: 0 },
  offer: { ...up, signed: true },
  bid: { ...up, signed: true },
  accept: { ...up, signed: true },
  result: { ...up, signed: true },
  voucher: { ...up, signed: true },
  decline: up,
  forfeit: up,
  cancel: up,
  payout: up,
  login: { ...up, limit: 1_024 },
  pair: { ...up, limit: 512 },
  challenge: { ...down, limit: 512 },
  pairing: { ...down, limit: 1_024 },
  announce: down,
  ack: down,
  refusal: down,
  award: { ...down, signed: true },
  invoice: { ...down, signed: true },
  payment: { ...down, signed: true },
  receipt: { ...down, signed: true },
  answer: down,
  progress: { ...up, down: true, limit: 512 },
  "blob-get": { ...up, down: true, limit: 512 },
  "blob-data": { ...up, down: true, limit: 65_536 },
} as const satisfies Record<string, TopicRule>;

export type Topic = keyof typeof TOPICS;

/** The topics whose messages are commands: they carry an id and are answered by `ack` or `refusal`. */
export const COMMAND_TOPICS = [
  "offer",
  "bid",
  "accept",
  "result",
  "voucher",
  "decline",
  "forfeit",
  "cancel",
  "payout",
] as const satisfies readonly Topic[];

export type CommandTopic = (typeof COMMAND_TOPICS)[number];

export const TOPIC_ROOT = "hirewire/v1";

/** Who a device is on the wire; each part is one topic level. */
export type TopicName = { readonly manufacturer: string; readonly serialNumber: string };

/** The whole topic name. The name's parts are not checked: a `/`, `+` or `#` in one makes another topic. */
export function topicOf(device: TopicName, topic: Topic): string {
  return `${TOPIC_ROOT}/${device.manufacturer}/${device.serialNumber}/${topic}`;
}

/** The parts of a topic of ours, or null for any other text. */
export function parseTopic(text: string): (TopicName & { readonly topic: Topic }) | null {
  const [root, version, manufacturer, serialNumber, topic, ...rest] = text.split("/");
  if (`${root}/${version}` !== TOPIC_ROOT || rest.length > 0) return null;
  if (!manufacturer || !serialNumber || !topic || !Object.hasOwn(TOPICS, topic)) return null;
  return { manufacturer, serialNumber, topic: topic as Topic };
}
