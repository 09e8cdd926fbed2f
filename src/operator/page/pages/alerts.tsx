/** All alerts. */
import { useAsk } from "../asked.ts";
import { useWords } from "../language.ts";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { Time } from "../parts/time.tsx";
import { AlertList } from "./alert-list.tsx";
import { alertsWords } from "./alerts.words.ts";

/** What needs somebody, and how each is mended. */
export function AlertsPage() {
  const say = useWords(alertsWords);
  const { answer, problem, reload } = useAsk("GET /alerts", {}, ["alerts"]);
  return (
    <div class="stack">
      <Heading title={say.title} />
      {problem && <Problem problem={problem} onRetry={reload} />}
      {!answer && !problem && <Loading />}
      {answer?.alerts.length === 0 && <Empty title={say.none}>{say.noneWhat}</Empty>}
      {answer && answer.alerts.length > 0 && (
        <div class="card">
          <AlertList alerts={answer.alerts} />
        </div>
      )}
      <p class="muted">
        {say.what}{" "}
        {answer && (
          <>
            {say.at} <Time at={answer.at} />.
          </>
        )}
      </p>
    </div>
  );
}
