/**
 * The guarded broker with the product's heartbeat behind it, in a process of its own: vouchers in, acks out, and each is
 * in the journal on the disk before its ack and its PUBACK.
 *
 *     paid-hub.ts DEVICES FOLDER
 *
 * Asked for a `house` it opens a new one, whose journal is empty: the same vouchers are worth something again.
 */
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { isCommandTopic } from "../../../src/exchange/intake.ts";
import { emptyState } from "../../../src/exchange/state.ts";
import { Heartbeat } from "../../../src/heartbeat.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { SignaturePool } from "../../../src/kernels/pool.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { GATEWAY, LIMITS, laneSeen, MARKET, RULES, SALT } from "../../exchange/stage.ts";
import { tellPort } from "./child.ts";
import { CROWD, RefusalCount, readNames, startGuarded } from "./guarded.ts";

const [file = "", folder = ""] = process.argv.slice(2);
const names = readNames(file);
const pool = new SignaturePool({ clock: systemClock });
const refusals = new RefusalCount();

const DEPOSIT = 1_000_000n;
let houses = 0;
let house: { readonly journal: Journal; readonly heartbeat: Heartbeat } | null = null;

/** Nothing is under way in the one before. */
async function openHouse(): Promise<{ readonly records: number }> {
  const records = house?.journal.head().index ?? 0;
  house?.journal.close();
  const journal = openJournal(join(folder, `house-${houses++}`));
  const heartbeat = new Heartbeat({
    ...{ state: emptyState(), journal, signer: GATEWAY, clock: systemClock, bidders: () => [] },
    checkSigners: (checks) => pool.check(checks),
    context: { market: MARKET, rules: RULES, limits: LIMITS, draw: () => 0.99, salt: () => SALT },
    publish: ({ to, topic, message }) => {
      const name = names.get(to);
      if (name) broker.publish(name, topic, encodeMessage(topic, message));
    },
    onEntries: () => undefined,
    onRefused: refusals.count,
    onBroken: (cause) => {
      throw cause;
    },
  });
  const facts = [...names.keys()].map((device) => laneSeen(device, MARKET.gateway, DEPOSIT));
  await heartbeat.tell({ topic: "observed", facts });
  house = { journal, heartbeat };
  return { records };
}

const broker = await startGuarded(
  {
    admit: (device) => names.get(device) ?? null,
    onPublish(session, topic, payload) {
      if (!house || !isCommandTopic(topic)) return Promise.reject(new Error(`${topic} is not expected`));
      return house.heartbeat.submit(session.device, topic, new Uint8Array(payload));
    },
    onReady: () => undefined,
    onGone: () => undefined,
    onRefused: refusals.count,
  },
  CROWD,
);
await openHouse();
tellPort(broker.port, { house: openHouse, refusals: () => refusals.codes });
