/** The level switch: how much each room says. */
import { useState } from "preact/hooks";
import type { Level, LogRoom } from "../../api/log.ts";
import { type Answer, ask, Problem as Told } from "../fetch.ts";
import { useWords } from "../language.ts";
import { ChoiceField } from "../parts/field.tsx";
import { Problem } from "../parts/notice.tsx";
import { tell } from "../parts/toast.tsx";
import { logsWords } from "./logs.words.ts";

const LEVELS: readonly Level[] = ["trace", "debug", "info", "warn", "error", "silent"];

type Props = { readonly levels: Answer<"GET /logs">["levels"]; readonly onSet: () => void };

/** One switch for every room, and one for all of them. */
export function LogLevels({ levels, onSet }: Props) {
  const say = useWords(logsWords);
  const [problem, setProblem] = useState<Told | null>(null);
  const rooms = Object.entries(levels) as [LogRoom, Level][];
  const first = rooms[0]?.[1];
  const isOne = rooms.every(([, level]) => level === first);
  const choices = LEVELS.map((level) => ({ value: level, text: say.levels[level] }));
  const set = (room: LogRoom | null, name: string) => {
    const level = LEVELS.find((one) => one === name);
    if (!level) return;
    ask("POST /log-level", { input: { room, level } })
      .then(() => {
        setProblem(null);
        tell(say.set(room === null ? say.all : say.rooms[room], say.levels[level]));
        onSet();
      })
      .catch((reason: unknown) => {
        if (reason instanceof Told) setProblem(reason);
      });
  };
  return (
    <details class="card log-levels">
      <summary>{say.switches}</summary>
      {problem && <Problem problem={problem} />}
      <div class="filters">
        <ChoiceField
          label={say.all}
          value={isOne ? (first ?? "") : ""}
          onChange={(level) => set(null, level)}
          choices={isOne ? choices : [{ value: "", text: say.mixed }, ...choices]}
        />
        {rooms.map(([room, level]) => (
          <ChoiceField
            key={room}
            label={say.rooms[room]}
            value={level}
            onChange={(next) => set(room, next)}
            choices={choices}
          />
        ))}
      </div>
      <p class="muted">{say.switchesWhat}</p>
    </details>
  );
}
