/** What a page says when there is nothing to show, when something went wrong, and while something takes its time. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Problem as Told } from "../fetch.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { Button } from "./button.tsx";
import { partWords } from "./part.words.ts";

type EmptyProps = {
  readonly title: string;
  /** What to do about it. */
  readonly children?: ComponentChildren;
};

/** Nothing here, and what to do. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-what">{children}</div>}
    </div>
  );
}

type ProblemProps = { readonly problem: Told; readonly onRetry?: (() => void) | undefined };

/** What went wrong, in the gateway's words, and what to do. */
export function Problem({ problem, onRetry }: ProblemProps) {
  const say = useWords(partWords);
  const titles: Readonly<Record<string, string>> = {
    unreachable: say.unreachable,
    forbidden: say.forbidden,
    not_found: say.notFound,
  };
  const hint = problem.status === 0 ? say.unreachableHint : problem.hint;
  return (
    <div class="problem" role="alert">
      <p class="problem-title">
        <span aria-hidden="true">■ </span>
        {titles[problem.code] ?? (problem.title || say.failed)}
      </p>
      {problem.detail && <p>{problem.detail}</p>}
      {hint && <p>{hint}</p>}
      <p class="problem-foot">
        {onRetry && <Button onPress={onRetry}>{say.retry}</Button>}
        <code>{problem.code}</code>
      </p>
    </div>
  );
}

type ProgressProps = { readonly label: string; readonly done: number; readonly of: number };

/** How far something is, in numbers as well. */
export function Progress({ label, done, of }: ProgressProps) {
  const say = useWords(partWords);
  const id = useId();
  return (
    <div class="progress">
      <label for={id}>{label}</label>
      <progress id={id} value={done} max={Math.max(of, 1)} />
      <span class="digits">{say.progress(count(done), count(of))}</span>
    </div>
  );
}

/** Before the first answer: the place is kept, and after a moment it says that it loads. */
export function Loading() {
  return (
    <p class="loading" aria-busy="true">
      {useWords(partWords).loading}
    </p>
  );
}
