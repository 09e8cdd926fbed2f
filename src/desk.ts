/** The desk of this gateway: one clerk for each route, from everybody who has some; and the control socket's way to it. */
import { z } from "zod";
import { Fault } from "./base/fault.ts";
import type { Viewer } from "./operator/api/access.ts";
import type { Desk } from "./operator/api/desk.ts";
import { ROUTES, type RouteName } from "./operator/api/routes.ts";
import type { Verb } from "./operator/control/server.ts";
import type { Views } from "./operator/views/views.ts";

/** Whoever can open the control socket could read the key beside it: it sees and does everything. */
const TERMINAL: Viewer = { name: "terminal", role: "operator", owner: null };

type LogRoute = "settlements" | "settlementChoices" | "settlement" | "task";

/** The clerks of the settlement log. They throw a Fault `not_found` for what is not there, or not the viewer's. */
export function settlementClerks(
  views: Pick<Views, "page" | "choices" | "detail" | "story">,
): Pick<Desk, LogRoute> {
  return {
    settlements: ({ input }, { owner }) => views.page(input, owner),
    settlementChoices: (_, { owner }) => views.choices(owner),
    settlement: ({ params }, { owner }) => views.detail(params.sequence, owner),
    task: ({ params }, { owner }) => views.story(params.task, owner),
  };
}

const request = z.object({
  route: z.string(),
  params: z.unknown().default({}),
  input: z.unknown().default({}),
});

/**
 * The control socket's verb `ask`: a route by its name, with the same params and input as over HTTP, and the same answer.
 *
 * It throws a Fault: `usage` for what no clerk understands, else what the clerk throws.
 */
export function askVerb(desk: Desk): Verb {
  return async (asked) => {
    const { route, params, input } = understood(request, asked);
    if (!isClerk(desk, route)) throw new Fault("usage", `there is no route "${route}" to ask`);
    const shapes = ROUTES[route];
    // the pair fits this route's clerk, which the compiler cannot see for a name that is only known now
    const clerk = desk[route] as (what: object, viewer: Viewer) => Promise<object>;
    return await clerk(
      { params: understood(shapes.params, params), input: understood(shapes.input, input) },
      TERMINAL,
    );
  };
}

function isClerk(desk: Desk, route: string): route is keyof Desk & RouteName {
  return Object.hasOwn(desk, route);
}

function understood<Shape extends z.ZodType>(shape: Shape, value: unknown): z.output<Shape> {
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  throw new Fault("usage", z.prettifyError(read.error));
}
