// How long one turn of the event loop may be used: a queue that comes back must not hold up what else runs in the
// process. In time and not in number: the first events take ten times as long as those for which V8 has compiled the code.

/** So many are done between two looks at the clock. */
export const AT_ONCE = 10;

export class TurnBudget {
  readonly #milliseconds: number;
  readonly #goOn: () => void;
  readonly #now: () => number;
  /** Since the last look at the clock. */
  #done = 0;
  /** Milliseconds of this turn. */
  #used = 0;
  /** On the clock: what came before is in `#used`. */
  #since = 0;
  #isLeft = true;
  /** It was asked for when nothing was left. */
  #isWanted = false;
  #immediate: NodeJS.Immediate | undefined;

  /** `goOn` is called in the next turn if in this one there was not enough. `now` gives milliseconds that never go back. */
  constructor(milliseconds: number, goOn: () => void, now = () => performance.now()) {
    this.#milliseconds = milliseconds;
    this.#goOn = goOn;
    this.#now = now;
  }

  /** Whether one more may be done in this turn. */
  get isLeft(): boolean {
    this.#isWanted ||= !this.#isLeft;
    return this.#isLeft;
  }

  /** The time counts from here to `pause`: what others do with the turn in between is theirs. */
  resume(): void {
    this.#since = this.#now();
  }

  /** One is done. */
  spend(): void {
    this.#immediate ??= setImmediate(() => this.#endTurn());
    this.#done += 1;
    if (this.#done === AT_ONCE) this.#look();
  }

  pause(): void {
    // Nobody would make it whole again.
    if (this.#immediate) this.#look();
  }

  /** Nothing goes on by itself any more. */
  end(): void {
    clearImmediate(this.#immediate);
    this.#reset();
  }

  #look(): void {
    const now = this.#now();
    this.#used += now - this.#since;
    this.#since = now;
    this.#done = 0;
    this.#isLeft = this.#used < this.#milliseconds;
  }

  #endTurn(): void {
    const isWanted = this.#isWanted;
    this.#reset();
    if (isWanted) this.#goOn();
  }

  #reset(): void {
    this.#done = 0;
    this.#used = 0;
    this.#isLeft = true;
    this.#isWanted = false;
    this.#immediate = undefined;
  }
}
