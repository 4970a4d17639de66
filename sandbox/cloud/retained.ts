// The messages that the cloud retains, the last of each topic. When there is no room, a new one is turned away.
import { MESSAGES_WEIGHT, messageWeight } from "../bounds";
import type { Sent } from "./activity";

export class Retained {
  readonly #limit: number;
  /** Oldest first. */
  readonly #messages = new Map<string, Sent>();
  #weight = 0;

  /** `limit` is how many topics there may be. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get messages(): readonly Sent[] {
    return [...this.#messages.values()];
  }

  hasRoomFor(message: Pick<Sent, "topic" | "payload">): boolean {
    if (message.payload.length === 0) return true;
    const before = this.#messages.get(message.topic);
    const weight = this.#weight + messageWeight(message) - (before ? messageWeight(before) : 0);
    const topics = this.#messages.size + (before ? 0 : 1);
    return topics <= this.#limit && weight <= MESSAGES_WEIGHT;
  }

  /** In place of the one before; an empty one takes that away (MQTT-3.3.1-10). */
  put(message: Sent): void {
    const before = this.#messages.get(message.topic);
    if (before) this.#weight -= messageWeight(before);
    this.#messages.delete(message.topic);
    if (message.payload.length === 0) return;
    this.#messages.set(message.topic, message);
    this.#weight += messageWeight(message);
  }
}
