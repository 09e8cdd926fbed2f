/** The control socket's verb `login`: whoever can open the socket may log in to the page. */
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { account, ROLES, time } from "../api/scalar.ts";
import type { ControlRequest, Verb } from "../control/server.ts";
import type { Access, Grant } from "./access.ts";

const request = z.object({
  role: z.enum(ROLES).default("operator"),
  owner: account.nullable().default(null),
});

/** What the verb answers. */
export const invitation = z.object({
  /** `http://…/login#token=…`: behind the `#` nothing is sent to a server or kept in its log. */
  link: z.string(),
  role: z.enum(ROLES),
  owner: account.nullable(),
  expires: time,
});

/**
 * The verb.
 *
 * @param url - where the page is; null while there is none
 */
export function loginVerb(
  access: Pick<Access, "invite">,
  url: () => string | null,
): { readonly login: Verb } {
  return { login: (asked) => Promise.resolve(invite(access, url(), asked)) };
}

function invite(access: Pick<Access, "invite">, url: string | null, asked: ControlRequest): object {
  const { do: _, ...rest } = asked;
  const found = request.safeParse(rest);
  if (!found.success) throw new Fault("usage", z.prettifyError(found.error));
  if (url === null) {
    throw new Fault(
      "usage",
      "this gateway serves no page: [operator] listen in gateway.toml is empty, or its port is taken",
    );
  }
  const grant = found.data as Grant;
  const { token, expires } = access.invite(grant);
  return { link: loginLink(url, token), ...grant, expires };
}

/** The link that logs in with a one-time token. */
export function loginLink(url: string, token: string): string {
  return `${url}/login#token=${token}`;
}
