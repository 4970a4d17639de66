// How many of something there were in each of the last sixty seconds.

const SECONDS = 60;

/** Calls back after so many milliseconds. */
type Wait = (callback: () => void, milliseconds: number) => void;

export class RateMeter {
  /** By second, modulo their number; the present second is one more. */
  readonly #counts = new Uint32Array(SECONDS + 1);
  readonly #now: () => number;
  readonly #wait: Wait;
  #second: number;
  /** `#second` is the present second until a timer says otherwise: to read a clock costs more than to count. */
  #isPresent = false;

  /** `now` gives milliseconds that never go back. */
  constructor(now = () => performance.now(), wait: Wait = waitIdly) {
    this.#now = now;
    this.#wait = wait;
    this.#second = this.#presentSecond;
  }

  count(): void {
    if (!this.#isPresent) this.#begin();
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

  #begin(): void {
    this.#advance();
    this.#isPresent = true;
    const end = () => {
      this.#isPresent = false;
    };
    this.#wait(end, 1000 - (this.#now() % 1000));
  }

  #advance(): void {
    const present = this.#presentSecond;
    const { length } = this.#counts;
    const passed = Math.min(present - this.#second, length);
    for (let second = present - passed + 1; second <= present; second += 1) {
      this.#counts[second % length] = 0;
    }
    this.#second = present;
  }
}

/** Keeps no process running. */
function waitIdly(callback: () => void, milliseconds: number): void {
  setTimeout(callback, milliseconds).unref();
}
