/** A device's bytes to a command: size, JSON, schema, then signature. State comes after. */

import type { Hex } from "../base/bytes.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import type { SignatureCheck } from "../kernels/signature-group.ts";
import { decodeMessage, parseJson } from "../protocol/message.ts";
import { COMMAND_TOPICS, type CommandTopic, TOPICS } from "../protocol/topic.ts";
import { acceptDigest, bidDigest, type Market, offerDigest, resultDigest } from "../protocol/typed-data.ts";
import type { DeviceCommand } from "./decide.ts";
import { manifestCheck, type Signers, voucherCheck } from "./signers.ts";

/** What was read, or why not; the id as far as it could be made out, so that the refusal can name it. */
export type Intake = { readonly id: string | null; readonly command: DeviceCommand | Refusal };

/** Whether a topic's last level is one of {@link COMMAND_TOPICS}; the others never reach the heartbeat. */
export function isCommandTopic(topic: string): topic is CommandTopic {
  return COMMAND_TOPICS.some((one) => one === topic);
}

/** Reads one payload. The signature is still to be checked, by {@link signedByItsSender}. */
export function readCommand(topic: CommandTopic, by: Hex, payload: Uint8Array): Intake {
  if (payload.length > TOPICS[topic].limit) return { id: null, command: refuse("too_large") };
  const value = parseJson(payload);
  if (value === undefined) return { id: null, command: refuse("bad_json") };
  const message = decodeMessage(topic, value);
  if (message === null) return { id: idIn(value), command: refuse("bad_schema") };
  return { id: message.id, command: { topic, by, message } as DeviceCommand };
}

/** The id that a message says it has, cut to 64 characters; null where it says none. */
export function idIn(value: unknown): string | null {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null;
  return typeof id === "string" ? id.slice(0, 64) : null;
}

/** The command's own signature; null for those that the session alone vouches for. A voucher inside it stands apart. */
function ownCheck(market: Market, { by, ...command }: DeviceCommand): SignatureCheck | null {
  switch (command.topic) {
    case "offer": {
      const { message } = command;
      return { by, digest: offerDigest(market, by, message), signature: message.signature };
    }
    case "bid":
      return { by, digest: bidDigest(market, command.message), signature: command.message.signature };
    case "accept":
      return {
        by,
        digest: acceptDigest(market, command.message.award),
        signature: command.message.signature,
      };
    case "result":
      return { by, digest: resultDigest(market, command.message), signature: command.message.signature };
    case "voucher":
    case "decline":
    case "forfeit":
    case "cancel":
    case "payout":
      return null;
  }
}

/** Whether the command's own signature is its sender's. Vouchers and manifests inside it are judged on their own. */
export function signedByItsSender(market: Market, command: DeviceCommand, signers: Signers): boolean {
  const check = ownCheck(market, command);
  return check === null || signers.isSigner(check);
}

/** Every signature that deciding this command can ask about. */
export function signaturesIn(market: Market, command: DeviceCommand): readonly SignatureCheck[] {
  const own = ownCheck(market, command);
  const checks = own ? [own] : [];
  if (command.topic === "offer") {
    const { voucher, manifest } = command.message;
    if (voucher) checks.push(voucherCheck(voucher, command.by));
    if (manifest) checks.push(manifestCheck(manifest));
  } else if (command.topic === "voucher") {
    const { voucher } = command.message;
    checks.push(voucherCheck(voucher, voucher.payee === command.by ? market.gateway : command.by));
  }
  return checks;
}
