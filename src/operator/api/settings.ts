/** The settings that are in force, and where each came from. */
import { z } from "zod";

export const setting = z.strictObject({
  /** As in the file: `broker.listen`, `serial.0.path`. */
  key: z.string(),
  /** TOML text. */
  value: z.string(),
  origin: z.enum(["file", "environment", "option", "default"]),
  /** In the file, from 1; null of any other origin. */
  line: z.number().int().nullable(),
  /** What it means, in English. */
  about: z.string(),
});

export const settingList = z.strictObject({ file: z.string(), settings: z.array(setting) });

export type Setting = z.output<typeof setting>;
