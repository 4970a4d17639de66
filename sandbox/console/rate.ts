// How many events there are in a second, from the counts that a page is told now and then.

/** Seconds that are looked at: ten of them tell one event in two seconds from one in three. */
const WINDOW = 10;
/** Seconds below which a rate would be chance. */
const SHORTEST = 3;

export class Rate {
  #counts: { readonly at: number; readonly events: number }[] = [];

  /** So many events there had been at that time, in seconds. */
  count(at: number, events: number): void {
    this.#counts.push({ at, events });
  }

  /** From one count to another, not to now: of events that come evenly it is the same at any time. */
  perSecond(now: number): number {
    // The count before the window is what it began with.
    const past = this.#counts.filter(({ at }) => at <= now - WINDOW);
    this.#counts = this.#counts.slice(Math.max(past.length - 1, 0));
    const [first] = this.#counts;
    const last = this.#counts.at(-1);
    if (!first || !last) return 0;
    return (last.events - first.events) / Math.max(last.at - first.at, SHORTEST);
  }
}
