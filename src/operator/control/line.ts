/** One line of JSON in each direction: what the control socket speaks. */
import type { Socket } from "node:net";
import { Fault } from "../../base/fault.ts";

/**
 * Reads up to the first line feed, or to the end of what the other side sends; null when it sends nothing.
 *
 * @param limit - bytes
 * @throws {@link Fault} `link_lost` when the connection breaks, `usage` for a longer line
 */
export function readLine(socket: Socket, limit: number): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  const parts: Buffer[] = [];
  let length = 0;
  const done = (part: Buffer) => {
    const text = Buffer.concat([...parts, part]).toString("utf8");
    resolve(text === "" ? null : text);
  };
  const take = (part: Buffer) => {
    const end = part.indexOf(0x0a);
    length += end === -1 ? part.length : end;
    if (length > limit) reject(new Fault("usage", `the line is longer than ${limit} bytes`));
    else if (end === -1) parts.push(part);
    else done(part.subarray(0, end));
  };
  socket.on("data", take);
  socket.once("end", () => done(Buffer.alloc(0)));
  socket.once("error", (cause) => reject(new Fault("link_lost", "the control socket broke", { cause })));
  socket.once("close", () => reject(new Fault("link_lost", "the control socket closed")));
  return promise.finally(() => {
    // whatever else comes is read and thrown away
    socket.off("data", take).resume();
  });
}

/** A line of JSON. Whole numbers beyond 2^53, such as wei, are written as decimal text. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one))}\n`;
}
