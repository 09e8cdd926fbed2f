/** `hirewire run`: the gateway of `gateway.toml` as a process, until it is told to stop. */
import { randomBytes } from "node:crypto";
import { privateKeyToAccount } from "viem/accounts";
import { toHex } from "./base/bytes.ts";
import { type Clock, machineTime } from "./base/clock.ts";
import { type FaultCode, isFault } from "./base/fault.ts";
import { SteadyClock } from "./base/steady-clock.ts";
import type { Config } from "./config.ts";
import { Gateway } from "./gateway.ts";
import { nothingElse, parseArguments } from "./operator/arguments.ts";
import { openGatewayKey } from "./operator/gateway-key.ts";
import { refusalLines } from "./operator/refusal-lines.ts";
import { openSupervisor } from "./operator/supervisor/supervisor.ts";
import { isSynchronized, thisClock } from "./operator/watch/clock-signs.ts";
import { Log } from "./operator/watch/log/log.ts";
import { parseLogSpec } from "./operator/watch/log/log-spec.ts";
import { encodeFact } from "./protocol/facts.ts";
import { keySigner } from "./protocol/signer.ts";
import type { Terminal } from "./terminal.ts";

const HELP = `hirewire run [--config gateway.toml] [--listen HOST:PORT] [--json]

Runs the gateway until SIGTERM or Ctrl-C. Its key is the credential gateway.key of its service
($CREDENTIALS_DIRECTORY), or else <data>/gateway.key, which the first start makes.
  --config FILE   settings (default gateway.toml)
  --listen H:P    where the broker listens, in place of the file's
  --json          one JSON line for each record, refusal and fault

Says on standard error what needs somebody, and one line for each task and each settlement; with --json nothing, unless
HIREWIRE_LOG is set. HIREWIRE_LOG=link=debug,info sets how much each room says (trace, debug, info, warn, error, silent),
and json or human its form.
`;

type Say = (kind: string, what: Readonly<Record<string, unknown>>) => void;

/**
 * Runs `hirewire run …` and gives its exit code, 0.
 *
 * @param args - what stands after `run`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`; what {@link Gateway.start} throws
 */
export async function runCommand(args: string[], terminal: Terminal): Promise<number> {
  const { io } = terminal;
  const options = {
    config: { type: "string", default: "gateway.toml" },
    listen: { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values, positionals } = parseArguments("hirewire run", args, options);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  nothingElse("hirewire run", positionals);
  const config = terminal.readConfig(values.config);
  if (values.listen) config.broker.listen = [values.listen];
  if (values.listen) config.origins.set("broker.listen", { origin: "option", line: null });
  const say: Say = values.json
    ? (kind, what) => io.write(`${JSON.stringify({ kind, ...what })}\n`)
    : () => undefined;
  const ended = Promise.withResolvers<number>();
  const clock = new SteadyClock(machineTime, terminal.clock);
  const log = logOf(terminal, clock, values.json === true);
  const supervisor = openSupervisor({
    ...{ env: terminal.env, pid: process.pid, clock },
    ...{ probe: () => gateway.probe(), status: () => gateway.status },
    onFault: (fault) => {
      log.fault(fault);
      say("fault", { code: codeOf(fault), message: messageOf(fault) });
    },
  });
  supervisor.busy("opening");
  const gateway = await startGateway(config, terminal, {
    say,
    log,
    clock,
    onOpening: (line) => supervisor.busy(line),
  });
  // before anybody hears that it runs, and may end it
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.resolve(0));
  process.once("disconnect", () => ended.resolve(0));
  const { page } = gateway;
  say("ready", { port: gateway.port, urls: gateway.urls, gateway: gateway.market.gateway, page });
  if (!values.json) {
    const where = gateway.urls.join(" ") || "serial lines alone";
    io.write(`gateway ${gateway.market.gateway}: ${where}, data in ${config.data}\n`);
    if (page !== null) io.write(`page ${io.isTerminal ? gateway.invite() : `${page}: hirewire login`}\n`);
  }
  supervisor.ready();
  process.on("message", (message: { kind?: string }) => {
    if (message.kind !== "settle") return;
    gateway.settle().then(
      () => say("settled", { refusals: Object.fromEntries(gateway.refusals) }),
      (fault: unknown) => say("settleFailed", { message: messageOf(fault) }),
    );
  });
  const code = await ended.promise;
  void supervisor.stopping();
  await gateway.stop();
  await supervisor.close();
  const refused = [...gateway.refusals].map(([reason, times]) => `${reason} ${times}`).join(", ");
  if (!values.json) io.write(`stopped; refused: ${refused || "nothing"}\n`);
  if (process.connected) process.disconnect();
  return code;
}

type Voices = {
  readonly say: Say;
  readonly log: Log;
  readonly clock: SteadyClock;
  readonly onOpening: (line: string) => void;
};

function startGateway(config: Config, terminal: Terminal, voices: Voices): Promise<Gateway> {
  const { say, log, clock, onOpening } = voices;
  const { keys, readSecret, complain } = terminal;
  const ports = thisClock(terminal.env["PATH"]);
  const { key } = openGatewayKey(config, keys);
  return Gateway.start({
    config,
    signer: keySigner(key),
    transactionSigner: privateKeyToAccount(toHex(key)),
    ...{ clock, time: { clock, askMachine: () => isSynchronized(ports) }, onOpening },
    draw: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    salt: () => toHex(randomBytes(32)),
    ...{ readSecret, log, version: terminal.version() },
    onEntries: (entries) => {
      for (const { index, at, cause, facts } of entries)
        say("facts", { index, at, by: cause.by, facts: facts.map(encodeFact) });
    },
    onRefused: refusalLines(say, clock),
    onFault: (fault) => say("fault", { code: codeOf(fault), message: messageOf(fault) }),
    onBroken: (fault) => {
      complain(fault);
      // What memory holds is ahead of the disk: only a new start can be trusted.
      process.exit(1);
    },
  });
}

/** On a terminal for people; beside JSON lines it is silent unless somebody asks. */
function logOf({ io, env }: Terminal, clock: Clock, isJson: boolean): Log {
  const asked = env["HIREWIRE_LOG"];
  const { levels, form } = parseLogSpec(asked);
  const write = isJson && asked === undefined ? null : io.warn;
  return new Log({ clock, levels, form: form ?? (isJson ? "json" : "human"), write });
}

function codeOf(fault: unknown): FaultCode {
  return isFault(fault) ? fault.code : "impossible";
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
