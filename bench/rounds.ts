// Runs a scenario: all candidates started, then one round of each in turn, again and again, so that
// what else the machine does meets all of them alike.
import { readFile } from "node:fs/promises";
import type { Lab } from "./lab";
import type { Running, Sample, Scenario } from "./scenario";

/** By candidate, one sample for each round. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export type Progress = (text: string) => void;

export async function runScenario(
  scenario: Scenario,
  lab: Lab,
  progress: Progress,
): Promise<Samples> {
  progress("starting");
  const { candidates } = scenario;
  const starts = await Promise.allSettled(candidates.map(({ start }) => start(lab)));
  const running = new Map<string, Running>();
  candidates.forEach(({ name }, index) => {
    const start = starts[index];
    if (start?.status === "fulfilled") running.set(name, start.value);
  });
  try {
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    return await takeTurns(running, lab.scale.rounds, progress);
  } finally {
    await Promise.all([...running.values()].map((candidate) => candidate.stop()));
  }
}

async function takeTurns(
  running: ReadonlyMap<string, Running>,
  rounds: number,
  progress: Progress,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>([...running.keys()].map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    // There and back, so that none always has the same one before it.
    const turns = round % 2 === 0 ? [...running] : [...running].reverse();
    for (const [name, candidate] of turns) {
      progress(round === 0 ? `${name}: warm-up` : `${name}: round ${round} of ${rounds}`);
      const sample = await candidate.round();
      if (round > 0) samples.get(name)?.push(sample);
    }
  }
  return samples;
}

export interface Timed {
  readonly seconds: number;
  readonly sample: Sample;
}

/** Rounds of the length that the scale asks for; the first finds how many messages that takes. */
export function filledRound(
  { scale, broker }: Lab,
  run: (count: number) => Promise<Timed>,
): () => Promise<Sample> {
  let count = 0;
  return async () => {
    count ||= await messagesFor(scale.seconds, run);
    const before = await cpuTime(broker.pid);
    const { sample } = await run(count);
    return { ...sample, brokerCpu: ((await cpuTime(broker.pid)) - before) / count };
  };
}

/** Microseconds that a process has had so far (proc(5): ticks of a hundredth of a second). */
async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name of the program is in parentheses and may hold anything.
  const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
  return ((user ?? 0) + (system ?? 0)) * 10_000;
}

async function messagesFor(
  seconds: number,
  run: (count: number) => Promise<Timed>,
): Promise<number> {
  for (let count = 500; ; count *= 2) {
    const taken = (await run(count)).seconds;
    if (taken > seconds / 4) return Math.ceil((count * seconds) / taken);
  }
}
