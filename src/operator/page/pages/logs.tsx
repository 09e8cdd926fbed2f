/** What the gateway says while it works. */
import { useEffect, useState } from "preact/hooks";
import type { Level, LogLine, LogRoom } from "../../api/log.ts";
import { useAsk } from "../asked.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { ChoiceField, Field } from "../parts/field.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { useQuery } from "../router.ts";
import { useRights } from "../session.ts";
import { LogLevels } from "./log-levels.tsx";
import { LogLines } from "./log-lines.tsx";
import { logsWords } from "./logs.words.ts";
import "./logs.css";

const LEVELS: readonly Level[] = ["trace", "debug", "info", "warn", "error"];
const ROOMS: readonly LogRoom[] = [
  "gateway",
  "link",
  "market",
  "verdict",
  "payment",
  "settlement",
  "firmware",
  "operator",
];

const FEW = 200;
const MANY = 1_000;

/** Whoever has scrolled down reads: lines should not move away under the eye. */
function useIsReading(): boolean {
  const [isReading, setReading] = useState(false);
  useEffect(() => {
    const look = () => setReading(scrollY > 300);
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return isReading;
}

/** The filter, as the address has it. */
function useFilter() {
  const [query, change] = useQuery();
  const level = LEVELS.find((one) => one === query.get("level"));
  const room = ROOMS.find((one) => one === query.get("room"));
  const text = query.get("text") ?? "";
  const trace = query.get("trace") ?? "";
  const input = {
    ...(level && { level }),
    ...(room && { room }),
    ...(text !== "" && { text }),
    ...(trace !== "" && { trace }),
  };
  return { level, room, text, trace, input, change };
}

/** Newest first; stands still while somebody reads. */
export function LogsPage() {
  const say = useWords(logsWords);
  const { isKeeper } = useRights();
  const filter = useFilter();
  const [limit, setLimit] = useState(FEW);
  const [after, setAfter] = useState(0);
  const [isPaused, setPaused] = useState(false);
  const input = { ...filter.input, limit, after };
  const { answer, problem, isLoading, reload } = useAsk("GET /logs", { input }, ["logs"]);
  const isReading = useIsReading();
  const isStill = isPaused || isReading;
  const newest = answer?.lines.at(-1)?.number ?? 0;
  const [upTo, setUpTo] = useState<number | null>(null);
  useEffect(() => setUpTo(isStill ? newest : null), [isStill]);

  const lines = (answer?.lines ?? []).filter(({ number }) => upTo === null || number <= upTo).toReversed();
  const waiting = upTo === null ? 0 : (answer?.lines ?? []).filter(({ number }) => number > upTo).length;
  const jump = () => {
    setPaused(false);
    setUpTo(null);
    scrollTo(0, 0);
  };
  return (
    <>
      <Heading
        title={say.title}
        side={
          <>
            <Button onPress={() => setPaused(!isPaused)}>{isPaused ? say.go : say.pause}</Button>
            {after === 0 ? (
              <Button onPress={() => setAfter(newest)}>{say.clear}</Button>
            ) : (
              <Button onPress={() => setAfter(0)}>{say.unclear}</Button>
            )}
          </>
        }
      />
      <Filters filter={filter} />
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!answer && !problem && <Loading />}
      {waiting > 0 && (
        <p class="log-new">
          <Button kind="primary" onPress={jump}>
            ↑ {say.newest(count(waiting))}
          </Button>
        </p>
      )}
      {answer && (
        <div class="stack">
          {isKeeper && <LogLevels levels={answer.levels} onSet={reload} />}
          <div class="card log-lines">
            <Body lines={lines} isDimmed={isLoading} isFiltered={Object.keys(filter.input).length > 0} />
            {limit < MANY && answer.lines.length >= limit && (
              <p class="row">
                <Button onPress={() => setLimit(MANY)}>{say.older}</Button>
              </p>
            )}
          </div>
          {answer.dropped > 0 && <p class="muted">{say.dropped(count(answer.dropped))}</p>}
        </div>
      )}
    </>
  );
}

type BodyProps = {
  readonly lines: readonly LogLine[];
  readonly isDimmed: boolean;
  readonly isFiltered: boolean;
};

function Body({ lines, isDimmed, isFiltered }: BodyProps) {
  const say = useWords(logsWords);
  if (lines.length > 0) return <LogLines lines={lines} isDimmed={isDimmed} />;
  if (!isFiltered) return <Empty title={say.quiet}>{say.quietWhat}</Empty>;
  return (
    <Empty title={say.none}>
      <p>{say.noneWhat}</p>
      <a class="link-button" href="/logs">
        {say.unfollow}
      </a>
    </Empty>
  );
}

function Filters({ filter }: { readonly filter: ReturnType<typeof useFilter> }) {
  const say = useWords(logsWords);
  const { level, room, text, trace, change } = filter;
  return (
    <div class="filters">
      <Field
        label={say.search}
        type="search"
        value={text}
        onChange={(next) => change({ text: next })}
        placeholder={say.searchHint}
        maxLength={128}
        isFilter
      />
      <ChoiceField
        label={say.level}
        value={level ?? ""}
        onChange={(next) => change({ level: next })}
        choices={[
          { value: "", text: say.anyLevel },
          ...LEVELS.map((one) => ({ value: one, text: say.levelAndUp(say.levels[one]) })),
        ]}
      />
      <ChoiceField
        label={say.room}
        value={room ?? ""}
        onChange={(next) => change({ room: next })}
        choices={[
          { value: "", text: say.anyRoom },
          ...ROOMS.map((one) => ({ value: one, text: say.rooms[one] })),
        ]}
      />
      <Field
        label={say.trace}
        type="search"
        value={trace}
        onChange={(next) => change({ trace: next })}
        placeholder={say.traceHint}
        maxLength={66}
      />
    </div>
  );
}
