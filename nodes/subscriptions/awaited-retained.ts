// Which retained messages a subscriber has still to get: those that its own SUBSCRIBE brings, each once.
//
// A broker sends the retained messages of a filter after every SUBSCRIBE for it, and nothing says which SUBSCRIBE
// one belongs to. Two may follow each other closely: what the first brings can come after the second was sent.

/** Milliseconds in which what a SUBSCRIBE brings is likely to come. */
const SETTLED_AFTER = 5_000;

export class AwaitedRetained {
  readonly #now: () => number;
  /** By filter, the topics on which something has come since it was asked for. */
  readonly #filters = new Map<string, Set<string>>();
  #settledAt = 0;

  /** `now` gives milliseconds that never go back. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** Whether what came lately matters still: `came` is to be called then. */
  get isSettling(): boolean {
    if (this.#settledAt === 0) return false;
    if (this.#now() < this.#settledAt) return true;
    this.#settledAt = 0;
    for (const topics of this.#filters.values()) topics.clear();
    return false;
  }

  /** A SUBSCRIBE for the filter is sent on behalf of this subscriber. */
  asked(filter: string): void {
    this.#filters.set(filter, new Set());
    this.#settledAt = this.#now() + SETTLED_AFTER;
  }

  /** A SUBSCRIBE for the filter is sent on behalf of others. What this one has had long since is not for it. */
  askedByOthers(filter: string): void {
    if (!this.isSettling) this.#filters.delete(filter);
  }

  /** The filter is not wanted any more. */
  forget(filter: string): void {
    this.#filters.delete(filter);
  }

  /** Something has come that is not retained, and may be retained by the next SUBSCRIBE. */
  came(filters: readonly string[], topic: string): void {
    for (const filter of filters) this.#filters.get(filter)?.add(topic);
  }

  /** Whether a retained message is for this subscriber. `filters` are those by which it can have come. */
  takes(filters: readonly string[], topic: string): boolean {
    const awaited = filters.filter((filter) => this.#filters.has(filter));
    if (awaited.length === 0) return false;
    if (!this.isSettling) return true;
    const isRepeated = awaited.some((filter) => this.#filters.get(filter)?.has(topic));
    this.came(awaited, topic);
    return !isRepeated;
  }
}
