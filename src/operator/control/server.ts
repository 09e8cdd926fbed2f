/**
 * The control socket: how commands on the same machine speak to a running gateway.
 *
 * One line `{"do": "…", …}` in, one line `{"ok": true, …}` or `{"ok": false, "code", "message"}` out. Its file has mode
 * 0600: whoever can open it could as well read the gateway's key beside it.
 */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Fault, isFault } from "../../base/fault.ts";
import { connected } from "./client.ts";
import { jsonLine, readLine } from "./line.ts";
import { CONTROL_SOCKET, socketAddress } from "./socket.ts";

/** Bytes of a request's line. */
const MAX_REQUEST = 65_536;

/** Nobody needs more at a time; one that is stuck must not be the gateway's burden. */
const MAX_CONNECTIONS = 32;

/** Where a socket waits for its mode and its name. */
const DRAFT = ".control-";

/** A request as it came in: an object whose `do` named the verb. Everything else in it is unchecked. */
export type ControlRequest = Readonly<Record<string, unknown>>;

/** What one verb does. A {@link Fault} it throws is told with its code and message. */
export type Verb = (request: ControlRequest) => Promise<object>;

export type Control = {
  /** Admits nobody from now on and removes the file; resolves when what was asked before is answered. */
  readonly stop: () => Promise<void>;
};

/**
 * Opens the control socket in `folder`. The file of a gateway that has died is replaced.
 *
 * @param verbs - by their name in `do`
 * @throws {@link Fault} `port_busy` when a gateway answers there, or the name is taken by something else;
 * `config_syntax`, `disk_failed`
 */
export async function startControl(folder: string, verbs: Readonly<Record<string, Verb>>): Promise<Control> {
  await refuseLive(folder);
  const open = new Set<Socket>();
  const busy = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // a peer that is gone reads no answer
    socket.on("error", () => socket.destroy());
    void serve(socket, verbs, (work) => {
      busy.add(work);
      void work.finally(() => busy.delete(work));
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await listen(server, folder);
  } catch (cause) {
    throw isFault(cause) ? cause : new Fault("disk_failed", `cannot open a socket in ${folder}`, { cause });
  }
  return {
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(join(folder, CONTROL_SOCKET), { force: true });
      await Promise.allSettled(busy);
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Binds in a folder of mode 0700 and renames: the socket is never there with another mode, nor ever missing. */
async function listen(server: Server, folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(DRAFT)) rmSync(join(folder, name), { recursive: true, force: true });
  }
  const draft = mkdtempSync(join(folder, DRAFT));
  const address = socketAddress(draft);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address.path, resolve);
    });
    chmodSync(join(draft, CONTROL_SOCKET), 0o600);
    renameSync(join(draft, CONTROL_SOCKET), join(folder, CONTROL_SOCKET));
  } catch (cause) {
    server.close();
    throw cause;
  } finally {
    rmSync(draft, { recursive: true, force: true });
    // the server removes by its address when it closes: with the number in another's hands that could be another file
    server.once("close", address.close);
  }
}

async function refuseLive(folder: string): Promise<void> {
  const file = join(folder, CONTROL_SOCKET);
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found && !found.isSocket()) {
    throw new Fault("port_busy", `${file} is no socket: remove it, the gateway needs the name`);
  }
  const socket = found ? await connected(folder) : null;
  socket?.destroy();
  if (socket) throw new Fault("port_busy", `a gateway runs in ${folder}: it answers on ${file}`);
}

async function serve(
  socket: Socket,
  verbs: Readonly<Record<string, Verb>>,
  begin: (work: Promise<void>) => void,
): Promise<void> {
  try {
    const line = await readLine(socket, MAX_REQUEST);
    if (line === null) socket.end();
    else begin(answer(line, verbs).then((text) => void socket.end(text)));
  } catch (fault) {
    socket.end(told(fault), () => socket.destroy());
  }
}

async function answer(line: string, verbs: Readonly<Record<string, Verb>>): Promise<string> {
  try {
    const request = parsed(line);
    const name = request["do"];
    const verb = typeof name === "string" && Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (!verb) throw new Fault("usage", `this gateway has no verb ${String(name)}`);
    return jsonLine({ ok: true, ...(await verb(request)) });
  } catch (fault) {
    return told(fault);
  }
}

function parsed(line: string): ControlRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (cause) {
    throw new Fault("usage", "expected one line of JSON", { cause });
  }
  if (typeof request === "object" && request !== null && !Array.isArray(request)) return { ...request };
  throw new Fault("usage", 'expected an object such as {"do": "status"}');
}

function told(fault: unknown): string {
  const code = isFault(fault) ? fault.code : "impossible";
  return jsonLine({ ok: false, code, message: fault instanceof Error ? fault.message : String(fault) });
}
