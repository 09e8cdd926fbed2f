/** The first screen's figures, which the header shows on every page. */
import { useEffect } from "preact/hooks";
import { useAsk } from "../asked.ts";
import { useCell } from "../cell.ts";
import { overview } from "../live.ts";
import { asPeriod, offset, period } from "../period.ts";
import { useQuery } from "../router.ts";

/** Asks for them, as the gateway says them by itself only when something has changed. */
export function useOverview(): void {
  const chosen = useCell(period);
  const [query] = useQuery();
  const named = asPeriod(query.get("period"));
  useEffect(() => {
    if (named) period.set(named);
  }, [named]);
  const { answer } = useAsk("GET /overview", { input: { period: chosen, offset: offset() } }, ["alerts"]);
  useEffect(() => {
    if (!answer) return;
    const shown = overview.value;
    const isOlder = shown && shown.period.from === answer.period.from && shown.at > answer.at;
    if (!isOlder) overview.set(answer);
  }, [answer]);
}
