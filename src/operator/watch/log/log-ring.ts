/** The newest lines of the log, kept in memory for the page. */
import { LEVELS, type LogLine, type LogQuery } from "../../api/log.ts";

/** Lines that are kept. */
const MOST = 2_000;

type Kept = { readonly number: number; readonly text: string };

export class LogRing {
  #lines: Kept[] = [];
  #count = 0;

  /** Lines that were let go. */
  get dropped(): number {
    return Math.max(0, this.#count - MOST);
  }

  /** @param text - one line of JSON */
  add(text: string): void {
    this.#lines.push({ number: ++this.#count, text });
    // now and then, so that a line costs the same however many there are
    if (this.#lines.length >= 2 * MOST) this.#lines = this.#lines.slice(-MOST);
  }

  /** The newest lines that fit, the oldest of them first. */
  find({ level = "trace", room, text, trace, after, limit }: LogQuery): LogLine[] {
    const least = LEVELS.indexOf(level);
    const words = text?.toLowerCase();
    const id = trace?.toLowerCase().replace(/^0x/, "");
    const found: LogLine[] = [];
    for (const kept of this.#lines.slice(-MOST).toReversed()) {
      if (kept.number <= after || found.length >= limit) break;
      if (id !== undefined && !kept.text.includes(id)) continue;
      const line = lineOf(kept);
      if (LEVELS.indexOf(line.level) < least || (room !== undefined && line.room !== room)) continue;
      if (id !== undefined && line.trace_id !== id) continue;
      if (words === undefined || saidIn(line).includes(words)) found.push(line);
    }
    return found.toReversed();
  }
}

/** A line of the log as the page has it. */
export function lineOf({ number, text }: Kept): LogLine {
  const { level, time, room, msg, trace_id = null, span_id = null, ...facts } = JSON.parse(text);
  return { number, time, level, room, msg, trace_id, span_id, facts };
}

function saidIn({ msg, facts }: LogLine): string {
  return `${msg} ${Object.values(facts).join(" ")}`.toLowerCase();
}
