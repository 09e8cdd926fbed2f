/** An action that shows what it would do before it does it. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem as Refused } from "../fetch.ts";
import { useWords } from "../language.ts";
import { changed } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { lanesWords } from "./lanes.words.ts";

type Props<Plan> = {
  readonly title: string;
  /** What is filled in before it is planned; a change of `question` plans anew. */
  readonly fields?: ComponentChildren;
  readonly question: string;
  /** Whether `question` can be planned at all. */
  readonly isReady?: boolean;
  readonly run: (dryRun: boolean) => Promise<Plan>;
  readonly show: (plan: Plan, isDone: boolean) => ComponentChildren;
  /** Whether there is anything to do. */
  readonly canAct: (plan: Plan) => boolean;
  readonly actText: string;
  readonly onClose: () => void;
};

type State<Plan> = {
  readonly phase: "planning" | "planned" | "acting" | "done" | "failed";
  readonly plan: Plan | null;
  readonly problem: Refused | null;
};

/** Lists that an action on lanes changes. */
const LISTS = ["lanes", "settlements", "devices", "alerts"];

/** The dialog: a dry run first, then the button, then what was done. */
export function PlannedDialog<Plan>(props: Props<Plan>) {
  const say = useWords(lanesWords);
  const { title, fields, question, isReady = true, show, canAct, actText, onClose } = props;
  const [{ phase, plan, problem }, set] = useState<State<Plan>>({
    phase: "planning",
    plan: null,
    problem: null,
  });
  const run = useRef(props.run);
  run.current = props.run;
  const turn = useRef(0);

  const go = useCallback((dryRun: boolean) => {
    const mine = ++turn.current;
    set((before) => ({ ...before, phase: dryRun ? "planning" : "acting", problem: null }));
    run.current(dryRun).then(
      (answer) => {
        if (!dryRun) changed(LISTS);
        if (turn.current === mine) set({ phase: dryRun ? "planned" : "done", plan: answer, problem: null });
      },
      (reason: unknown) => {
        const told = reason instanceof Refused ? reason : new Refused(0, { title: String(reason) });
        if (turn.current === mine) set((before) => ({ ...before, phase: "failed", problem: told }));
      },
    );
  }, []);

  useEffect(() => {
    turn.current++;
    if (isReady) go(true);
    else set({ phase: "planning", plan: null, problem: null });
  }, [question, isReady, go]);

  const isDone = phase === "done";
  const canPress = phase === "planned" && plan !== null && canAct(plan);
  return (
    <Dialog
      title={title}
      onClose={onClose}
      isWide
      {...(isDone ? { closeText: say.close } : {})}
      actions={
        !isDone && (
          <Button
            kind="primary"
            onPress={() => go(false)}
            isBusy={phase === "acting"}
            isDisabled={!canPress && phase !== "acting"}
          >
            {actText}
          </Button>
        )
      }
    >
      {!isDone && fields}
      <div role="status">
        {plan && (
          <>
            <p class="plan-phase muted">{isDone ? say.wasDone : say.dryRun}</p>
            {show(plan, isDone)}
          </>
        )}
        {!plan && isReady && !problem && <Loading />}
      </div>
      {problem && <Problem problem={problem} />}
    </Dialog>
  );
}
