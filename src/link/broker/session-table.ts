/** The connections that are sessions, found by client id, by device and by name. Nothing here is a property of an object. */
import type { Hex } from "../../base/bytes.ts";
import type { TopicName } from "../../protocol/topic.ts";
import type { Session } from "./broker.ts";

export class SessionTable<C> {
  readonly #byId = new Map<string, { readonly session: Session; readonly connection: C }>();
  readonly #byDevice = new Map<Hex, number>();
  readonly #byName = new Map<string, Set<C>>();

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  sessions(): Session[] {
    return Array.from(this.#byId.values(), ({ session }) => session);
  }

  /** Sessions of a device. */
  count(device: Hex): number {
    return this.#byDevice.get(device) ?? 0;
  }

  holder(id: string): C | undefined {
    return this.#byId.get(id)?.connection;
  }

  named(name: TopicName): Iterable<C> {
    return this.#byName.get(keyOf(name)) ?? [];
  }

  /** Adds a session whose id nobody has. */
  add(session: Session, connection: C): void {
    const { id, device, name } = session;
    this.#byId.set(id, { session, connection });
    this.#byDevice.set(device, this.count(device) + 1);
    const namesakes = this.#byName.get(keyOf(name)) ?? new Set();
    this.#byName.set(keyOf(name), namesakes.add(connection));
  }

  remove(session: Session): void {
    const { id, device, name } = session;
    const held = this.#byId.get(id);
    if (!held) return;
    this.#byId.delete(id);
    const left = this.count(device) - 1;
    if (left > 0) this.#byDevice.set(device, left);
    else this.#byDevice.delete(device);
    const namesakes = this.#byName.get(keyOf(name));
    namesakes?.delete(held.connection);
    if (namesakes?.size === 0) this.#byName.delete(keyOf(name));
  }
}

/** No part of a name on the roster has a `/`. */
function keyOf({ manufacturer, serialNumber }: TopicName): string {
  return `${manufacturer}/${serialNumber}`;
}
