// Filters that the broker cannot bear: it closes the connection on the SUBSCRIBE, or never answers it,
// instead of refusing. Found by asking for fewer and fewer at a time, they count as refused for a while.

/** Brokers limit the length of a packet; ten thousand devices must not fail on it. */
const FILTERS_A_PACKET = 100;
/** So often may a connection end over one filter before that counts as refused. */
const TRIES = 3;
/** So many disconnects in a row find one among a hundred. After that the broker bears none of those left. */
const LONGEST_SEARCH = 12;

export class PoisonFilters {
  readonly #pause: number;
  readonly #now: () => number;
  /** How often a connection ended over it alone, and since when it counts as refused. */
  readonly #suspects = new Map<string, { times: number; refusedAt: number | undefined }>();
  /** Of the present SUBSCRIBE, which has no answer yet. */
  #asked: readonly string[] = [];
  /** Those that are to be asked for after it. */
  #rest: readonly string[] = [];
  #mostAtATime = FILTERS_A_PACKET;
  /** Connections in a row that ended over a SUBSCRIBE. */
  #disconnects = 0;

  /** A filter is asked for again `pause` milliseconds after it was found. */
  constructor(pause: number, now: () => number = () => performance.now()) {
    this.#pause = pause;
    this.#now = now;
  }

  /** The latest connection ended over a SUBSCRIBE: until that is settled, nothing else should be under suspicion. */
  get isSearching(): boolean {
    return this.#disconnects > 0;
  }

  /** Whether any counts as refused. */
  get hasAny(): boolean {
    return [...this.#suspects.values()].some(({ refusedAt }) => refusedAt !== undefined);
  }

  /** Whether it counts as refused, without being asked for. */
  has(filter: string): boolean {
    const { refusedAt } = this.#suspects.get(filter) ?? {};
    return refusedAt !== undefined && this.#now() - refusedAt < this.#pause;
  }

  /** SUBSCRIBE is about to be sent: how many of the first of these filters it may hold. */
  ask(filters: readonly string[]): number {
    const suspect = filters.findIndex((filter) => this.#suspects.has(filter));
    // A suspect is asked for alone: should it be the one, nobody else has to be cleared.
    const unsuspected = suspect === -1 ? filters.length : Math.max(suspect, 1);
    const count = Math.min(unsuspected, this.#mostAtATime);
    this.#asked = filters.slice(0, count);
    this.#rest = filters.slice(count);
    return count;
  }

  /** SUBACK has come, whatever it says. */
  answered(): void {
    for (const filter of this.#asked) this.#suspects.delete(filter);
    this.forgetQuestion();
    this.#disconnects = 0;
    this.#mostAtATime = Math.min(FILTERS_A_PACKET, this.#mostAtATime * 2);
  }

  /** All that is wanted has been asked for. */
  settled(): void {
    this.#disconnects = 0;
  }

  /** The connection has ended for a reason that has nothing to do with what was asked for. */
  forgetQuestion(): void {
    this.#asked = [];
    this.#rest = [];
  }

  /**
   * The broker has closed the connection, or fallen silent. Undefined if no SUBSCRIBE is to blame; "search" while
   * asking for fewer will tell more, "wait" when only time can: a broker in trouble may grant it yet.
   */
  disconnected(): "search" | "wait" | undefined {
    const asked = this.#asked;
    const rest = this.#rest;
    this.forgetQuestion();
    if (asked.length === 0) return undefined;
    this.#disconnects += 1;
    this.#mostAtATime = Math.max(1, asked.length >> 1);
    const isOver = this.#disconnects >= LONGEST_SEARCH;
    if (isOver) for (const filter of [...asked, ...rest]) this.#blame(filter, TRIES);
    else if (asked.length === 1) this.#blame(asked[0] as string, 1);
    return asked.length > 1 ? "search" : "wait";
  }

  #blame(filter: string, times: number): void {
    const total = (this.#suspects.get(filter)?.times ?? 0) + times;
    const refusedAt = total >= TRIES ? this.#now() : undefined;
    this.#suspects.set(filter, { times: total, refusedAt });
  }
}
