// What a benchmark is: candidates that do the same work, the figures they are compared by, and the
// ratio or value that is aimed at.
import type { Lab, LabOptions } from "./lab";

export interface Scenario extends LabOptions {
  /** What `--only` takes. */
  readonly id: string;
  readonly title: string;
  /** Where a round is long: no more of them than that. */
  readonly rounds?: number;
  /** Keys are the names of the figures that a round gives. */
  readonly figures: Readonly<Record<string, Unit>>;
  readonly candidates: readonly Candidate[];
  readonly targets: readonly Target[];
}

export type Unit = "msg/s" | "ms" | "µs" | "MB" | "%";

export interface Candidate {
  readonly name: string;
  /** Starts its processes, which the lab ends; idle while others have their round. */
  start(lab: Lab): Promise<Running>;
}

export interface Running {
  round(): Promise<Sample>;
}

/** What one round of one candidate gave. */
export interface Sample {
  readonly figures: Readonly<Record<string, number>>;
  /** Microseconds of the candidate's process for each message, all of its threads. */
  readonly cpu?: number;
  /** The same of the broker, which works for every candidate, and not as much for each. */
  readonly brokerCpu?: number;
  /** The resident memory of the candidate's process at the end of the round, in MB. */
  readonly rss?: number;
}

export interface Target {
  readonly of: Quantity;
  /** The ratio to this is aimed at; without it, the value itself. */
  readonly over?: Quantity;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Quantity {
  readonly candidate: string;
  readonly figure: string;
}
