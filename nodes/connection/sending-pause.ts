// The pause in sending after a broker has refused an event that it may take later: nothing is sent until
// all that is in flight is answered, and for a while after that.

export class SendingPause {
  #isActive = false;
  /** First to the end of the pause, then to the moment when the broker counts as taking events again. */
  #timer: NodeJS.Timeout | undefined;

  get isActive(): boolean {
    return this.#isActive;
  }

  /** A refusal has come. */
  begin(): void {
    this.#isActive = true;
    clearTimeout(this.#timer);
  }

  /**
   * All is answered: `resume` is called after `pause` milliseconds, and `over` after further `calm`
   * milliseconds in which no pause began.
   */
  wait(pause: number, resume: () => void, calm: number, over: () => void): void {
    this.#timer = setTimeout(() => {
      this.end();
      this.#timer = setTimeout(over, calm);
      resume();
    }, pause);
  }

  end(): void {
    this.#isActive = false;
    clearTimeout(this.#timer);
  }
}
