/** A question to the desk, checked by the table of routes before any clerk sees it. */
import { z } from "zod";
import { Fault } from "../base/fault.ts";
import { type Asked, ROUTES, type RouteName } from "./api/routes.ts";

/**
 * What is asked with a route, its defaults filled in.
 *
 * @param params - values of the path, by name
 * @param input - of the address or of the body
 * @throws {@link Fault} `usage` for whatever the route's shapes do not allow
 */
export function askedOf<Name extends RouteName>(name: Name, params: unknown, input: unknown): Asked<Name> {
  const route = ROUTES[name];
  return { params: checked(route.params, params), input: checked(route.input, input) } as Asked<Name>;
}

function checked(shape: z.ZodType, value: unknown): unknown {
  const found = shape.safeParse(value ?? {});
  if (found.success) return found.data;
  throw new Fault("usage", z.prettifyError(found.error).replaceAll("\n  → at ", " in "));
}
