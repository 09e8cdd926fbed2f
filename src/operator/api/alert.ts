/** What needs somebody: the same rules on the page, in the command line and in the file for Prometheus. */
import { z } from "zod";
import { time } from "./scalar.ts";

/** What a button of an alert does: an action of the API, or a page to go to. */
const remedy = z.strictObject({
  /** Name of a page (`device`, `lanes`, `log`, `settings`, `logs`, `alerts`) or of an action (`settle`, `resume`, `verify`). */
  kind: z.enum(["page", "action"]),
  name: z.string(),
  /** Which device, lane or entry, where it is about one. */
  subject: z.string().nullable(),
});

export const alertRow = z.strictObject({
  /** Name of the rule and what it is about: stays the same while the alert lasts. */
  id: z.string(),
  /** The rule's name: `journalBroken`, `deviceSilent` and so on; the closed list is in `operator/alert/rules.ts`. */
  rule: z.string(),
  severity: z.enum(["page", "warning"]),
  /** What has happened, in English; the page says it in the viewer's language from `rule` and `facts`. */
  what: z.string(),
  /** Since when. */
  since: time,
  /** What it costs while nobody does anything, in English. */
  costs: z.string(),
  /** The command that mends it where there is one, else what to do. */
  mend: z.string(),
  /** What the sentences are about, as text: names, amounts, counts. */
  facts: z.record(z.string(), z.string()),
  remedy: remedy.nullable(),
});

export const alertAnswer = z.strictObject({ at: time, alerts: z.array(alertRow) });

export type AlertRow = z.output<typeof alertRow>;
