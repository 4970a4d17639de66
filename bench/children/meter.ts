// What a process measures about itself while it works.

export interface Reading {
  /** Milliseconds of the system's monotonic clock, which all processes share. */
  readonly from: number;
  readonly to: number;
  /** Microseconds, all threads. */
  readonly cpu: number;
  /** Resident memory in MB at the end. */
  readonly rss: number;
}

export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Meter {
  readonly #from = now();
  readonly #cpu = process.cpuUsage();

  read(): Reading {
    const { user, system } = process.cpuUsage(this.#cpu);
    const rss = process.memoryUsage.rss() / 1e6;
    return { from: this.#from, to: now(), cpu: user + system, rss };
  }
}
