/** `hirewire watchtower`: keeps vouchers and claims them for whoever is not there when a lane closes. */
import { createPublicClient, http } from "viem";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import type { Chain } from "../../settlement/chain.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import { TowerFile } from "../../settlement/tower-file.ts";
import { VoucherShelf } from "../../settlement/voucher-shelf.ts";
import { Watchtower } from "../../settlement/watchtower.ts";
import type { CommandIo } from "../io.ts";
import { lockKey } from "../key-lock.ts";
import { accountOf } from "../money/send.ts";
import type { Keys } from "../settings.ts";
import { eventJson, eventLine, faultJson, faultLine } from "./event-line.ts";
import { JournalSource } from "./journal-source.ts";
import { LaneServer } from "./lane-server.ts";
import { MqttSource } from "./mqtt-source.ts";
import { HELP, parseTowerRequest, type TowerRequest } from "./options.ts";
import { VoucherFile } from "./voucher-file.ts";

export type WatchtowerPorts = {
  readonly keys: Pick<Keys, "read">;
  readonly clock: Clock;
  /** Ends the watch. */
  readonly stop: AbortSignal;
};

/** `--once`: how long retained messages may take to arrive, and a claim to be mined, milliseconds. */
const GATHER_MS = 2_000;
const ONCE_MS = 120_000;
const ONCE_LOOK_MS = 1_000;

/** Exit code of `--once` when money is in danger or something has failed. */
const IN_DANGER = 1;

type Say = { readonly onEvent: Watching["onEvent"]; readonly onFault: Watching["onFault"] };
type Watching = ConstructorParameters<typeof Watchtower>[0];

/**
 * Runs `hirewire watchtower …` and gives its exit code: 0, or with `--once` 1 when money is in danger or something has
 * failed.
 *
 * @param args - what stands after `watchtower`
 * @throws {@link Fault} `usage`, `key_file`, `key_in_use` when something else on this machine signs with the gas key,
 * `config_missing` when there is no such journal, `file_format`, `disk_failed`, `chain_mismatch`, `chain_unreachable`,
 * `port_busy`
 */
export async function watchtowerCommand(
  args: string[],
  io: CommandIo,
  ports: WatchtowerPorts,
): Promise<number> {
  const request = parseTowerRequest(args);
  if (request === null) {
    io.write(HELP);
    return 0;
  }
  const { clock } = ports;
  const { json } = request;
  const say: Say = {
    onEvent: (event) => io.write(json ? eventJson(event, clock.now()) : eventLine(event, clock.now())),
    onFault: (fault) => {
      if (json) io.write(faultJson(fault, clock.now()));
      else io.warn(faultLine(fault, clock.now()));
    },
  };
  const signer = accountOf(ports.keys.read(request.gasKey));
  // opened once before anything else: a mistyped folder would be waited for in vain
  for (const folder of request.journals) openJournal(folder, { readOnly: true }).close();
  const chain = await chainOf(request, say);
  await using held = new AsyncDisposableStack();
  const { chainId, vault } = chain;
  const holder = `hirewire watchtower, ${request.data}`;
  const lock = await lockKey({ address: signer.address, chainId, vault }, { holder });
  held.defer(() => lock.release());
  const file = TowerFile.open(request.data, { chainId, vault });
  held.defer(() => file.close());
  const shelf = new VoucherShelf(file, { payees: request.payees });
  const { pollMs, maxFeePerGas } = request;
  const sources = sourcesOf(request, shelf, ports, say, held);
  const tower = new Watchtower({ chain, signer, shelf, file, clock, pollMs, maxFeePerGas, sources, ...say });
  held.defer(() => tower.stop());
  if (request.listen) await serve(request.listen, { tower, shelf, onFault: say.onFault }, request, io, held);
  if (request.once) return await lookOnce(tower, request, ports);
  if (!json) io.write(`watching vault ${vault} of chain ${chainId} with gas key ${signer.address}\n`);
  tower.start();
  await stopped(ports.stop);
  return 0;
}

async function chainOf(request: TowerRequest, { onFault }: Say): Promise<Chain> {
  const { rpc: urls, vault, confirmations } = request;
  const chainId = request.chainId ?? (await askChainId(urls));
  return await openEvmChain({ urls, chainId, vault, confirmations, onFault });
}

/** The chain of the first node that answers; the others have to agree with it afterwards. */
async function askChainId(urls: readonly string[]): Promise<number> {
  let cause: unknown;
  for (const url of urls) {
    try {
      return await createPublicClient({
        transport: http(url, { retryCount: 0, timeout: 10_000 }),
      }).getChainId();
    } catch (error) {
      cause = error;
    }
  }
  throw new Fault("chain_unreachable", `no node answers at ${urls.map(nameOf).join(", ")}`, { cause });
}

/** Without path and query: many providers' URLs are secrets. */
function nameOf(url: string): string {
  return new URL(url).host;
}

function sourcesOf(
  request: TowerRequest,
  shelf: VoucherShelf,
  { clock }: WatchtowerPorts,
  { onFault }: Say,
  held: AsyncDisposableStack,
) {
  const brokers = request.brokers.map((url) => new MqttSource({ url, shelf, clock, onFault }));
  for (const broker of brokers) held.defer(() => broker.close());
  return [
    ...request.journals.map((folder) => new JournalSource(folder, shelf, clock)),
    ...request.files.map((path) => new VoucherFile(path, shelf)),
    ...brokers,
  ];
}

async function serve(
  { host, port }: { readonly host: string; readonly port: number },
  options: ConstructorParameters<typeof LaneServer>[0],
  { json }: TowerRequest,
  io: CommandIo,
  held: AsyncDisposableStack,
): Promise<void> {
  const server = new LaneServer(options);
  await server.listen(host, port);
  held.defer(() => server.close());
  const place = { kind: "listening", host, port: server.port };
  io.write(
    json ? `${JSON.stringify(place)}\n` : `http://${host}:${server.port}: /lane /vouchers /status /voucher\n`,
  );
}

async function lookOnce(
  tower: Watchtower,
  request: TowerRequest,
  { clock, stop }: WatchtowerPorts,
): Promise<number> {
  const pause = (ms: number) => clock.sleep(ms, stop).catch(() => undefined);
  const deadline = clock.now() + ONCE_MS;
  if (request.brokers.length > 0) await pause(GATHER_MS);
  for (;;) {
    await tower.look();
    // what was claimed meanwhile, the next look sees
    if (tower.status.closing === 0 || clock.now() >= deadline || stop.aborted) break;
    await pause(ONCE_LOOK_MS);
  }
  const { closing, alarms, failing } = tower.status;
  return closing > 0 || alarms > 0 || failing.length > 0 ? IN_DANGER : 0;
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}
