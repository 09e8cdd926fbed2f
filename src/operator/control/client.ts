/** A command's end of the control socket. */
import { connect, type Socket } from "node:net";
import { FAULTS, Fault, type FaultCode } from "../../base/fault.ts";
import { jsonLine, readLine } from "./line.ts";
import { CONTROL_SOCKET, type SocketAddress, socketAddress } from "./socket.ts";

/** Bytes of an answer's line: a table of some 50,000 lanes. */
const MAX_ANSWER = 16_777_216;

/** Nobody listens: no file, or that of a process which has died. */
const NOBODY: ReadonlySet<unknown> = new Set(["ENOENT", "ECONNREFUSED"]);

/**
 * Asks the gateway that runs in `folder` and waits for its answer, however long that takes.
 *
 * @param request - `do` names the verb
 * @returns the answer without `ok`; null when no gateway runs there
 * @throws {@link Fault} the gateway's own; `link_lost` when it ends before it has answered, and when its socket is not
 * ours to open; `disk_failed`, `config_syntax`
 */
export async function askGateway(
  folder: string,
  request: { readonly do: string } & Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>> | null> {
  const socket = await connected(folder);
  if (!socket) return null;
  try {
    const reading = readLine(socket, MAX_ANSWER);
    socket.end(jsonLine(request));
    return answered(await reading.catch((cause: unknown) => Promise.reject(lost(cause))));
  } finally {
    socket.destroy();
  }
}

/** A connection to whoever listens in `folder`; null when nobody does. */
export async function connected(folder: string): Promise<Socket | null> {
  let address: SocketAddress;
  try {
    address = socketAddress(folder);
  } catch (fault) {
    if (isMissing(fault)) return null;
    throw fault;
  }
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: address.path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(socket);
      });
    });
  } catch (cause) {
    if (NOBODY.has(codeOf(cause))) return null;
    const why = codeOf(cause) === "EACCES" ? "it belongs to another user" : String(cause);
    throw new Fault("link_lost", `cannot reach the gateway at ${folder}/${CONTROL_SOCKET}: ${why}`, {
      cause,
    });
  } finally {
    address.close();
  }
}

function answered(line: string | null): Readonly<Record<string, unknown>> {
  const { ok, ...rest } = parsed(line ?? "");
  if (ok === true) return rest;
  const { code, message } = rest;
  if (ok !== false || typeof code !== "string" || typeof message !== "string") throw lost(null);
  throw new Fault(Object.hasOwn(FAULTS, code) ? (code as FaultCode) : "impossible", message);
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(line) };
  } catch (cause) {
    throw lost(cause);
  }
}

function lost(cause: unknown): Fault {
  const message = "the gateway has not answered; it may have done it: look before you ask again";
  return new Fault("link_lost", message, { cause });
}

function isMissing(fault: unknown): boolean {
  return fault instanceof Fault && codeOf(fault.cause) === "ENOENT";
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause ? cause.code : null;
}
