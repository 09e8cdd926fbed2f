/** Who looks: role and scope of a session or of an access token. */
import { z } from "zod";
import { account, ROLES, time } from "./scalar.ts";

/** What whoever asks may do: `owner` null is the whole gateway, an account only what that owner owns. */
export type Viewer = {
  readonly name: string;
  readonly role: (typeof ROLES)[number];
  readonly owner: `0x${string}` | null;
};

export const sessionAnswer = z.strictObject({
  name: z.string(),
  role: z.enum(ROLES),
  owner: account.nullable(),
  /** To be sent back in the header `x-hirewire-csrf` with everything that changes something. */
  csrf: z.string(),
  expires: time,
});

export const loginBody = z.strictObject({ token: z.string().min(1).max(256) });
