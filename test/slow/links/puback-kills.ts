/** Gateways that are killed at the PUBACK of an offer, again and again. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { sayFigures } from "../stories/figures.ts";
import { PubackStory, type PubackToll } from "./puback-story.ts";

/** Gateways beside each other: while one starts, the devices of another speak. */
const BESIDE = 2;
/** Deaths of one journal: the more records it has, the longer a start takes. */
const KILLS_EACH = 50;

/**
 * Failure 1: kills gateways `kills` times, a multiple of 50, between the PUBACK of an offer and its reply. Every task that
 * was PUBACKed is done or refunded once.
 */
export async function killAtPubacks(kills: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-puback-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const from = systemClock.now();
  const cache = join(folder, "cache");
  const tolls: PubackToll[] = [];
  const left = Array.from({ length: kills / KILLS_EACH }, (_, at) => join(folder, String(at)));
  const work = async () => {
    for (let own = left.pop(); own !== undefined; own = left.pop()) {
      mkdirSync(own);
      const story = new PubackStory(own, cache);
      onTestFinished(() => story.close());
      tolls.push(await story.tell(KILLS_EACH));
    }
  };
  const worked = await Promise.allSettled(Array.from({ length: BESIDE }, work));
  for (const one of worked) if (one.status === "rejected") throw one.reason;
  const sum = (what: keyof PubackToll) => tolls.reduce((total, toll) => total + toll[what], 0);
  const toll = { kills: sum("kills"), offers: sum("offers"), pubacked: sum("pubacked"), told: sum("told") };
  const ends = { paid: sum("paid"), expired: sum("expired"), cancelled: sum("cancelled") };
  const records = sum("records");
  const seconds = (systemClock.now() - from) / 1_000;
  sayFigures({ ...toll, ...ends, refused: sum("refused"), records, seconds });
  expect(toll.kills).toBe(kills);
  expect(toll.pubacked).toBeGreaterThanOrEqual(kills);
  expect(ends.paid).toBeGreaterThan(kills / 2);
  expect(ends.expired).toBeGreaterThan(0);
  expect(ends.cancelled).toBeGreaterThan(0);
}
