/** A line of the log as a person reads it on a terminal. */
import { printable } from "../../log/legend.ts";
import { lineOf } from "./log-ring.ts";

/**
 * One line with its line feed. A fault is `hirewire [code]: what`, as every command says it; anything else has the UTC
 * time of day, its level, its room, its words and its facts.
 *
 * @param text - one line of JSON
 */
export function humanLine(text: string): string {
  const { time, level, room, msg, facts, trace_id } = lineOf({ number: 0, text });
  const { code, stack: _, ...rest } = facts;
  const words = printable(msg);
  if (code !== undefined && (level === "warn" || level === "error")) return `hirewire [${code}]: ${words}\n`;
  const at = new Date(time).toISOString().slice(11, 19);
  const all = {
    ...(code === undefined ? {} : { code }),
    ...rest,
    ...(trace_id === null ? {} : { task: trace_id }),
  };
  const pairs = Object.entries(all).map(([name, value]) => ` ${name}=${shown(value)}`);
  return `${at} ${level.padEnd(5)} ${room.padEnd(10)} ${words}${pairs.join("")}\n`;
}

function shown(value: string): string {
  const text = printable(value);
  const short = /^(0x)?[0-9a-f]{16,}$/.test(text) ? `${text.slice(0, 10)}…` : text;
  return /[\s="]/.test(short) || short === "" ? JSON.stringify(short) : short;
}
