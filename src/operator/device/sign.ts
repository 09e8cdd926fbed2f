/** `hirewire device sign`: completes one message of a device, and signs it. */
import type { ParseArgsConfig } from "node:util";
import { fromHex, type Hex, toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { isRefusal } from "../../base/refusal.ts";
import { hashBlob } from "../../blob/blob.ts";
import { chunkOf, MAX_CHUNK } from "../../blob/transfer.ts";
import { TOKEN_LIFE_MS } from "../../protocol/connect-token.ts";
import { marketOf } from "../../protocol/connection-file.ts";
import type { Message } from "../../protocol/message.ts";
import { keySigner } from "../../protocol/signer.ts";
import { TOPICS, type Topic, topicOf } from "../../protocol/topic.ts";
import {
  acceptDigest,
  bidDigest,
  type Market,
  offerDigest,
  resultDigest,
  taskIdOf,
} from "../../protocol/typed-data.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import { readBytes } from "../firmware/source.ts";
import type { CommandIo } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { Draft } from "./draft.ts";
import { refusedBeforehand, termsIn } from "./lane-cover.ts";
import { readMessage } from "./message-file.ts";
import type { DevicePorts } from "./ports.ts";
import {
  completeAccept,
  completeBid,
  completeFactsheet,
  completeResult,
  nameTask,
} from "./provider-drafts.ts";
import { completeOffer, completeVoucher } from "./requester-drafts.ts";
import { marketAt, partyOf, type Signing, type SignOption } from "./signing.ts";
import { loginOf } from "./token.ts";

const text = { type: "string" } as const;

const OPTIONS = {
  connection: text,
  ...{ ack: text, cumulative: text, epoch: text },
  ...{ firmware: text, input: text, manifest: text, deadline: text },
  ...{ announce: text, rate: text, award: text, output: text, fuel: text, verdict: text },
  ...{ for: text, bytes: text, slot: text, challenge: text },
  "token-decimals": text,
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const SIGN_HELP = `hirewire device sign TOPIC --connection FILE [MESSAGE.json|-] [key=value …]
                     [--json]

Completes a message of a device, signs it with the key in the connection file,
and prints it as one line: for mosquitto_pub -s or -l. It sends nothing.
MESSAGE.json holds what you want to say yourself, as on the wire; key=value says
it here, with amounts as decimals. A version and a random id are added.

  offer          [--firmware FILE] [--input FILE] [--manifest FILE]
                 [--deadline 10m] maxPrice=AMOUNT fuelLimit=N
                 names the bytes by hash and size, reads profile and memory from
                 the module; prepaid, without a checkBudget, unless you say so
  bid            --announce FILE --rate R [--ack FILE]
  accept         --award FILE [--ack FILE]
  result         --award FILE --fuel N [--output FILE] [--verdict ok]
  decline, forfeit, cancel
                 task=0x… | --award FILE; forfeit with reason=TEXT
  factsheet      [profiles=task/1,…] [memoryMiB=N]
                 an ask in MESSAGE.json without a signature is signed
  blob-get       hash=0x… [offset=N] [length=N]
  blob-data      --for FILE --bytes FILE
                 the chunk of the bytes that the blob-get in --for asks for
  login          [--slot main] [--challenge FILE]
  voucher, payout, connection, state, progress

An offer and a voucher of its own carry a signed total of the device's lane:
  --ack FILE            the ack that came after the CONNECT: it says what is
                        signed, deposited and credit, and the total follows. A
                        voucher alone then pays what is owed. For bid and
                        accept: whether the gateway's lane can pay
  --cumulative AMOUNT   the total itself; with --ack it is checked
  --epoch N             the lane's epoch, without --ack (0)
Signing the same total again costs nothing: totals are not added up. That so
much is signed already is believed only by a voucher of the device's own.

  --connection FILE     what hirewire device add has written; may be left away
                        where nothing is signed
  --rate R              atomic units per 10^12 fuel: hirewire price suggest
  --token-decimals N    of amounts (6, or what the ack says)
  --json                one object: { topic, task, message }; task is what the
                        gateway will call an offer's task
FILE may be - once, for standard input. What is worth knowing besides goes to
standard error.
`;

type Row<T extends Topic> = {
  readonly options: readonly SignOption[];
  readonly complete: (draft: Draft<T>, signing: Signing) => void | Promise<void>;
};

/** What a topic's drafts are completed from; the others only get what all get. */
const ROWS: { readonly [T in Topic]?: Row<T> } = {
  offer: {
    options: ["ack", "cumulative", "epoch", "firmware", "input", "manifest", "deadline"],
    complete: completeOffer,
  },
  voucher: { options: ["ack", "cumulative", "epoch"], complete: completeVoucher },
  bid: { options: ["announce", "rate", "ack"], complete: completeBid },
  accept: { options: ["award", "ack"], complete: completeAccept },
  result: { options: ["award", "output", "fuel", "verdict"], complete: completeResult },
  decline: { options: ["award"], complete: nameTask },
  forfeit: { options: ["award"], complete: nameTask },
  cancel: { options: ["award"], complete: nameTask },
  progress: { options: ["award"], complete: nameTask },
  factsheet: { options: [], complete: completeFactsheet },
  connection: { options: [], complete: (draft) => draft.fill("state", "ONLINE") },
  login: { options: ["slot", "challenge"], complete: completeLogin },
  "blob-get": { options: [], complete: completeGet },
  "blob-data": { options: ["for", "bytes"], complete: completeData },
};

/** What the device signs of a message; the others carry no signature of their own. */
const DIGESTS: { readonly [T in Topic]?: (message: Message<T>, market: Market, by: Hex) => Hex } = {
  offer: (offer, market, by) => offerDigest(market, by, offer),
  bid: (bid, market) => bidDigest(market, bid),
  accept: ({ award }, market) => acceptDigest(market, award),
  result: (result, market) => resultDigest(market, result),
};

/**
 * @param args - what stands after `device sign`
 * @throws {@link Fault} `usage`, `key_file`, `file_format`, `amount_syntax`, `amount_range`, `disk_failed`,
 * `firmware_rejected`; `refused` for what the gateway would refuse, with its code; `books_disagree` when the gateway does
 * not prove what it says is signed
 */
export async function signMessage(args: readonly string[], io: CommandIo, ports: DevicePorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device sign", args, OPTIONS);
  if (values.help) {
    io.write(SIGN_HELP);
    return;
  }
  const [name, ...words] = positionals;
  const topic = upTopic(name);
  const { connection, json: _, help: __, "token-decimals": typedDecimals, ...typed } = values;
  mustFit(topic, typed);
  const file = connection === undefined ? null : ports.keys.connection(connection);
  const party = file && { file, signer: keySigner(fromHex(file.key)) };
  const { ack } = typed;
  if (ack !== undefined && !file) throw new Fault("usage", "--ack needs the device: --connection FILE");
  const terms =
    ack !== undefined && file
      ? termsIn(await readMessage("ack", ack, ports.streams), ack, marketOf(file))
      : null;
  const decimals =
    typedDecimals === undefined
      ? (terms?.decimals ?? 6)
      : wholeNumber(typedDecimals, "--token-decimals", 0, 36);
  const note = (line: string) => io.warn(`${line}\n`);
  const signing: Signing = {
    party,
    typed,
    terms,
    decimals,
    now: ports.clock.now(),
    streams: ports.streams,
    note,
  };
  const draft = await Draft.read(topic, words, decimals, ports.streams);
  draft.fill("version", 1);
  draft.fill("id", toHex(crypto.getRandomValues(new Uint8Array(16))).slice(2));
  draft.fill("from", "device");
  const { line, task } = await complete(draft, signing);
  if (values.json) {
    const at = file && topicOf(file, topic);
    io.write(`${JSON.stringify({ topic: at, task, message: JSON.parse(line) })}\n`);
  } else {
    if (task !== null) note(`task ${task}`);
    io.write(`${line}\n`);
  }
}

function upTopic(name: string | undefined): Topic {
  const known = (Object.keys(TOPICS) as Topic[]).filter((topic) => TOPICS[topic].up);
  if (name === undefined) throw new Fault("usage", `expected hirewire device sign ${known.join(", ")}`);
  const found = known.find((topic) => topic === name);
  if (found) return found;
  if (Object.hasOwn(TOPICS, name)) throw new Fault("usage", `only the gateway says ${name}`);
  throw unknownWord("hirewire device sign", "topic", name, known);
}

function mustFit(topic: Topic, typed: Signing["typed"]): void {
  const fitting: readonly string[] = ROWS[topic]?.options ?? [];
  for (const [option, value] of Object.entries(typed)) {
    if (value === undefined || fitting.includes(option)) continue;
    throw new Fault("usage", `${topic} takes no --${option}: see hirewire device sign --help`);
  }
}

/** The message as it is sent, and the id of the task that an offer makes. */
async function complete<T extends Topic>(
  draft: Draft<T>,
  signing: Signing,
): Promise<{ line: string; task: Hex | null }> {
  const { topic } = draft;
  await ROWS[topic]?.complete(draft, signing);
  const digestOf = DIGESTS[topic];
  const message = draft.message();
  if (!digestOf) return { line: draft.text(message), task: null };
  const { signer } = partyOf(signing);
  const digest = digestOf(message, marketAt(signing), signer.address);
  const line = draft.text({ ...message, signature: await signer.sign(digest) });
  return { line, task: topic === "offer" ? taskIdOf(digest) : null };
}

async function completeLogin(draft: Draft<"login">, signing: Signing): Promise<void> {
  const { file, signer } = partyOf(signing);
  const { typed, now, streams } = signing;
  const challenge =
    typed.challenge === undefined ? null : await readMessage("challenge", typed.challenge, streams);
  const wish = { slot: typed.slot ?? null, lifeMs: TOKEN_LIFE_MS, challenge };
  const { token, slot } = await loginOf(file, wish, now);
  draft.fill("device", signer.address);
  draft.fill("slot", slot);
  draft.fill("token", token);
}

function completeGet(draft: Draft<"blob-get">): void {
  draft.fill("offset", 0);
  draft.fill("length", MAX_CHUNK);
}

async function completeData(draft: Draft<"blob-data">, { typed, streams }: Signing): Promise<void> {
  if (typed.for === undefined && typed.bytes === undefined && draft.has("bytes")) return;
  if (typed.for === undefined || typed.bytes === undefined) {
    throw new Fault("usage", "expected hirewire device sign blob-data --for FILE --bytes FILE");
  }
  const asked = await readMessage("blob-get", typed.for, streams);
  const bytes = await readBytes(typed.bytes);
  const hash = hashBlob(bytes);
  if (hash !== asked.hash) {
    throw refusedBeforehand(
      "hash_mismatch",
      `asked for ${asked.hash}, and ${typed.bytes} has the hash ${hash}`,
    );
  }
  const chunk = chunkOf(bytes, asked);
  if (isRefusal(chunk)) throw refusedBeforehand(chunk.refused, "asked for bytes beyond their end");
  const base64 = Buffer.from(chunk.bytes).toString("base64");
  draft.put("--bytes", { hash, offset: chunk.offset, total: chunk.total, bytes: base64 });
}
