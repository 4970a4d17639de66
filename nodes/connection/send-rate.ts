// How many events a second may be sent, where the user has set a limit: brokers and clouds cut off who sends more.

/** Milliseconds of lateness that are made up for: timers are late, and the rate must hold on average. */
const CATCH_UP = 50;

export class SendRate {
  readonly #interval: number;
  readonly #now: () => number;
  /** When the next event may be sent. */
  #next: number;

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#interval = 1_000 / perSecond;
    this.#now = now;
    this.#next = now();
  }

  /** Milliseconds until the next event may be sent; 0 if it may be now. */
  get wait(): number {
    return Math.max(0, this.#next - this.#now());
  }

  /** An event is sent. */
  sent(): void {
    this.#next = Math.max(this.#next, this.#now() - CATCH_UP) + this.#interval;
  }
}
