// How many of something there were in each of the last sixty seconds.

const SECONDS = 60;

export class RateMeter {
  /** By second, modulo their number; the present second is one more. */
  readonly #counts = new Uint32Array(SECONDS + 1);
  readonly #now: () => number;
  #second: number;

  /** `now` gives milliseconds that never go back. It is asked for each count, so it must cost nothing. */
  constructor(now: () => number) {
    this.#now = now;
    this.#second = this.#presentSecond;
  }

  count(): void {
    this.#advance();
    const place = this.#second % this.#counts.length;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** Oldest first, without the present second, which is not over. */
  get perSecond(): number[] {
    this.#advance();
    const { length } = this.#counts;
    const places = Array.from({ length: SECONDS }, (_, index) => this.#second + 1 + index);
    return places.map((place) => this.#counts[place % length] ?? 0);
  }

  get #presentSecond(): number {
    return Math.floor(this.#now() / 1000);
  }

  #advance(): void {
    const present = this.#presentSecond;
    if (present === this.#second) return;
    const { length } = this.#counts;
    const passed = Math.min(present - this.#second, length);
    for (let second = present - passed + 1; second <= present; second += 1) {
      this.#counts[second % length] = 0;
    }
    this.#second = present;
  }
}
