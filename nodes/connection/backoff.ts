// How long to wait before connecting again: exponential with jitter, so that a thousand clients of a
// restarted broker do not all return in the same second.
import type { Timing } from "./timing";

export class Backoff {
  readonly #timing: Timing;
  readonly #random: () => number;
  #failures = 0;

  constructor(timing: Timing, random: () => number = Math.random) {
    this.#timing = timing;
    this.#random = random;
  }

  /** Milliseconds until the next attempt; `refused` if the broker turned the credentials down. */
  next(refused: boolean): number {
    const { firstRetry, longestRetry, refusedRetry } = this.#timing;
    const ceiling = Math.min(longestRetry, firstRetry * 2 ** this.#failures);
    this.#failures += 1;
    if (!refused) return this.#random() * ceiling;
    const least = Math.min(refusedRetry, longestRetry);
    return least + this.#random() * (Math.max(ceiling, least) - least);
  }

  /** As the first of all pauses, and none of those that grow. */
  soon(): number {
    return this.#random() * this.#timing.firstRetry;
  }

  reset(): void {
    this.#failures = 0;
  }
}
