// How long a run of the benchmark is.

/** How much is measured: enough for a figure to keep, or just enough to see that all of it works. */
export interface Scale {
  /** After a first one that does not count. */
  readonly rounds: number;
  /** The length of a round, where a scenario can choose it. */
  readonly seconds: number;
  /** Events that wait during an outage. */
  readonly backlog: number;
}
