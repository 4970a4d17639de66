// Whether the broker bears UNSUBSCRIBE: one that closes the connection on it, or never answers, and keeps the session
// would get it over every connection anew.

/** After so many connections in a row that ended over it, it is not sent any more. */
const TRIES = 3;

export class Unsubscribing {
  #isAsking = false;
  #disconnects = 0;

  /** The latest connection ended over it: nothing else should be under suspicion meanwhile. */
  get isSuspect(): boolean {
    return this.#disconnects > 0 && !this.isGivenUp;
  }

  /** What nobody wants stays subscribed to, until the session ends. */
  get isGivenUp(): boolean {
    return this.#disconnects >= TRIES;
  }

  /** UNSUBSCRIBE is about to be sent. */
  ask(): void {
    this.#isAsking = true;
  }

  /** UNSUBACK has come. */
  answered(): void {
    this.#isAsking = false;
    this.#disconnects = 0;
  }

  /** The connection has ended. Returns whether it did so over an UNSUBSCRIBE. */
  disconnected(isForOtherReason: boolean): boolean {
    const isToBlame = this.#isAsking && !isForOtherReason;
    this.#isAsking = false;
    if (isToBlame) this.#disconnects += 1;
    return isToBlame;
  }
}
