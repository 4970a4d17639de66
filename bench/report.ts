// What a run leaves: the tables on the terminal and in the README, and results.json.
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import type { Scale, Target, Unit } from "./scenario";
import type { Judged, Measured, Result, Spread } from "./statistics";

const BEGIN = "<!-- results: begin -->";
const END = "<!-- results: end -->";
const readme = path.join(__dirname, "README.md");
const results = path.join(__dirname, "results.json");

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
  await writeFile(results, `${JSON.stringify({ ...about, results: all }, null, 2)}\n`);
  const text = await readFile(readme, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [, after = ""] = rest.split(END);
  const body = `${describe(about)}\n\n${tables(all)}`;
  await writeFile(readme, `${before}${BEGIN}\n\n${body}\n\n${END}${after}`);
}

function describe({ date, machine, versions, scale }: Circumstances): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date}, on ${machine}. ${list.join(", ")}. ${scale.rounds} rounds of about ${scale.seconds} s after a warm-up.`;
}

export function tables(all: readonly Result[]): string {
  return `${measuredTable(all)}\n\n${judgedTable(all)}`;
}

function measuredTable(all: readonly Result[]): string {
  const head = [
    "scenario",
    "candidate",
    "figure",
    "median",
    "range",
    "CPU per message",
    "broker's",
    "RSS",
  ];
  const row = (title: string, each: Measured) => [
    title,
    each.candidate,
    each.figure,
    `${figure(each.value.median, each.unit)} ${each.unit}`,
    `${figure(each.value.least, each.unit)}–${figure(each.value.most, each.unit)}`,
    microseconds(each.cpu),
    microseconds(each.brokerCpu),
    each.rss === undefined ? "" : `${each.rss.toFixed(0)} MB`,
  ];
  return table(
    head,
    all.flatMap(({ title, measured }) => measured.map((each) => row(title, each))),
  );
}

function microseconds(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(1)} µs`;
}

function judgedTable(all: readonly Result[]): string {
  const head = ["scenario", "target", "median", "range of the rounds", "met"];
  const row = (title: string, each: Judged) => [
    title,
    wording(each),
    ratio(each.value.median, each.value),
    `${ratio(each.value.least, each.value)}–${ratio(each.value.most, each.value)}`,
    each.met ? "yes" : "**no**",
  ];
  return table(
    head,
    all.flatMap(({ title, judged }) => judged.map((each) => row(title, each))),
  );
}

function wording({ of, over, atLeast, atMost }: Target): string {
  const bound =
    atLeast === undefined
      ? `≤ ${atMost?.toLocaleString("en")}`
      : `≥ ${atLeast.toLocaleString("en")}`;
  const name = ({ candidate, figure }: Target["of"]) => `${candidate}: ${figure}`;
  return over ? `${name(of)} ${bound} × ${name(over)}` : `${name(of)} ${bound}`;
}

function figure(value: number, unit: Unit): string {
  return unit === "msg/s"
    ? Math.round(value).toLocaleString("en")
    : value.toFixed(value < 100 ? 1 : 0);
}

function ratio(value: number, { median }: Spread): string {
  return median < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en");
}

/** Padded, so that it reads well on a terminal and in the file. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...rows.map(line)].join("\n");
}
