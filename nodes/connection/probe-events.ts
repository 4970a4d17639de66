// What is sent once more to see whether a broker takes any events: what it has taken before, and not on the topic
// of the event under suspicion, which it may dislike.
import type { Delivery } from "../outbox/event";

export type ProbeEvent = Pick<Delivery, "topic" | "payload">;

/**
 * After so many connections in a row that end over a probe, half an hour with the pauses in between, it is no
 * broker in trouble any more, but one that no longer bears what it took.
 */
const MOST_FAILED = 60;

export class ProbeEvents {
  #latest: ProbeEvent | undefined;
  /** The latest on another topic than that. */
  #other: ProbeEvent | undefined;
  #failed = 0;

  /** The broker has acknowledged the event; the outbox lets go of its payload. */
  taken({ topic, payload }: ProbeEvent): void {
    if (this.#latest && this.#latest.topic !== topic) this.#other = this.#latest;
    this.#latest = { topic, payload };
  }

  /** For a suspect on that topic; undefined if the broker has never taken an event, or bears none of them any more. */
  against(topic: string | undefined): ProbeEvent | undefined {
    return this.#latest?.topic === topic ? (this.#other ?? this.#latest) : this.#latest;
  }

  answered(): void {
    this.#failed = 0;
  }

  /** The connection has ended over a probe. */
  failed(): void {
    this.#failed += 1;
    if (this.#failed < MOST_FAILED) return;
    this.#latest = undefined;
    this.#other = undefined;
  }
}
