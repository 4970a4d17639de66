// From the samples of a scenario to what the tables say: medians, and ratios round by round.
import type { Samples } from "./rounds";
import type { Quantity, Sample, Scenario, Target, Unit } from "./scenario";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Measured extends Quantity {
  readonly unit: Unit;
  readonly value: Spread;
  /** Medians; undefined where a scenario does not measure it. */
  readonly cpu: number | undefined;
  readonly brokerCpu: number | undefined;
  readonly rss: number | undefined;
}

export interface Judged extends Target {
  readonly value: Spread;
  readonly met: boolean;
}

export interface Result {
  readonly id: string;
  readonly title: string;
  readonly measured: readonly Measured[];
  readonly judged: readonly Judged[];
}

export function resultOf({ id, title, figures, targets }: Scenario, samples: Samples): Result {
  const measured: Measured[] = [];
  for (const [candidate, rounds] of samples) {
    for (const [figure, unit] of Object.entries(figures)) {
      const values = present(rounds.map((sample) => sample.figures[figure]));
      if (values.length === 0) continue;
      const cpu = medianOf(rounds, "cpu");
      const brokerCpu = medianOf(rounds, "brokerCpu");
      const rss = medianOf(rounds, "rss");
      measured.push({ candidate, figure, unit, value: spread(values), cpu, brokerCpu, rss });
    }
  }
  return { id, title, measured, judged: targets.map((target) => judge(target, samples)) };
}

function judge(target: Target, samples: Samples): Judged {
  const {
    of,
    over,
    atLeast = Number.NEGATIVE_INFINITY,
    atMost = Number.POSITIVE_INFINITY,
  } = target;
  const values = valuesOf(samples, of);
  const bases = over ? valuesOf(samples, over) : values.map(() => 1);
  const value = spread(values.map((each, round) => each / (bases[round] ?? Number.NaN)));
  return { ...target, value, met: value.median >= atLeast && value.median <= atMost };
}

/** One for each round. */
function valuesOf(samples: Samples, { candidate, figure }: Quantity): number[] {
  const rounds = samples.get(candidate) ?? [];
  const values = present(rounds.map((sample) => sample.figures[figure]));
  if (values.length === 0 || values.length < rounds.length) {
    throw new Error(`a target asks for ${figure} of ${candidate}, which is not measured`);
  }
  return values;
}

function medianOf(rounds: readonly Sample[], key: "cpu" | "brokerCpu" | "rss"): number | undefined {
  const values = present(rounds.map((sample) => sample[key]));
  return values.length > 0 ? spread(values).median : undefined;
}

function present(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share)] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(middle) + at(middle + 0.5)) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}
