/** The first screen: is it working, did I earn, is my money safe, what needs me. */

import type { Overview } from "../../api/overview.ts";
import { useCell } from "../cell.ts";
import { count } from "../format.ts";
import { useWords } from "../language.ts";
import { lineProblem, overview } from "../live.ts";
import { Card } from "../parts/card.tsx";
import { Heading } from "../parts/heading.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { period } from "../period.ts";
import { useRights } from "../session.ts";
import { alertWords } from "./alert.words.ts";
import { AlertList, sentencesOf } from "./alert-list.tsx";
import { homeWords } from "./home.words.ts";
import { HomeChart } from "./home-chart.tsx";
import { Figures, LogState } from "./home-figures.tsx";
import { Devices, Lanes, LiveTasks } from "./home-lists.tsx";
import { StandStill } from "./stand-still.tsx";

/** All of it on one screen of a laptop. */
export function HomePage() {
  const say = useWords(homeWords);
  const screen = useCell(overview);
  const chosen = useCell(period);
  const problem = useCell(lineProblem);
  const { isKeeper } = useRights();
  return (
    <>
      <Heading title={say.title} isHidden />
      {!screen && (problem ? <Problem problem={problem} /> : <Loading />)}
      {screen && (
        <div class="stack">
          <LogState log={screen.log} />
          <Figures screen={screen} period={chosen} />
          <Needs screen={screen} />
          <div class="grid-2">
            <div class="stack">
              {screen.log && (
                <HomeChart slices={screen.chart} title={say.chart[chosen]} symbol={screen.token.symbol} />
              )}
              <LiveTasks screen={screen} />
              {isKeeper && <StandStill state={screen.state} />}
            </div>
            <div class="stack">
              <Devices screen={screen} />
              <Lanes screen={screen} />
            </div>
          </div>
        </div>
      )}
    </>
  );
}

/** Empty on most days, and says so. What comes and goes is read out; what only grows older is not. */
function Needs({ screen }: { readonly screen: Overview }) {
  const say = useWords(homeWords);
  const sentences = useWords(alertWords);
  const { alerts } = screen;
  const spoken = alerts.map((alert) => sentencesOf(alert, sentences).what).join(" ");
  const side = alerts.length > 0 && <a href="/alerts">{say.needsCount(count(alerts.length))}</a>;
  return (
    <Card title={say.needs} side={side} class={alerts.length > 0 ? "needs needs-some" : "needs"}>
      <p class="hidden" aria-live="polite">
        {spoken === "" ? say.needsNothing : spoken}
      </p>
      {alerts.length > 0 ? (
        <AlertList alerts={alerts} />
      ) : (
        <p>
          <StateMark tone="good" word={say.needsNothing} /> <span class="muted">{say.needsNothingWhat}</span>
        </p>
      )}
    </Card>
  );
}
