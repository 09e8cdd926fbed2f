/** A cable that is pulled out of the gateway and put back, again and again, at chosen bytes of what the board says. */
import { until } from "../../serial-cable/until.ts";
import type { Random } from "../exchange/random.ts";
import type { BoardOnCable } from "./board-on-cable.ts";
import { passing } from "./passing.ts";

/** Where in a session the cable is pulled: so many bytes after this, at most. */
const PLACES = [
  { what: "anywhere", text: null, bytes: 3_000 },
  { what: "voucher", text: "/voucher", bytes: 250 },
  { what: "offer", text: "/offer", bytes: 700 },
  { what: "blob", text: "/blob-data", bytes: 900 },
] as const;
/** Until it is pulled elsewhere, milliseconds: not every session has everything. */
const PATIENCE_MS = 500;

export type Pulls = {
  /** How often it was pulled where it was meant to be. */
  readonly hits: Readonly<Record<(typeof PLACES)[number]["what"], number>>;
  /** Longest until the gateway noticed, and from before its device was back until the board had heard the terms. */
  readonly noticedMs: number;
  readonly readyMs: number;
};

/** Leaves the cable in, and the board in a session. */
export async function pullOften(story: BoardOnCable, pulls: number, random: Random): Promise<Pulls> {
  const { cable, market } = story;
  const hits = { anywhere: 0, voucher: 0, offer: 0, blob: 0 };
  let [noticedMs, readyMs] = [0, 0];
  for (let pull = 0; pull < pulls; pull++) {
    const { what, text, bytes } = PLACES[pull % PLACES.length] ?? PLACES[0];
    if (await passing(cable.up, text, random.below(bytes), PATIENCE_MS)) hits[what]++;
    const { faults } = market;
    const [known, sessions, pulledAt] = [faults.length, story.sessions, performance.now()];
    const pulled = cable.pull();
    noticedMs = Math.max(noticedMs, (await until(() => faults.length > known)) - pulledAt);
    await pulled;
    const pluggedAt = performance.now();
    await cable.plug();
    readyMs = Math.max(readyMs, (await until(() => story.sessions > sessions)) - pluggedAt);
  }
  return { hits, noticedMs, readyMs };
}
