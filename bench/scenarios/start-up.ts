// Start-up: what loading the package adds to a Node-RED that has started without it.
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { run, temporaryFolder } from "../../test/support/processes";
import { OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import type { Sample, Scenario } from "../scenario";

const root = path.resolve(__dirname, "../..");
const MODULES = "node_modules";

interface Loaded {
  readonly milliseconds: number;
  readonly megabytes: number;
}

/** Once per round, in a process of its own: a module is loaded only once. */
async function load({ broker }: Lab, files: readonly string[]): Promise<Sample> {
  const nodeRed = await MeasuredNodeRed.startWithoutPackage();
  try {
    const { milliseconds, megabytes } = await nodeRed.ask<Loaded>("load", { files });
    await nodeRed.deploy(outFlow("ours", { port: broker.port, qos: 1, outbox: "memory" }));
    await nodeRed.connected(OUT);
    const grown = await nodeRed.ask<Pick<Loaded, "megabytes">>("grown");
    return {
      figures: { time: milliseconds, memory: megabytes, "memory, connected": grown.megabytes },
    };
  } finally {
    await nodeRed.stop();
  }
}

/**
 * A copy of the package with dependencies of its own, as npm installs it. Beside Node-RED's modules,
 * as in this repository, it would share some of them.
 */
async function copyPackage(to: string): Promise<string[]> {
  const manifest = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const listed = await run("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root });
  const modules = listed.split("\n").filter((line) => line.startsWith(path.join(root, MODULES)));
  const parts = modules.map((module) => path.relative(root, module));
  for (const part of ["package.json", "dist", ...parts]) {
    await cp(path.join(root, part), path.join(to, part), { recursive: true });
  }
  const nodes: Record<string, string> = manifest["node-red"].nodes;
  return Object.values(nodes).map((file) => path.join(to, file));
}

function of(figure: string) {
  return { candidate: "ours", figure };
}

export const startUp: Scenario = {
  id: "start-up",
  title: "start-up",
  figures: { time: "ms", memory: "MB", "memory, connected": "MB" },
  candidates: [
    {
      name: "ours",
      async start(lab) {
        const { folder, remove } = await temporaryFolder();
        lab.onClose(remove);
        const files = await copyPackage(folder);
        return { round: () => load(lab, files) };
      },
    },
  ],
  targets: [
    { of: of("time"), atMost: 60 },
    { of: of("memory"), atMost: 10 },
    { of: of("memory, connected"), atMost: 10 },
  ],
};
