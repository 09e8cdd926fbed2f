/** One HTTP exchange of JSON, with an end. */
import type { Clock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";

/** Milliseconds for the whole exchange. */
const ANSWER_MS = 5_000;

/**
 * The JSON value that a server answers with.
 *
 * @param post - sent as the body of a POST; a GET without it
 * @throws {@link Fault} `chain_unreachable` when there is no answer in five seconds, another status than 2xx, or no JSON
 */
export async function fetchJson(clock: Clock, url: string, post?: unknown): Promise<unknown> {
  const limit = new AbortController();
  const cancel = clock.after(ANSWER_MS, () => limit.abort(new Error("no answer in time")));
  const request = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(post),
  };
  try {
    const response = await fetch(url, { signal: limit.signal, ...(post !== undefined && request) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.json();
  } catch (cause) {
    // Only the host: a path or a query may be an access key.
    const host = URL.parse(url)?.host ?? "an address that is none";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("chain_unreachable", `${host}: ${reason}`, { cause, facts: { host } });
  } finally {
    cancel();
  }
}
