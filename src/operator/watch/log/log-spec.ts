/** What `HIREWIRE_LOG` says: `link=debug,info` is every room at info and the link at debug; `json` or `human` the form. */
import { Fault } from "../../../base/fault.ts";
import { LEVELS, type Level, LOG_ROOMS, type LogRoom } from "../../api/log.ts";
import { nearestName } from "../../nearest.ts";
import { allAt, type Levels, type LogForm } from "./log.ts";

export type LogSpec = {
  readonly levels: Levels;
  /** Null where it does not say. */
  readonly form: LogForm | null;
};

const FORMS: readonly LogForm[] = ["json", "human"];

/** One line per task and per settlement, and what needs somebody. */
const USUAL: Level = "info";

/**
 * Reads it: words separated by commas, each a level, `ROOM=LEVEL`, `json` or `human`. The order does not matter.
 *
 * @param text - undefined or empty: every room at info
 * @throws {@link Fault} `usage` for any other word
 */
export function parseLogSpec(text: string | undefined): LogSpec {
  const words = (text ?? "").split(",").map((word) => word.trim().toLowerCase());
  let form: LogForm | null = null;
  let general: Level = USUAL;
  const own: Partial<Record<LogRoom, Level>> = {};
  for (const word of words.filter((one) => one !== "")) {
    const [room = "", ...level] = word.split("=");
    const isForm = FORMS.find((one) => one === word);
    if (isForm) form = isForm;
    else if (level.length === 0) general = oneOf(LEVELS, word, [...LEVELS, ...FORMS]);
    else own[oneOf(LOG_ROOMS, room, LOG_ROOMS)] = oneOf(LEVELS, level.join("="), LEVELS);
  }
  return { levels: { ...allAt(general), ...own }, form };
}

function oneOf<Word extends string>(words: readonly Word[], typed: string, all: readonly string[]): Word {
  const found = words.find((word) => word === typed);
  if (found) return found;
  const nearest = nearestName(typed, all);
  const hint = nearest ? `did you mean ${nearest}?` : `expected one of ${all.join(", ")}`;
  throw new Fault("usage", `HIREWIRE_LOG: there is no "${typed}": ${hint}`);
}
