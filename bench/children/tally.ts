// Counts arrivals: armed with how many to expect, read when the last one is there.
import { Meter, type Reading } from "./meter";

export class Tally {
  #expected = 0;
  #arrived = 0;
  #meter: Meter | undefined;
  #reading: Reading | undefined;
  #tell: ((reading: Reading) => void) | undefined;

  /** Starts from nothing; the clock runs from the first arrival. */
  expect(count: number): void {
    this.#expected = count;
    this.#arrived = 0;
    this.#meter = undefined;
    this.#reading = undefined;
  }

  add(count = 1): void {
    this.#meter ??= new Meter();
    this.#arrived += count;
    if (this.#arrived < this.#expected || this.#reading) return;
    this.#reading = this.#meter.read();
    this.#tell?.(this.#reading);
  }

  /** Resolves when all are there. */
  async complete(): Promise<Reading> {
    return (
      this.#reading ??
      new Promise((resolve) => {
        this.#tell = resolve;
      })
    );
  }

  get arrived(): number {
    return this.#arrived;
  }
}
