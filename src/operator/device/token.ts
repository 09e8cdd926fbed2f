/** `hirewire device token`: a fresh password for one connection of a device. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { fromHex, type Hex, toHex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { clientIdOf, signConnectToken, TOKEN_LIFE_MS } from "../../protocol/connect-token.ts";
import { type ConnectionFile, marketOf } from "../../protocol/connection-file.ts";
import type { Message } from "../../protocol/message.ts";
import { slot as slotSchema } from "../../protocol/scalar.ts";
import { keySigner } from "../../protocol/signer.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { readMessage } from "./message-file.ts";
import type { DevicePorts } from "./ports.ts";

const OPTIONS = {
  slot: { type: "string" },
  life: { type: "string", default: "600" },
  challenge: { type: "string" },
  mosquitto: { type: "boolean" },
  cafile: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const TOKEN_HELP = `hirewire device token FILE [--slot main] [--life 600]
                      [--challenge FILE|-] [--mosquitto [--cafile FILE]]
                      [--json]

Signs a token with the key in the connection file FILE, and prints it: the
password of one connection. It is good for one CONNECT; the gateway takes it
only with the client id that it is signed for, which is address-slot.

  --slot NAME       which of the device's connections: a second one with the
                    same slot ends the first (main)
  --life SECONDS    how long it may wait for its use, at most 600 (600)
  --challenge FILE  sign the nonce and the time of this challenge, for a device
                    without a clock; - is standard input. The token goes into
                    hirewire device sign login
  --mosquitto       print all the arguments that mosquitto_pub and mosquitto_sub
                    need to connect, for $(…) in a shell. Whoever else is on
                    this machine sees them in ps: a token is used up by then,
                    an account's password at another broker is not
  --cafile FILE     for --mosquitto: where to write the connection file's own
                    certificate authority, unless it is there
  --json            one object: { clientId, username, password, expires }
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/** The slot of a connection that nobody has named. */
const DEFAULT_SLOT = "main";

/** What a token is to be signed for. */
export type TokenWish = {
  /** Null for {@link DEFAULT_SLOT}, or the challenge's own. */
  readonly slot: string | null;
  /** Milliseconds, `1..TOKEN_LIFE_MS`. */
  readonly lifeMs: number;
  /** Whose nonce and time are signed; null for a nonce of its own, now. */
  readonly challenge: Message<"challenge"> | null;
};

/** A token, and what has to stand beside it. */
export type Login = {
  readonly device: Hex;
  readonly slot: string;
  readonly clientId: string;
  readonly token: string;
  readonly expires: Instant;
};

/**
 * @param args - what stands after `device token`
 * @throws {@link Fault} `usage`, `key_file`, `file_format`, `disk_failed`
 */
export async function printToken(args: readonly string[], io: CommandIo, ports: DevicePorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device token", args, OPTIONS);
  if (values.help) {
    io.write(TOKEN_HELP);
    return;
  }
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) {
    throw new Fault("usage", "expected one connection file: hirewire device token FILE");
  }
  if (values.json && values.mosquitto) throw new Fault("usage", "--json and --mosquitto exclude each other");
  if (values.cafile !== undefined && !values.mosquitto)
    throw new Fault("usage", "--cafile goes with --mosquitto");
  const file = ports.keys.connection(path);
  const { challenge } = values;
  const wish = {
    slot: values.slot ?? null,
    lifeMs: wholeNumber(values.life, "--life", 1, TOKEN_LIFE_MS / 1_000) * 1_000,
    challenge: challenge === undefined ? null : await readMessage("challenge", challenge, ports.streams),
  };
  const login = await loginOf(file, wish, ports.clock.now());
  if (values.json) {
    const { clientId, device: username, token: password, expires } = login;
    io.write(
      `${JSON.stringify({ clientId, username, password, expires: new Date(expires).toISOString() })}\n`,
    );
  } else {
    io.write(`${values.mosquitto ? mosquittoArguments(file, login, values) : login.token}\n`);
  }
}

/**
 * Signs a token for one connection.
 *
 * @throws {@link Fault} `usage` when the slot is none, or not that of the challenge
 */
export async function loginOf(file: ConnectionFile, wish: TokenWish, now: Instant): Promise<Login> {
  const { lifeMs, challenge } = wish;
  const slot = wish.slot ?? challenge?.slot ?? DEFAULT_SLOT;
  if (!slotSchema.safeParse(slot).success) {
    throw new Fault("usage", `--slot takes 1 to 16 letters and digits, not "${slot}"`);
  }
  if (challenge?.slot && challenge.slot !== slot) {
    throw new Fault("usage", `the challenge is for the slot ${challenge.slot}, not ${slot}`);
  }
  const signer = keySigner(fromHex(file.key));
  const issued = challenge?.time ?? now;
  const expires = instant(issued + lifeMs);
  const nonce = challenge?.nonce ?? toHex(crypto.getRandomValues(new Uint8Array(32)));
  const clientId = clientIdOf(signer.address, slot);
  const token = await signConnectToken(marketOf(file), signer, { clientId, issued, expires, nonce });
  return { device: signer.address, slot, clientId, token, expires };
}

/** Words that a shell splits at spaces and changes in no other way. */
function mosquittoArguments(file: ConnectionFile, login: Login, values: Values): string {
  const url = new URL(file.broker);
  const isTls = url.protocol === "mqtts:";
  if (!isTls && url.protocol !== "mqtt:") {
    throw new Fault("usage", `mosquitto's clients speak no WebSocket, and the broker is at ${file.broker}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const words = ["-V", "mqttv311", "-h", host, "-p", url.port || (isTls ? "8883" : "1883")];
  if (isTls) words.push(...authority(file.ca, values.cafile));
  // the broker is somebody else's where there is an account: the token then travels in a login message
  const { username, password } = file.account ?? { username: login.device, password: login.token };
  words.push("-q", "1", "-i", login.clientId);
  // an external broker may let everybody in, and then its account is empty
  if (username !== "") words.push("-u", username);
  if (password !== "") words.push("-P", password);
  const odd = words.find((word) => !/^[\w.:+=@%/,-]+$/.test(word));
  if (odd === undefined) return words.join(" ");
  throw new Fault(
    "usage",
    "a shell would split or change the account's name or password: type them yourself",
  );
}

function authority(ca: string | undefined, path: string | undefined): string[] {
  if (ca === undefined) return ["--tls-use-os-certs"];
  if (path === undefined) {
    throw new Fault(
      "usage",
      "the broker's certificate is not a public one: say where to put it, --cafile FILE",
    );
  }
  try {
    if (!existsSync(path)) writeFileSync(path, ca, { flag: "wx" });
    else if (readFileSync(path, "utf8") !== ca)
      throw new Fault("usage", `${path} is another file: name a new one`);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault(diskCode(cause), `cannot write ${path}`, { cause });
  }
  return ["--cafile", path];
}
