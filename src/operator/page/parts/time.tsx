/** A moment: local, with UTC on hover and focus; or all in UTC, as the viewer chose. */
import { useCell } from "../cell.ts";
import { ago, isUtc, type TimeForm, timeText, utcText } from "../format.ts";
import { language } from "../language.ts";
import { useNow } from "../now.ts";

type Props = {
  readonly at: number;
  /** `ago` counts; the others are a clock, with the date where it is not today's, and everything. */
  readonly form?: TimeForm | "ago";
  /** Inside of a link or of a row that can be focused, which then shows UTC. */
  readonly isQuiet?: boolean;
};

/** A time of the gateway's. */
export function Time({ at, form = "day", isQuiet = false }: Props) {
  const inUtc = useCell(isUtc);
  useCell(language);
  const now = useNow(form === "ago" ? 1_000 : 60_000);
  const text = form === "ago" ? ago(at, now) : timeText(at, form, now, inUtc);
  const other = inUtc && form !== "ago" ? timeText(at, "full", now, false) : utcText(at);
  return (
    <time
      dateTime={new Date(at).toISOString()}
      class="time"
      data-other={other}
      tabIndex={isQuiet ? undefined : 0}
    >
      {text}
    </time>
  );
}
