/** A JSON-RPC node that says what a test wants: nothing, nonsense, lies, or what a real node behind it says. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Params = readonly unknown[];

/** Raw text with a status, the two kinds of JSON-RPC answers, or no answer at all. */
export type Reply =
  | { readonly status: number; readonly text: string }
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }
  | "silence";

export interface FakeNode {
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly name: string;
  /** Every method that was asked for, in order. */
  readonly asked: string[];
  /** The `authorization` header of each request. */
  readonly credentials: (string | undefined)[];
  /** What to answer; undefined asks the node behind, or says null where there is none. */
  answer: (method: string, params: Params) => Reply | undefined;
  /** Changes what the node behind says. */
  twist: (method: string, params: Params, truth: unknown) => unknown;
  /** Resolves at the next request. */
  nextRequest(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param behind - URL of a real node
 * @param chainId - said when there is none behind
 */
export async function startFakeNode(behind: string | null, chainId = 31_337): Promise<FakeNode> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  let requests: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    const { id, method, params } = JSON.parse(await textOf(request));
    asked.push(method);
    credentials.push(request.headers.authorization);
    for (const resolve of requests.splice(0)) resolve();
    const reply = node.answer(method, params);
    if (reply === "silence") return;
    if (reply) return send(response, id, reply);
    if (behind === null)
      return send(response, id, { result: method === "eth_chainId" ? hex(chainId) : null });
    const answer = await ask(behind, method, params);
    send(response, id, "error" in answer ? answer : { result: node.twist(method, params, answer.result) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const name = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const node: FakeNode = {
    url: `http://${name}`,
    name,
    asked,
    credentials,
    answer: () => undefined,
    twist: (_method, _params, truth) => truth,
    nextRequest: () =>
      new Promise((resolve) => {
        requests = [...requests, resolve];
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return node;
}

type Said = { readonly result: unknown } | { readonly error: { code: number; message: string } };

/** Asks a real node. */
async function ask(url: string, method: string, params: Params): Promise<Said> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return (await response.json()) as Said;
}

async function textOf(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, id: number, reply: Exclude<Reply, "silence">): void {
  const isText = "text" in reply;
  response.writeHead(isText ? reply.status : 200, { "content-type": "application/json" });
  response.end(isText ? reply.text : JSON.stringify({ jsonrpc: "2.0", id, ...reply }));
}

function hex(count: number): string {
  return `0x${count.toString(16)}`;
}
