/**
 * One HTTP POST, answered whole.
 *
 * Node's `fetch` would do, and takes 18 MB of memory after its first fifty calls; this takes none that can be seen.
 */
import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Fault } from "../base/fault.ts";

export type Posted = { readonly status: number; readonly text: string };

export type Post = {
  /** `http:` or `https:`; without a user name. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Longest answer, bytes. */
  readonly most: number;
  readonly signal: AbortSignal;
};

/**
 * Posts, and reads the answer as UTF-8. A redirection is an answer like any other: another host would be asked with the
 * same words.
 *
 * @throws {@link Fault} `chain_unreachable` when the answer is longer than `most`; what Node throws when nobody answers
 */
export async function post(what: Post): Promise<Posted> {
  try {
    return await once(what);
  } catch (cause) {
    // a connection that was kept open was closed at that moment; whoever has heard it all the same hears it twice, which
    // changes nothing: what is sent to a chain are questions, and transactions that are the same bytes
    if (cause instanceof StaleConnection) return await once(what);
    throw cause;
  }
}

class StaleConnection extends Error {}

function once({ url, headers, body, most, signal }: Post): Promise<Posted> {
  const ask = url.startsWith("https:") ? requestHttps : requestHttp;
  const length = { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { ...headers, ...length }, signal };
    const asked: ClientRequest = ask(url, options, (answer) => {
      readText(answer, most).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject);
    });
    asked.once("error", (cause: Error & { code?: string }) => {
      const isStale = asked.reusedSocket && cause.code === "ECONNRESET" && !signal.aborted;
      reject(isStale ? new StaleConnection(cause.message) : cause);
    });
    asked.end(body);
  });
}

async function readText(answer: IncomingMessage, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer) {
    length += chunk.byteLength;
    if (length > most) throw new Fault("chain_unreachable", "answers without end");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
