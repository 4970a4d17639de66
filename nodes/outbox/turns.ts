// Steps that may not overlap: each begins when the one before it has ended, whether that failed or not.

export class Turns {
  #earlier: Promise<void> = Promise.resolve();

  /** As `step` does, when it is its turn. */
  next<Result>(step: () => Promise<Result>): Promise<Result> {
    const done = this.#earlier.then(step);
    this.#earlier = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Resolves when all that have come so far have ended. Never rejects. */
  get ended(): Promise<void> {
    return this.#earlier;
  }
}
