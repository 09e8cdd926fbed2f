import { it } from "vitest";
import { killAtPubacks } from "./puback-kills.ts";

it("failure 1: 150 times kill -9 between PUBACK and reply: every PUBACKed task is done or refunded once", () =>
  killAtPubacks(150));
