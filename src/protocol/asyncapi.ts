/**
 * The wire as an AsyncAPI 3.0 document, written from the same schemas that check the messages.
 *
 * Operations are the gateway's: it receives what goes up and sends what goes down. `asyncapi.json` beside this file
 * is the document as of the last `npm run docs`; a test fails when it is older than the schemas.
 */
import { z } from "zod";
import { type DraftTopic, draftSchemas } from "./draft.ts";
import { messageSchemas } from "./message.ts";
import { TOPIC_ROOT, TOPICS, type Topic, type TopicRule } from "./topic.ts";

const SUMMARIES = {
  connection: "Whether the device is on the line; also its last will.",
  factsheet: "What the device is, what it runs for others, and at which rates.",
  state: "How busy the device is.",
  offer:
    "Work wanted: task firmware and input by their hashes, the most fuel it may burn, and the most it may cost.",
  bid: "A provider's rate for an announced task: the price of its fuel.",
  accept: "The provider takes the award, by signing its hash.",
  result: "How the run ended, the hash of its output and the fuel it burnt, signed together with the award.",
  voucher: "More money on the lane to the gateway, apart from any offer.",
  decline: "The provider does not want the award.",
  forfeit: "The provider gives up a task that it was awarded.",
  payout: "Asks for the lane's credit, on the lane back.",
  login: "A device's token where CONNECT does not carry it, or the wish for a challenge.",
  pair: "A board on a serial line asks for a wallet that the gateway keeps; with `proof`, it has saved what it was given.",
  pairing:
    "What such a board needs to log in from now on, its secret included: the same as the file of hirewire device pair --out.",
  challenge: "The gateway's time and a nonce, to sign a token with; unasked for, the wish for a new login.",
  cancel: "The requester takes its offer back, which it may until a provider has accepted.",
  announce: "A task that bids are taken for.",
  ack: "The command is durable; after CONNECT, the terms of trade and how the lane stands.",
  refusal: "The command has changed nothing, why, and what to do about it.",
  award: "The gateway gives the task to a provider, at a rate.",
  invoice: "What an on-result task has cost: sign a voucher that covers it, and the answer follows.",
  payment: "The gateway's voucher for a provider, or for credit that is given back.",
  receipt: "Who ran what for whom, and what it has cost.",
  answer: "How the task ended, and the hash of its output.",
  progress: "How far the run is that a provider has accepted; the gateway passes it on to the requester.",
  "blob-get": "Asks for a part of a blob.",
  "blob-data": "A part of a blob, in base64.",
} as const satisfies Record<Topic, string>;

const NAMES = Object.keys(TOPICS) as readonly Topic[];
const DRAFTS = Object.keys(draftSchemas) as readonly DraftTopic[];

/** The whole document, as plain JSON. The same schemas give the same text. */
export function asyncApiDocument() {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "hirewire",
      version: "1",
      description:
        "Robots and boards hire each other's compute and pay for it in USDT. MQTT 3.1.1, JSON in UTF-8. " +
        "Every command carries an id, its idempotency key: repeating it gets the same answer. A device whose wallet the " +
        "gateway keeps says drafts in place of what is signed, and its session is sealed: each payload has 20 bytes " +
        "behind its JSON, as src/protocol/seal.ts says.",
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(NAMES.map((topic) => [topic, channel(topic)])),
    operations: Object.fromEntries(NAMES.flatMap(operations)),
    components: {
      messages: {
        ...Object.fromEntries(NAMES.map((topic) => [topic, message(topic)])),
        ...Object.fromEntries(DRAFTS.map((topic) => [draftOf(topic), draft(topic)])),
      },
      parameters: {
        manufacturer: { description: "VDA 5050's manufacturer: 1 to 64 of A-Z a-z 0-9 _ . : -" },
        serialNumber: { description: "VDA 5050's serial number, in the same characters" },
      },
    },
  };
}

function channel(topic: Topic) {
  return {
    address: `${TOPIC_ROOT}/{manufacturer}/{serialNumber}/${topic}`,
    description: SUMMARIES[topic],
    parameters: {
      manufacturer: { $ref: "#/components/parameters/manufacturer" },
      serialNumber: { $ref: "#/components/parameters/serialNumber" },
    },
    messages: Object.fromEntries(
      messagesOf(topic).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
  };
}

function operations(topic: Topic) {
  const rule: TopicRule = TOPICS[topic];
  const operation = (action: "receive" | "send") => [
    `${action}-${topic}`,
    {
      action,
      summary: SUMMARIES[topic],
      channel: { $ref: `#/channels/${topic}` },
      messages: messagesOf(topic).map((name) => ({ $ref: `#/channels/${topic}/messages/${name}` })),
      bindings: { mqtt: { qos: rule.qos, retain: rule.retain, bindingVersion: "0.2.0" } },
    },
  ];
  return [...(rule.up ? [operation("receive")] : []), ...(rule.down ? [operation("send")] : [])];
}

/** The names of a topic's messages: its own and, where there is one, its draft. */
function messagesOf(topic: Topic): string[] {
  return [topic, ...DRAFTS.filter((one) => one === topic).map(draftOf)];
}

function draftOf(topic: DraftTopic): string {
  return `${topic}-draft`;
}

function message(topic: Topic) {
  const { limit, signed }: TopicRule = TOPICS[topic];
  return {
    name: topic,
    summary: SUMMARIES[topic],
    description: `At most ${limit} bytes.${signed ? " Signed by EIP-712 typed data." : ""}`,
    contentType: "application/json",
    payload: payloadOf(messageSchemas[topic]),
  };
}

function draft(topic: DraftTopic) {
  return {
    name: draftOf(topic),
    summary: `${SUMMARIES[topic]} Of a device whose wallet the gateway keeps.`,
    description: `At most ${TOPICS[topic].limit} bytes. The gateway signs it.`,
    contentType: "application/json",
    payload: payloadOf(draftSchemas[topic]),
  };
}

function payloadOf(schema: z.ZodType) {
  const { $schema: _, ...payload } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return payload;
}
