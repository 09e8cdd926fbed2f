import { it } from "vitest";
import { killAtPubacks } from "../slow/links/puback-kills.ts";

it("failure 1: 1,000 times kill -9 between PUBACK and reply: every PUBACKed task is done or refunded once", () =>
  killAtPubacks(1_000));
