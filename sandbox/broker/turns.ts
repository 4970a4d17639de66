// Steps that must not overlap, taken in the order they were asked for.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Steps that have not settled. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Resolves once all steps that were asked for until now have settled. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /** Settles as the step does. A step that fails does not keep the next from its turn. */
  take<Result>(step: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const turn = this.#last.then(step).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
