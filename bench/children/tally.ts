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

  /** The clock runs from now. */
  begin(): Meter {
    this.#meter ??= new Meter();
    return this.#meter;
  }

  add(count = 1): void {
    const meter = this.begin();
    this.#arrived += count;
    if (this.#arrived < this.#expected || this.#reading) return;
    this.#reading = meter.read();
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
}
