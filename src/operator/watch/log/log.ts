/**
 * The log: what the gateway says while it works, one line a thing, at a level that each room has for itself.
 *
 * pino writes the lines, in the turn in which they are said: the last ones before an end are the ones that matter. The
 * newest are kept for the page. What a secret could stand in is censored before it is written or kept.
 */
import { type Logger, pino } from "pino";
import type { Clock } from "../../../base/clock.ts";
import { isFault } from "../../../base/fault.ts";
import { type Level, LOG_ROOMS, type LogRoom } from "../../api/log.ts";
import { humanLine } from "./human-line.ts";
import { LogRing } from "./log-ring.ts";
import { roomOf } from "./rooms.ts";

/** Everything that a line says besides its words, as text; money as decimals, hashes whole. Never a payload, never a key. */
export type LogFacts = Readonly<Record<string, string>>;

/** Of which task a line is, and which step of it: 16 and 8 bytes as hex, as OpenTelemetry writes them. */
export type Trace = { readonly trace_id: string; readonly span_id: string };

export type LogForm = "json" | "human";

export type Levels = Readonly<Record<LogRoom, Level>>;

export type LogOptions = {
  readonly clock: Pick<Clock, "now">;
  readonly levels: Levels;
  readonly form: LogForm;
  /** Takes whole lines; null keeps them for the page alone. */
  readonly write: ((text: string) => void) | null;
};

type SpokenLevel = Exclude<Level, "silent">;

/** Names of facts in which a secret could stand, whoever gave them. */
const SECRETS = [
  ...["key", "privateKey", "secret", "password", "passphrase", "seed", "mnemonic", "proof"],
  ...["token", "cookie", "authorization", "csrf"],
] as const;

/** What stands in a line before its facts: a fact of such a name gets another one. */
const TAKEN: ReadonlySet<string> = new Set(["level", "time", "room", "msg", "trace_id", "span_id"]);

/** Every room at one level. */
export function allAt(level: Level): Levels {
  return Object.fromEntries(LOG_ROOMS.map((room) => [room, level])) as Levels;
}

export class Log {
  readonly ring = new LogRing();
  readonly #rooms: ReadonlyMap<LogRoom, Logger>;

  constructor({ clock, levels, form, write }: LogOptions) {
    const out = (line: string) => {
      this.ring.add(line);
      write?.(form === "json" ? line : humanLine(line));
    };
    const root = pino(
      {
        level: "trace",
        base: null,
        timestamp: () => `,"time":${clock.now()}`,
        formatters: { level: (level) => ({ level }) },
        redact: { paths: [...SECRETS], censor: "[secret]" },
      },
      { write: out },
    );
    this.#rooms = new Map(LOG_ROOMS.map((room) => [room, root.child({ room }, { level: levels[room] })]));
  }

  get levels(): Levels {
    return Object.fromEntries([...this.#rooms].map(([room, { level }]) => [room, level])) as Levels;
  }

  /** @param room - null for every room */
  setLevel(room: LogRoom | null, level: Level): void {
    for (const [name, logger] of this.#rooms) if (room === null || room === name) logger.level = level;
  }

  /** Whether a line of that room and level is written: what it costs to make one can be saved. */
  says(room: LogRoom, level: SpokenLevel): boolean {
    return this.#rooms.get(room)?.isLevelEnabled(level) ?? false;
  }

  /** Writes one line, unless its room does not say such things. */
  say(room: LogRoom, level: SpokenLevel, msg: string, facts: LogFacts = {}, trace?: Trace): void {
    const logger = this.#rooms.get(room);
    if (!logger?.isLevelEnabled(level)) return;
    const named = Object.entries(facts).map(([name, value]) => {
      return [TAKEN.has(name) ? `${name}_` : name, withoutSecrets(value)];
    });
    logger[level]({ ...trace, ...Object.fromEntries(named) }, withoutSecrets(msg));
  }

  /** Something that needs somebody (an error), or that is tried again (a warning). What is no fault is a defect of ours. */
  fault(fault: unknown): void {
    const message = fault instanceof Error ? fault.message : String(fault);
    if (!isFault(fault)) {
      const stack = fault instanceof Error ? (fault.stack ?? "") : "";
      this.say("gateway", "error", message, { code: "impossible", stack });
      return;
    }
    const facts = Object.entries(fault.facts).map(([name, value]) => [name, String(value)]);
    const level = fault.remedy === "retry" || fault.remedy === "reject" ? "warn" : "error";
    this.say(roomOf(fault.code), level, message, { ...Object.fromEntries(facts), code: fault.code });
  }
}

/** Words of others may hold a password in a URL, or a token behind its name. */
function withoutSecrets(text: string): string {
  if (!text.includes("=") && !text.includes("://")) return text;
  return text
    .replace(/(:\/\/)[^/\s@]+@/g, "$1[secret]@")
    .replace(/\b(token|secret|password|key)=[^\s&]+/gi, "$1=[secret]");
}
