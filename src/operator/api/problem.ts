/** What an answer looks like that is none: a problem as RFC 9457 has it. */
import { z } from "zod";

/** Problems of asking itself; besides these, `code` is that of a fault, as README's table has them. */
export const PROBLEMS = {
  login_needed: {
    status: 401,
    title: "Login needed",
    hint: "Run hirewire login on the gateway's machine and open the link that it prints; scripts: hirewire access add NAME.",
  },
  forbidden: {
    status: 403,
    title: "Not allowed",
    hint: "This login may not do that: hirewire login --role operator, or without --owner, gives one that may.",
  },
  csrf: {
    status: 403,
    title: "Not asked by the page",
    hint: "What changes something needs the header x-hirewire-csrf, with the text that /api/v1/session answers, from the page itself.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    hint: "It may have another name, be gone, or belong to somebody else.",
  },
  bad_request: {
    status: 400,
    title: "Cannot be asked like this",
    hint: "See /openapi.json for what can be asked.",
  },
  too_many_requests: {
    status: 429,
    title: "Too many requests",
    hint: "Wait as many seconds as Retry-After says.",
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** Media type `application/problem+json`. */
export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  /** What happened this time, in English. */
  detail: z.string(),
  /** What to do about it. */
  hint: z.string(),
});

export type Problem = z.output<typeof problem>;
