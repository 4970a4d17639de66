// `tsx test/on-releases.ts <suite> <release>…`: runs a suite of mocharc.cjs on each of these releases of Node-RED.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { installed } from "./support/installed";

const runner = path.join(__dirname, "run.mjs");

/** What Node-RED itself judges versions with. */
interface Semver {
  satisfies(version: string, range: string): boolean;
  minVersion(range: string): { major: number };
}

async function run(suite: string, releases: readonly string[]): Promise<void> {
  for (const release of releases) {
    const folder = await installed(`node-red@${release}`);
    const nodeJs = await nodeJsFor(folder);
    console.log(`\nNode-RED ${release} on ${nodeJs}`);
    const child = spawn(nodeJs, [runner, suite], {
      env: { ...process.env, M1_NODE_RED: folder },
      stdio: "inherit",
    });
    const [code] = await once(child, "exit");
    if (code !== 0) process.exitCode = 1;
  }
}

/** This Node.js if that Node-RED accepts it, or else the oldest that it accepts. */
async function nodeJsFor(folder: string): Promise<string> {
  const nodeRedRequire = createRequire(path.join(folder, "package.json"));
  const { engines } = nodeRedRequire("node-red/package.json") as { engines: { node: string } };
  const { satisfies, minVersion } = nodeRedRequire("semver") as Semver;
  if (satisfies(process.version, engines.node)) return process.execPath;
  const { major } = minVersion(engines.node);
  return path.join(await installed(`node@${major}`), "node_modules/node/bin/node");
}

const [suite = "", ...releases] = process.argv.slice(2);
void run(suite, releases);
