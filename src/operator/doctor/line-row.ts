/** How a serial line is doing, as a running gateway tells it through the control socket. */
import { z } from "zod";
import type { LineReport } from "../../link/serial/lines.ts";
import { type Check, good, note } from "./check.ts";

const count = z.number().int();

const lineRow = z.object({
  path: z.string(),
  baud: count,
  profile: z.string(),
  /** `vendor:product`; null when it is no USB device, or not there. */
  usb: z.string().nullable(),
  state: z.enum(["absent", "open", "session"]),
  /** Why there is no session, where that can be told. */
  why: z.string().nullable(),
  sessions: count,
  bytesReceived: count,
  bytesSent: count,
  /** Bytes off the line that went no further, by cause. */
  discarded: z.record(z.string(), count),
  /** Bytes that never reached the line, by cause. */
  dropped: z.record(z.string(), count),
});

export type LineRow = z.output<typeof lineRow>;

/** The answer to the verb `lines`. */
export const lineRows = z.object({ lines: z.array(lineRow) });

/** One line as it goes through the socket. */
export function rowOf({ path, baud, profile, usb, state, statistics }: LineReport): LineRow {
  const why = state.state === "session" ? null : (state.fault?.message ?? null);
  const { sessions, bytesReceived, bytesSent, discarded, dropped } = statistics;
  return {
    ...{ path, baud, profile, usb, state: state.state, why },
    ...{ sessions, bytesReceived, bytesSent, discarded: { ...discarded }, dropped: { ...dropped } },
  };
}

/** What the doctor says of a line that a gateway has open. */
export function lineCheck(row: LineRow): Check {
  const name = `line ${row.path}`;
  const usb = row.usb === null ? "" : ` (USB ${row.usb})`;
  const figures = [
    ...[`${plural(row.sessions, "session")} so far`, `${plural(row.bytesReceived, "byte")} in`],
    ...[`${row.bytesSent.toLocaleString("en-US")} out`, ...causes("discarded", row.discarded)],
    ...causes("dropped", row.dropped),
  ].join(", ");
  if (row.state === "session") return good(name, `in session${usb}: ${figures}`);
  const state = row.state === "open" ? "open, no session" : "not open";
  return note(name, `${state}${usb}: ${figures}`, row.why);
}

function causes(what: string, counts: Readonly<Record<string, number>>): string[] {
  const some = Object.entries(counts).filter(([, bytes]) => bytes > 0);
  if (some.length === 0) return [];
  const list = some.map(([cause, bytes]) => `${cause} ${bytes.toLocaleString("en-US")}`).join(", ");
  return [`${what}: ${list}`];
}

function plural(number: number, word: string): string {
  return `${number.toLocaleString("en-US")} ${word}${number === 1 ? "" : "s"}`;
}
