// Sends so many messages at a steady rate, and remembers when it sent each.
import { Meter, now, type Reading } from "./meter";

export interface Paced extends Reading {
  /** When each was sent, as `from` and `to`. */
  readonly sent: readonly number[];
}

export class Pace {
  readonly #send: () => void;
  readonly #sent: number[] = [];
  #unfinished = 0;
  #finish: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  /** `send` sends one message; whoever finishes it calls `finished`. */
  constructor(send: () => void) {
    this.#send = send;
  }

  /** `rate` is in messages a second. Resolves when all are finished. */
  async run(count: number, rate: number): Promise<Paced> {
    const meter = new Meter();
    const start = now();
    this.#unfinished = count;
    await new Promise<void>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
      const sendDue = () => {
        while (this.#sent.length < count && this.#due(start, rate) <= now()) {
          this.#sent.push(now());
          this.#send();
        }
        if (this.#sent.length < count) setTimeout(sendDue, this.#due(start, rate) - now());
      };
      sendDue();
    });
    return { ...meter.read(), sent: this.#sent };
  }

  finished(error?: unknown): void {
    if (error) this.#fail(error);
    this.#unfinished -= 1;
    if (this.#unfinished === 0) this.#finish();
  }

  /** When the next one is to be sent. */
  #due(start: number, rate: number): number {
    return start + (this.#sent.length * 1_000) / rate;
  }
}
