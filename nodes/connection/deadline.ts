// A time by which something must have come. It is begun and met with almost every event: one timer serves many of
// them, as setting and clearing one for each costs more than all else that is done for the event.

export class Deadline {
  readonly #milliseconds: number;
  /** On `performance`'s clock; undefined while nothing is awaited. */
  #due: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #missed: () => void = () => undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get isRunning(): boolean {
    return this.#due !== undefined;
  }

  /** `missed` is called once if neither `met` nor `extend` comes in time. */
  begin(missed: () => void): void {
    this.#missed = missed;
    this.#due = performance.now() + this.#milliseconds;
    this.#timer ??= setTimeout(() => this.#look(), this.#milliseconds);
  }

  /** The time begins anew, if it is running. */
  extend(): void {
    if (this.isRunning) this.#due = performance.now() + this.#milliseconds;
  }

  /** The timer goes on: mostly another deadline begins before it ends. */
  met(): void {
    this.#due = undefined;
  }

  /** As `met`, and nothing goes on. */
  end(): void {
    this.#due = undefined;
    this.#missed = () => undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#due === undefined) return;
    const left = this.#due - performance.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#look(), left);
      return;
    }
    this.#due = undefined;
    this.#missed();
  }
}
