/**
 * A watchtower's answers over HTTP, for the devices of its owner.
 *
 *   GET  /lane?payer=0x…&payee=0x…&token=0x…   the lane as the chain has it, for who wants to rely on its deposit
 *   GET  /vouchers?account=0x…                  the kept vouchers that this account gave or got, one JSON per line
 *   GET  /status                                the watch in numbers
 *   POST /voucher                               keeps a voucher, which speaks for itself
 *
 * No TLS and no login: it listens on the loopback address unless told otherwise. Amounts are decimal text.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { Fault, isFault } from "../../base/fault.ts";
import { address } from "../../protocol/scalar.ts";
import { voucherSchema } from "../../protocol/voucher.ts";
import type { Verdict, VoucherShelf } from "../../settlement/voucher-shelf.ts";
import type { Watchtower } from "../../settlement/watchtower.ts";
import { vouchersIn } from "./voucher-text.ts";

/** Bytes of a request's body. */
const LARGEST = 4_096;
/** Questions to the chain at a time. */
const MOST_ASKING = 16;

const LIMITS = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const;

const STATUS_OF: Record<Verdict, number> = {
  kept: 200,
  older: 200,
  forged: 422,
  elsewhere: 422,
  void: 422,
  unwanted: 422,
  full: 429,
};

const laneQuery = z.strictObject({ payer: address, payee: address, token: address });
const voucherQuery = z.strictObject({ account: address });

type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> };

export type LaneServerOptions = {
  readonly tower: Pick<Watchtower, "laneView" | "status">;
  readonly shelf: VoucherShelf;
  readonly onFault: (fault: unknown) => void;
};

export class LaneServer {
  readonly #options: LaneServerOptions;
  readonly #server: Server;
  #asking = 0;

  constructor(options: LaneServerOptions) {
    this.#options = options;
    this.#server = createServer(LIMITS, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = 64;
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @throws {@link Fault} `port_busy` */
  async listen(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", (cause) => {
      reject(new Fault("port_busy", `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    this.#server.listen(port, host, resolve);
    await promise;
  }

  async close(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    await closed.promise;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, headers = {} } = await this.#answer(request);
    // what is left of a body that nobody reads must not be taken for the next request
    const ending = request.complete ? {} : { connection: "close" };
    const isText = typeof body === "string";
    const type = isText ? "application/x-ndjson" : "application/json";
    response.writeHead(status, { "content-type": type, "cache-control": "no-store", ...ending, ...headers });
    response.end(isText ? body : `${JSON.stringify(body)}\n`);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    try {
      const url = new URL(request.url ?? "/", "http://watchtower");
      const query = Object.fromEntries(url.searchParams);
      if (url.pathname === "/voucher") {
        return request.method === "POST" ? await this.#keep(request) : refused(405, "POST a voucher here");
      }
      if (request.method !== "GET") return refused(405, "only GET works here");
      if (url.pathname === "/lane") return await this.#lane(query);
      if (url.pathname === "/status") return { status: 200, body: this.#status() };
      if (url.pathname === "/vouchers") return this.#vouchers(query);
      return refused(404, "there are /lane, /status, /vouchers and /voucher");
    } catch (fault) {
      if (isFault(fault) && fault.remedy === "retry") return refused(503, fault.message);
      this.#options.onFault(fault);
      return refused(500, "this watchtower is in trouble, see what it prints");
    }
  }

  async #lane(query: unknown): Promise<Answer> {
    const key = laneQuery.safeDecode(query as never);
    if (!key.success) return refused(400, "expected payer, payee and token, three addresses");
    if (this.#asking >= MOST_ASKING) return refused(503, "too many questions at a time");
    this.#asking += 1;
    try {
      const { epoch, deposit, settled, closeAt, window, block, checkedAt } =
        await this.#options.tower.laneView(key.data);
      const amounts = { deposit: String(deposit), settled: String(settled) };
      return { status: 200, body: { epoch, ...amounts, closeAt, window, block: Number(block), checkedAt } };
    } finally {
      this.#asking -= 1;
    }
  }

  #status(): unknown {
    const { block, ...rest } = this.#options.tower.status;
    return { ...rest, block: Number(block) };
  }

  #vouchers(query: unknown): Answer {
    const asked = voucherQuery.safeDecode(query as never);
    if (!asked.success) return refused(400, "expected account, an address");
    const { account } = asked.data;
    const lanes = this.#options.shelf
      .lanes()
      .filter(({ key }) => account === key.payer || account === key.payee);
    const vouchers = lanes.flatMap(({ rows }) => [...rows.values()].map(({ voucher }) => voucher));
    const lines = vouchers.map((voucher) => `${JSON.stringify(z.encode(voucherSchema, voucher))}\n`);
    return { status: 200, body: lines.join("") };
  }

  async #keep(request: IncomingMessage): Promise<Answer> {
    const text = await bodyOf(request);
    if (text === null) return refused(413, `a voucher has at most ${LARGEST} bytes`);
    const found = vouchersIn(parsed(text)).vouchers;
    const [voucher] = found;
    if (!voucher || found.length > 1) return refused(400, "expected one voucher as JSON");
    const [verdict = "forged"] = this.#options.shelf.offer([{ voucher }], { own: false });
    const retry = verdict === "full" ? { headers: { "retry-after": "30" } } : {};
    return { status: STATUS_OF[verdict], body: { verdict }, ...retry };
  }
}

function refused(status: number, error: string): Answer {
  return { status, body: { error } };
}

/** Null when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > LARGEST) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
