/** Tasks, live and ended. */
import { useMemo } from "preact/hooks";
import type { TaskRow } from "../../api/task.ts";
import { ask } from "../fetch.ts";
import { useWords } from "../language.ts";
import { ChoiceField } from "../parts/field.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty } from "../parts/notice.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { useQuery, withQuery } from "../router.ts";
import { stateWords } from "../words/state.words.ts";
import { FilterFold } from "./filter-fold.tsx";
import { useRefresh } from "./list-refresh.ts";
import { rowsOf } from "./span.ts";
import { SpanFrame } from "./span-frame.tsx";
import { type Loaded, useSpan } from "./span-hook.ts";
import { TaskTable } from "./task-table.tsx";
import { tasksWords } from "./tasks.words.ts";
import { TypedField } from "./typed-field.tsx";
import "./lists.css";

/** States in which a task is not over, and those in which it is. */
const STATES = {
  live: ["offered", "announced", "awarded", "accepted", "running", "delivered", "verified", "invoiced"],
  ended: ["paid", "settled", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"],
} as const;

const KEYS = ["device", "firmware"] as const;

type View = keyof typeof STATES;

async function load(
  query: URLSearchParams,
  before: string | null,
  signal: AbortSignal,
): Promise<Loaded<TaskRow, string, null>> {
  const view: View = query.get("view") === "ended" ? "ended" : "live";
  const filters = ["device", "state", "firmware"].flatMap((key) => {
    const value = query.get(key);
    return value ? [[key, value] as const] : [];
  });
  const input = { view, ...Object.fromEntries(filters), ...(before === null ? {} : { before }) };
  const { tasks, next } = await ask("GET /tasks", { input, signal });
  return { page: { rows: tasks, next }, extra: null };
}

/** The page at `/tasks`. */
export function TasksPage() {
  const say = useWords(tasksWords);
  const words = useWords(stateWords).task;
  const [query, change] = useQuery();
  const view: View = query.get("view") === "ended" ? "ended" : "live";
  const key = [view, ...["device", "state", "firmware"].map((name) => query.get(name) ?? "")].join("\n");
  const list = useSpan(key, (before: string | null, signal) => load(query, before, signal));
  useRefresh("tasks", list.refresh);
  const rows = useMemo(() => (list.span ? rowsOf(list.span) : []), [list.span]);
  const href = (to: View) =>
    withQuery("/tasks", { view: to, device: query.get("device"), firmware: query.get("firmware") });
  return (
    <div class="tasks">
      <Heading title={say.title} />
      <Tabs
        label={say.views}
        tabs={(["live", "ended"] as const).map((to) => ({
          href: href(to),
          text: say[to],
          isHere: view === to,
        }))}
      />
      <FilterFold>
        {KEYS.map((name) => (
          <TypedField
            key={name}
            label={say[name]}
            value={query.get(name) ?? ""}
            onSettled={(text) => change({ [name]: text })}
            {...(name === "device" ? { isFilter: true } : {})}
          />
        ))}
        <ChoiceField
          label={say.state}
          value={query.get("state") ?? ""}
          choices={[
            { value: "", text: say.any },
            ...STATES[view].map((state) => ({ value: state, text: words[state] ?? state })),
          ]}
          onChange={(state) => change({ state }, "push")}
        />
      </FilterFold>
      <SpanFrame view={list}>
        <TaskTable
          caption={view === "live" ? say.liveCaption : say.endedCaption}
          isCaptionHidden
          rows={rows}
          isLive={view === "live"}
          isDimmed={list.busy === "first"}
          empty={<Empty title={view === "live" ? say.emptyLive : say.emptyEnded} />}
        />
      </SpanFrame>
    </div>
  );
}
