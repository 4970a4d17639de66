// Topics that the broker cannot bear: it closes the connection on each event there, though it takes others.
// What that has shown once, at the cost of three disconnects, need not be shown by every later event.

/** Of so many topics it is remembered that the broker takes them. */
const MOST_REMEMBERED = 10_000;

export class PoisonTopics {
  readonly #accepted = new Set<string>();
  #latestAccepted: string | undefined;
  readonly #failed = new Set<string>();

  /** The broker has taken an event on that topic. */
  accepted(topic: string): void {
    if (topic === this.#latestAccepted) return;
    this.#latestAccepted = topic;
    if (this.#accepted.size >= MOST_REMEMBERED) this.#accepted.clear();
    this.#accepted.add(topic);
    this.#failed.delete(topic);
  }

  /** An event on that topic went into quarantine, as the broker closed the connection on it time and again. */
  failed(topic: string): void {
    // If it has taken another one there, it was not the topic.
    if (!this.#accepted.has(topic)) this.#failed.add(topic);
  }

  /** Only when it takes others is it the topic: a broker that takes nothing at all has another reason. */
  has(topic: string): boolean {
    return this.#failed.size > 0 && this.#accepted.size > 0 && this.#failed.has(topic);
  }
}
