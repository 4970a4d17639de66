// `npm run bench`: every scenario, candidates side by side; tables here, in the README and results.json.
// `-- --quick` takes under a minute and keeps nothing; `-- --only <scenario>` runs one, and keeps nothing.
import { parseArgs } from "node:util";
import { compileChildren } from "./child";
import { Lab } from "./lab";
import { circumstances, keep, tables } from "./report";
import { runScenario } from "./rounds";
import { deviceIn, deviceInMany } from "./scenarios/device-in";
import { eventOutDisk, eventOutMemory, eventOutQos0 } from "./scenarios/event-out";
import { type Result, resultOf } from "./statistics";

const SCENARIOS = [eventOutQos0, eventOutMemory, eventOutDisk, deviceIn, deviceInMany];
const FULL = { rounds: 7, seconds: 1.5 };
const QUICK = { rounds: 1, seconds: 0.2 };

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
  });
  const { rounds, seconds } = values.quick ? QUICK : FULL;
  const scenarios = SCENARIOS.filter(({ id }) => id === (values.only ?? id));
  if (scenarios.length === 0) {
    throw new Error(`--only takes one of ${SCENARIOS.map(({ id }) => id).join(", ")}`);
  }
  await compileChildren();
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const lab = await Lab.open(seconds);
    try {
      const progress = (text: string) => console.error(`${scenario.title}: ${text}`);
      results.push(resultOf(scenario, await runScenario(scenario, lab, { rounds, progress })));
    } finally {
      await lab.close();
    }
  }
  console.log(tables(results));
  if (!values.quick && !values.only) await keep(results, circumstances(rounds, seconds));
}

run().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
