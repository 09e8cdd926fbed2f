/** What one device has subscribed to among its own topics, and at which QoS. */
import type { Topic } from "../../protocol/topic.ts";

export class GrantedFilters {
  /** QoS by the last level of the filter: a topic of ours, or `+`. */
  readonly #granted = new Map<string, number>();

  /** Notes filters that were granted. Source: MQTT 3.1.1 section 3.8.4: a filter that is said again replaces itself. */
  add(filter: string, qos: number): void {
    this.#granted.set(lastLevel(filter), qos);
  }

  remove(filter: string): void {
    this.#granted.delete(lastLevel(filter));
  }

  clear(): void {
    this.#granted.clear();
  }

  get isEmpty(): boolean {
    return this.#granted.size === 0;
  }

  /**
   * The QoS that a message on a topic is to be sent at: its own, or the highest that was granted if that is less. Null
   * where it is not to be sent. Source: MQTT 3.1.1 section 3.3.5.
   */
  qosOf(topic: Topic, own: 0 | 1): 0 | 1 | null {
    const granted = Math.max(this.#granted.get(topic) ?? -1, this.#granted.get("+") ?? -1);
    if (granted < 0) return null;
    return granted === 0 ? 0 : own;
  }
}

function lastLevel(filter: string): string {
  return filter.slice(filter.lastIndexOf("/") + 1);
}
