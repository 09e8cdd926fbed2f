/** Problems as answers: RFC 9457, for what was asked wrongly and for what failed. */
import { type FaultCode, isFault, type Remedy } from "../../base/fault.ts";
import { PROBLEMS, type Problem, type ProblemCode } from "../api/problem.ts";

const MEDIA_TYPE = "application/problem+json";

/** By what is to be done about a fault: its status, and the hint. */
const REMEDIES = {
  reject: { status: 400, hint: "Change what was asked." },
  retry: { status: 503, hint: "Try again in a moment." },
  operator: { status: 409, hint: "Something has to be put right first: the pages Alerts and Logs say more." },
  defect: { status: 500, hint: "This is a defect: please report it, with what the log says." },
} as const satisfies Record<Remedy, { status: number; hint: string }>;

const STATUSES: Partial<Record<FaultCode, number>> = { timed_out: 504, not_found: 404 };

/** Seconds after which what failed for a moment is asked again. */
const RETRY_SECONDS = 5;

/** What differs from a problem's usual answer. */
type Changes = { readonly status?: number; readonly headers?: Readonly<Record<string, string>> };

/** The answer to a question that could not be asked so. */
export function problemAnswer(code: ProblemCode, detail: string, changes: Changes = {}): Response {
  const { status, title, hint } = PROBLEMS[code];
  const login = code === "login_needed" && { "www-authenticate": 'Bearer realm="hirewire"' };
  return answerOf(
    { type: typeOf(code), title, status: changes.status ?? status, code, detail, hint },
    { ...login, ...changes.headers },
  );
}

/** The answer for what was thrown. Of what is no fault, or a defect, it tells nothing: the log has it. */
export function faultAnswer(thrown: unknown): Response {
  const code = isFault(thrown) ? thrown.code : "impossible";
  const remedy = isFault(thrown) ? thrown.remedy : "defect";
  const { status, hint } = REMEDIES[remedy];
  const detail = isFault(thrown) && remedy !== "defect" ? thrown.message : "the gateway could not answer";
  const retry = remedy === "retry" ? { "retry-after": String(RETRY_SECONDS) } : {};
  const what = code === "not_found" ? PROBLEMS.not_found : { title: code.replaceAll("_", " "), hint };
  const { title } = what;
  return answerOf(
    { type: typeOf(code), title, status: STATUSES[code] ?? status, code, detail, hint: what.hint },
    retry,
  );
}

function typeOf(code: string): string {
  return `urn:hirewire:problem:${code}`;
}

function answerOf(problem: Problem, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "content-type": MEDIA_TYPE, ...headers },
  });
}
