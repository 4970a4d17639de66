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
  const running = new Map<string, Running>();
  const starts = scenario.candidates.map(async ({ name, start }) => {
    running.set(name, await start(lab));
  });
  // All of them, or one would come up when the lab is closed already.
  for (const start of await Promise.allSettled(starts)) {
    if (start.status === "rejected") throw start.reason;
  }
  const { rounds } = lab.scale;
  return takeTurns(scenario, running, Math.min(rounds, scenario.rounds ?? rounds), progress);
}

async function takeTurns(
  { candidates }: Scenario,
  running: ReadonlyMap<string, Running>,
  rounds: number,
  progress: Progress,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(candidates.map(({ name }) => [name, []]));
  const there = candidates.map(({ name }) => name);
  // Nobody has always the same one before it, and nobody itself.
  const back = [...there.slice(0, -1).reverse(), ...there.slice(-1)];
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? there : back) {
      progress(round === 0 ? `${name}: warm-up` : `${name}: round ${round} of ${rounds}`);
      const sample = await running.get(name)?.round();
      if (sample && round > 0) samples.get(name)?.push(sample);
    }
  }
  return samples;
}

export interface Timed {
  readonly seconds: number;
  readonly sample: Sample;
}

/** Rounds of the length that the scale asks for: how many messages that takes, the warm-up shows. */
export function filledRound(
  { scale, broker }: Lab,
  run: (count: number) => Promise<Timed>,
): () => Promise<Sample> {
  let count = 0;
  let warm = false;
  return async () => {
    count ||= await messagesFor(scale.seconds, run);
    const before = await cpuTime(broker.pid);
    const { seconds, sample } = await run(count);
    const brokerCpu = ((await cpuTime(broker.pid)) - before) / count;
    if (!warm) count = Math.ceil((count * scale.seconds) / seconds);
    warm = true;
    return { ...sample, brokerCpu };
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
