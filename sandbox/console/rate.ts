// How many events there are in a second, from the counts that a page is told now and then.

/** Seconds that are looked at: ten of them tell one event in two seconds from one in three. */
const WINDOW = 10;
/** Seconds of counts below which a rate would be chance. */
const SHORTEST = 3;

export class Rate {
  /** How many events there had been when there were more than before. */
  #rises: { readonly at: number; readonly events: number }[] = [];
  #events: number | undefined;

  /** So many events there had been at that time, in seconds. Fewer than before are another sandbox's. */
  count(at: number, events: number): void {
    const before = this.#events;
    this.#events = events;
    if (before === undefined || events < before) this.#rises = [];
    else if (events > before) this.#rises.push({ at, events });
  }

  /**
   * From one rise to another, neither from the beginning nor to now: of events that come evenly it is
   * the same at any time. 0 until there is enough to tell it from.
   */
  perSecond(now: number): number {
    // The rise before the window is what it began with.
    const past = this.#rises.filter(({ at }) => at <= now - WINDOW);
    this.#rises = this.#rises.slice(Math.max(past.length - 1, 0));
    const [first] = this.#rises;
    const last = this.#rises.at(-1);
    if (!first || !last || last.at - first.at < SHORTEST) return 0;
    return (last.events - first.events) / (last.at - first.at);
  }
}
