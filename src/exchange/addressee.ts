/**
 * Tasks for one provider alone: the gateway's own requester may name, in the id of an offer, who is to run it.
 *
 * The name stands in what is signed, so that it outlives a restart without a word of its own in the journal. Of any other
 * requester's ids nothing is read.
 */
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { isOperator } from "../market/roster.ts";
import type { Task } from "../market/task.ts";
import type { State } from "./state.ts";

const PREFIX = "test-";

/** Characters of 20 bytes in base64url, without padding. */
const NAME_LENGTH = 27;

/** `number` in base 36 has at most so many characters: milliseconds since 1970 do until the year 2059. */
const MOST_DIGITS = 8;

/**
 * The id of an offer to one provider.
 *
 * @param number - tells its offers apart, `0..36^8 - 1`
 */
export function offerIdFor(provider: Hex, number: number): string {
  const name = Buffer.from(fromHex(provider)).toString("base64url");
  return `${PREFIX}${name}${number.toString(36).slice(-MOST_DIGITS)}`;
}

/** Whether this is the gateway's own requester, with which an operator tries devices out. */
export function isHouse({ roster }: Pick<State, "roster">, device: Hex): boolean {
  const known = roster.get(device);
  return known !== undefined && isOperator(known);
}

/** Who alone may run the task; null for anybody. */
export function addresseeOf(state: Pick<State, "roster">, { requester, offerId }: Task): Hex | null {
  if (!isHouse(state, requester) || !offerId.startsWith(PREFIX)) return null;
  const name = offerId.slice(PREFIX.length, PREFIX.length + NAME_LENGTH);
  const bytes = Buffer.from(name, "base64url");
  return bytes.length === 20 ? toHex(bytes) : null;
}
