// How much may be done in one turn of the event loop: a queue that comes back must not hold up what else runs in the
// process.

export class TurnBudget {
  readonly #most: number;
  readonly #goOn: () => void;
  #left: number;
  /** It was asked for when nothing was left. */
  #isWanted = false;
  #immediate: NodeJS.Immediate | undefined;

  /** `goOn` is called in the next turn if in this one there was not enough. */
  constructor(most: number, goOn: () => void) {
    this.#most = most;
    this.#left = most;
    this.#goOn = goOn;
  }

  /** Whether one more may be done in this turn. */
  get isLeft(): boolean {
    this.#isWanted ||= this.#left === 0;
    return this.#left > 0;
  }

  /** One is done. */
  spend(): void {
    this.#left -= 1;
    this.#immediate ??= setImmediate(() => {
      const isWanted = this.#isWanted;
      this.#begin();
      if (isWanted) this.#goOn();
    });
  }

  /** Nothing goes on by itself any more. */
  end(): void {
    clearImmediate(this.#immediate);
    this.#begin();
  }

  #begin(): void {
    this.#left = this.#most;
    this.#isWanted = false;
    this.#immediate = undefined;
  }
}
