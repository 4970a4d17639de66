// What a run leaves: results.json, and its tables in bench/README.md and the README.
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import type { Scale } from "./scale";
import type { Result } from "./statistics";
import { summary, tables } from "./tables";

const root = path.resolve(__dirname, "..");

export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly scale: Scale;
}

export function circumstances(scale: Scale): Circumstances {
  const [cpu] = os.cpus();
  const memory = `${Math.round(os.totalmem() / 2 ** 30)} GB`;
  const fromNodeRed = createRequire(require.resolve("@node-red/nodes/package.json"));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.cpus().length} × ${cpu?.model.trim()}, ${memory}, ${os.type()} ${os.release()}`,
    versions: {
      "Node.js": process.version.slice(1),
      "Node-RED": versionOf(require, "node-red"),
      mosquitto: mosquittoVersion(),
      "mqtt.js (ours, bare)": versionOf(require, "mqtt"),
      "mqtt.js (core)": versionOf(fromNodeRed, "mqtt"),
      "classic-level": versionOf(require, "classic-level"),
    },
    scale,
  };
}

function versionOf(from: NodeJS.Require, name: string): string {
  return (from(`${name}/package.json`) as { version: string }).version;
}

function mosquittoVersion(): string {
  // `-h` ends with a code of its own.
  const { stdout } = attemptToRun("mosquitto", ["-h"]);
  return /version ([\d.]+)/.exec(stdout)?.[1] ?? "unknown";
}

function attemptToRun(program: string, words: string[]): { stdout: string } {
  try {
    return { stdout: execFileSync(program, words, { encoding: "utf8" }) };
  } catch (error) {
    return error as { stdout: string };
  }
}

export async function keep(all: readonly Result[], about: Circumstances): Promise<void> {
  const results = `${JSON.stringify({ ...about, results: all }, null, 2)}\n`;
  await writeFile(path.join(root, "bench", "results.json"), results);
  await keepIn("bench/README.md", `${describe(about)}\n\n${tables(all)}`);
  await keepIn("README.md", summary(all));
}

/** Between the two marks of a file of the repository. */
export async function keepIn(name: string, results: string): Promise<void> {
  const file = path.join(root, name);
  const text = await readFile(file, "utf8");
  const marks = /(<!-- results: begin -->).*(<!-- results: end -->)/s;
  await writeFile(
    file,
    text.replace(marks, (_all, begin, end) => `${begin}\n\n${results}\n\n${end}`),
  );
}

function describe({ date, machine, versions, scale }: Circumstances): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date}, on ${machine}. ${list.join(", ")}. ${scale.rounds} rounds of about ${scale.seconds} s after a warm-up.`;
}
