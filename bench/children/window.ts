// Sends so many messages as fast as they are finished: a bounded number is outstanding at any time.
import { Meter, type Reading } from "./meter";

/** Unfinished messages at a time: enough that nobody waits for a round trip. */
export const OUTSTANDING = 2_000;

export class Window {
  readonly #send: (isLast: boolean) => void;
  #left = 0;
  #outstanding = 0;
  #limit = 0;
  #filling = false;
  #meter = new Meter();
  #finish: ((reading: Reading) => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;

  /** `send` sends one message; whoever finishes it calls `finished`. */
  constructor(send: (isLast: boolean) => void) {
    this.#send = send;
  }

  run(count: number, limit = OUTSTANDING): Promise<Reading> {
    this.#left = count;
    this.#limit = limit;
    this.#meter = new Meter();
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
      this.#fill();
    });
  }

  finished(error?: unknown): void {
    if (error) this.#fail?.(error);
    this.#outstanding -= 1;
    if (this.#left > 0) this.#fill();
    else if (this.#outstanding === 0) this.#finish?.(this.#meter.read());
  }

  /** A message may be finished before `send` returns. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    while (this.#left > 0 && this.#outstanding < this.#limit) {
      this.#left -= 1;
      this.#outstanding += 1;
      this.#send(this.#left === 0);
    }
    this.#filling = false;
    if (this.#outstanding === 0) this.#finish?.(this.#meter.read());
  }
}
