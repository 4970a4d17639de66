// Counts arrivals: told how many to expect, read when the last one is there.
import { Meter, now, type Reading } from "./meter";
import { type Progress, progressTeller } from "./progress";

export interface Arrivals extends Reading {
  /** When the first one came, as `from` and `to`. */
  readonly first: number;
}

export class Tally {
  #expected = 0;
  #arrived = 0;
  #first = 0;
  #meter = new Meter();
  #arrivals: Arrivals | undefined;
  #tell: (arrivals: Arrivals) => void = () => undefined;
  #progressed: ((arrived: number) => void) | undefined;

  /** Starts from nothing, and the clock from now. The producer hears of the progress if it wants to. */
  expect(count: number, progress?: Progress): void {
    this.#progressed = progress && progressTeller(progress);
    this.#expected = count;
    this.#arrived = 0;
    this.#meter = new Meter();
    this.#arrivals = undefined;
  }

  add(count = 1): void {
    if (this.#arrived === 0) this.#first = now();
    this.#arrived += count;
    this.#progressed?.(this.#arrived);
    if (this.#arrived < this.#expected || this.#arrivals) return;
    this.#arrivals = { ...this.#meter.read(), first: this.#first };
    this.#tell(this.#arrivals);
  }

  /** Resolves when all are there. */
  async complete(): Promise<Arrivals> {
    if (this.#arrivals) return this.#arrivals;
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }
}
