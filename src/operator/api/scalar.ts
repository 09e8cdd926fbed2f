/** What the values of the operator's API look like: the same words on the page, in the command line and in exports. */
import { z } from "zod";

/** Decimal text with all decimals of the token, `-` before a loss: `"0.001529"`. Never a number: money is exact. */
export const money = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .meta({ description: "decimal text in whole tokens, every decimal written" });

/** Milliseconds since 1970, UTC. */
export const time = z.number().int().min(0).meta({ description: "milliseconds since 1970, UTC" });

/** A task's id: 16 bytes, lower case. */
export const taskId = z.string().regex(/^0x[0-9a-f]{32}$/);

/** 20 bytes, lower case. */
export const account = z.string().regex(/^0x[0-9a-f]{40}$/);

/** 32 bytes, lower case. */
export const digest = z.string().regex(/^0x[0-9a-f]{64}$/);

/** An account and what it is called here. The name is null where the viewer has no right to it. */
export const party = z.strictObject({ address: account, name: z.string().nullable() });

/** Task firmware by its hash; the name is its manifest's, null without one. */
export const firmwareName = z.strictObject({ hash: digest, name: z.string().nullable() });

/** Viewers read; operators act. */
export const ROLES = ["viewer", "operator"] as const;
