/** What the page hears while it is open: names of lists that are out of date, besides the first screen. */
import { z } from "zod";

/** Lists that change by themselves. */
export const LISTS = [
  "devices",
  "tasks",
  "lanes",
  "settlements",
  "alerts",
  "logs",
  "prices",
  "settings",
] as const;
export type List = (typeof LISTS)[number];

/** Of the event `changed`: what should be asked again. */
export const changedLists = z.array(z.enum(LISTS));
