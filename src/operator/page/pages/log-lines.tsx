/** Log lines, newest first. */
import { useMemo } from "preact/hooks";
import type { Level, LogLine } from "../../api/log.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { StateMark, type Tone } from "../parts/state-mark.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { withQuery } from "../router.ts";
import { logsWords } from "./logs.words.ts";

const TONES: Readonly<Record<Level, Tone>> = {
  trace: "idle",
  debug: "idle",
  info: "good",
  warn: "warn",
  error: "bad",
  silent: "idle",
};

type Props = { readonly lines: readonly LogLine[]; readonly isDimmed: boolean };

/** A table of lines; a trace leads to all lines of its task. */
export function LogLines({ lines, isDimmed }: Props) {
  const say = useWords(logsWords);
  // The same columns draw no row again.
  const columns = useMemo(() => columnsOf(say), [say]);
  return (
    <Table
      caption={say.caption(count(lines.length))}
      columns={columns}
      rows={lines}
      keyOf={({ number }) => number}
      isDimmed={isDimmed}
    />
  );
}

function columnsOf(say: (typeof logsWords)["en"]): readonly Column<LogLine>[] {
  return [
    { key: "time", head: say.time, isTitle: true, cell: ({ time }) => <Time at={time} isQuiet /> },
    {
      key: "level",
      head: say.level,
      cell: ({ level }) => <StateMark tone={TONES[level]} word={say.levels[level]} />,
    },
    { key: "room", head: say.room, cell: ({ room }) => say.rooms[room] },
    { key: "message", head: say.message, cell: (line) => <Message line={line} /> },
  ];
}

function Message({ line }: { readonly line: LogLine }) {
  const say = useWords(logsWords);
  const { msg, facts, trace_id: trace } = line;
  return (
    <>
      {msg}{" "}
      <span class="log-facts">
        {Object.entries(facts).map(([name, value]) => (
          <code key={name}>
            <span class="log-name">{name}=</span>
            <span class="log-value">{value}</span>
          </code>
        ))}
        {trace !== null && (
          <a href={withQuery("/logs", { trace })} aria-label={say.follow(trace.slice(0, 8))}>
            <code>{trace.slice(0, 8)}</code>
          </a>
        )}
      </span>
    </>
  );
}
