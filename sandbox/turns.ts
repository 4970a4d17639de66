// Steps that must not overlap, taken in the order they were asked for.

export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Settles as the step does. A step that fails does not keep the next from its turn. */
  take(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
