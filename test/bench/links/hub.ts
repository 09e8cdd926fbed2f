/**
 * The guarded broker in a process of its own: what publishers offer is announced to the subscribers.
 *
 *     hub.ts DEVICES [sparing]
 *
 * DEVICES: a JSON file of `[address, name]`. A serial number says what a device hears: `s…` and `f…` all
 * offers; where sparing is said, `s…` only those of `p0`, and the limits are `FROZEN_BESIDE`.
 */
import type { Session } from "../../../src/link/broker/broker.ts";
import type { TopicName } from "../../../src/protocol/topic.ts";
import { tellPort } from "./child.ts";
import { CROWD, FROZEN_BESIDE, RefusalCount, readNames, startGuarded } from "./guarded.ts";

const [file = "", mode] = process.argv.slice(2);
const isSparing = mode === "sparing";
const names = readNames(file);
const listeners = new Map<string, TopicName>();
const refusals = new RefusalCount();

function hears({ serialNumber }: TopicName, from: Session): boolean {
  return !isSparing || serialNumber.startsWith("f") || from.name.serialNumber === "p0";
}

const broker = await startGuarded(
  {
    admit: (device) => names.get(device) ?? null,
    onPublish(session, topic, payload) {
      if (topic !== "offer") return Promise.resolve();
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("latin1");
      for (const name of listeners.values()) if (hears(name, session)) broker.publish(name, "announce", text);
      return Promise.resolve();
    },
    onReady({ id, name }) {
      if (/^[sf]/.test(name.serialNumber)) listeners.set(id, name);
    },
    onGone: ({ id }) => void listeners.delete(id),
    onRefused: refusals.count,
  },
  isSparing ? FROZEN_BESIDE : CROWD,
);
tellPort(broker.port, { refusals: () => refusals.codes });
