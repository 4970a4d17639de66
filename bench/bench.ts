// `npm run bench`: every scenario, candidates side by side; tables here and in both READMEs, and results.json.
// `-- --quick` takes under a minute and keeps nothing; `-- --only <scenario>` runs one, and keeps nothing.
import { parseArgs } from "node:util";
import { compileChildren } from "./child";
import { Lab } from "./lab";
import { circumstances, keep } from "./report";
import { runScenario } from "./rounds";
import type { Scale } from "./scale";
import type { Scenario } from "./scenario";
import { bursts } from "./scenarios/burst";
import { deploy } from "./scenarios/deploy";
import { devicesIn } from "./scenarios/device-in";
import { eventsOut } from "./scenarios/event-out";
import { latencies } from "./scenarios/latency";
import { longOutage } from "./scenarios/long-outage";
import { offline } from "./scenarios/offline";
import { smallMachine } from "./scenarios/small-machine";
import { startUp } from "./scenarios/start-up";
import { type Result, resultOf } from "./statistics";
import { tables } from "./tables";

const SCENARIOS = [
  ...eventsOut,
  ...bursts,
  ...latencies,
  ...devicesIn,
  offline,
  longOutage,
  deploy,
  startUp,
  ...smallMachine,
];
const FULL: Scale = { rounds: 8, seconds: 1, backlog: 100_000 };
const QUICK: Scale = { rounds: 1, seconds: 0.2, backlog: 5_000 };

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
  });
  const scale = values.quick ? QUICK : FULL;
  const scenarios = SCENARIOS.filter(({ id }) => id === (values.only ?? id));
  if (scenarios.length === 0) {
    const ids = new Set(SCENARIOS.map(({ id }) => id));
    throw new Error(`--only takes one of ${[...ids].join(", ")}`);
  }
  await compileChildren();
  const results: Result[] = [];
  const failed: string[] = [];
  for (const scenario of scenarios) {
    try {
      const result = await measured(scenario, scale);
      // At once: what comes later may fail.
      console.log(tables([result]));
      results.push(result);
    } catch (error) {
      console.error(error);
      failed.push(scenario.title);
    }
  }
  if (failed.length > 0) throw new Error(`No result, and nothing kept: ${failed.join("; ")}`);
  if (!values.quick && !values.only) await keep(results, circumstances(scale));
}

async function measured(scenario: Scenario, scale: Scale): Promise<Result> {
  const lab = await Lab.open(scale, scenario);
  try {
    const progress = (text: string) => console.error(`${scenario.title}: ${text}`);
    return resultOf(scenario, await runScenario(scenario, lab, progress));
  } finally {
    await lab.close();
  }
}

run().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
