// A machine whose clocks a test moves: what runs on it sees them as a process sees those of its system.
import { Clock } from "../../nodes/outbox/clock";

export class Machine {
  /** Milliseconds since 1970. */
  #wall: number;
  #monotonic = 5_000.25;
  #asleep = 0;

  constructor(wall: number | string = "2026-03-04T05:06:07Z") {
    this.#wall = new Date(wall).getTime();
  }

  get wall(): number {
    return this.#wall;
  }

  /** The clock of a process that begins now. */
  startProcess(): Clock {
    return new Clock({
      wall: () => Math.floor(this.#wall),
      monotonic: () => this.#monotonic,
      // In hundredths of a second, as Linux tells it.
      uptime: () => Math.floor((this.#monotonic + this.#asleep) / 10) * 10,
    });
  }

  wait(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }

  setClock(wall: number | string): void {
    this.#wall = typeof wall === "number" ? wall : Date.parse(wall);
  }

  sleep(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#asleep += milliseconds;
  }
}

/** The clock of a machine that is always right, for tests of something else. */
export function steadyClock(now: () => number): Clock {
  return new Clock({ wall: now, monotonic: now, uptime: now });
}
