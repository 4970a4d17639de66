// Topics that the broker cannot bear: it closes the connection on each event there, or never answers any, though it
// takes others. What that has shown once, at the cost of several connections, need not be shown by every later event.

/** Of so many topics it is remembered that the broker takes them. */
const MOST_REMEMBERED = 10_000;

export type TopicFault = "TOPIC_HANGS_UP" | "TOPIC_UNANSWERED";

export class PoisonTopics {
  readonly #accepted = new Set<string>();
  #latestAccepted: string | undefined;
  readonly #failed = new Map<string, TopicFault>();

  /** The broker has taken an event on that topic. */
  accepted(topic: string): void {
    if (topic === this.#latestAccepted) return;
    this.#latestAccepted = topic;
    if (this.#accepted.size >= MOST_REMEMBERED) this.#accepted.clear();
    this.#accepted.add(topic);
    this.#failed.delete(topic);
  }

  /** An event on that topic went into quarantine, as connections ended over it time and again. */
  failed(topic: string, fault: TopicFault): void {
    // If it has taken another one there, it was not the topic.
    if (!this.#accepted.has(topic)) this.#failed.set(topic, fault);
  }

  /** What failed there may be sent again. */
  forget(topic: string): void {
    this.#failed.delete(topic);
  }

  /** What is wrong with it. Only when the broker takes others is it the topic: one that takes nothing at all has another reason. */
  faultOf(topic: string): TopicFault | undefined {
    return this.#accepted.size > 0 ? this.#failed.get(topic) : undefined;
  }
}
