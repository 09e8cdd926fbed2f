/** One task's life, from its offer to its settlement. */
import { useMemo } from "preact/hooks";
import { useAsk } from "../asked.ts";
import { useWords } from "../language.ts";
import type { PageProps } from "../page.ts";
import { short } from "../parts/code.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { withQuery } from "../router.ts";
import { MarketState } from "./market-word.tsx";
import { sectionsOf } from "./story-sections.ts";
import { StoryView } from "./story-view.tsx";
import { tasksWords } from "./tasks.words.ts";
import "./lists.css";

/** The page at `/tasks/:task`. It follows the task while it is live. */
export function TaskPage({ params }: PageProps) {
  const say = useWords(tasksWords);
  const { task = "" } = params;
  const isId = /^0x[0-9a-f]{32}$/.test(task);
  const { answer, problem, reload } = useAsk(
    isId ? "GET /tasks/:task" : null,
    isId ? { params: { task } } : {},
    ["tasks", "settlements"],
  );
  const story = answer?.task === task ? answer : null;
  const sections = useMemo(() => (story ? sectionsOf(story) : []), [story]);
  const isGone = !isId || problem?.code === "not_found";
  return (
    <div class="task">
      <Heading title={say.taskTitle(short(task))} side={<a href="/tasks">{say.back}</a>} />
      {isGone && !story && <Empty title={say.gone} />}
      {problem && !isGone && <Problem problem={problem} onRetry={reload} />}
      {story && (
        <>
          <p class="task-state" role="status">
            <MarketState state={story.state} /> ·{" "}
            <a href={withQuery("/settlements", { text: task })}>{say.log}</a>
          </p>
          <StoryView sections={sections} entries={story.entries} json={story} />
        </>
      )}
      {!story && !problem && !isGone && <Loading />}
    </div>
  );
}
