/** Bodies of requests, which are short. */
import { Fault } from "../../base/fault.ts";

/** Most bytes of a body: the longest that the page sends is a reason of 200 characters. */
const MAX_BODY = 16_384;

/** The body is longer than anybody needs it. */
export const TOO_LONG = Symbol("too long");

/**
 * The text of a body; empty without one.
 *
 * @throws {@link Fault} `usage` when it is no UTF-8, and when it ends too early
 */
export async function textOf(request: Request): Promise<string | typeof TOO_LONG> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) return TOO_LONG;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of request.body ?? []) {
      length += part.length;
      if (length > MAX_BODY) return TOO_LONG;
      parts.push(part);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw new Fault("usage", "the body has not come whole, or is not UTF-8", { cause });
  }
}

/**
 * The JSON of a body; an empty object without one.
 *
 * @throws {@link Fault} `usage`
 */
export function parsedJson(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new Fault("usage", "the body is not JSON", { cause });
  }
}
