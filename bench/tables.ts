// What the results look like as tables: all of them for the terminal and bench/README.md, some for the README.
import type { Target, Unit } from "./scenario";
import type { Judged, Measured, Result, Spread } from "./statistics";

export function tables(all: readonly Result[]): string {
  return `${measuredTable(all)}\n\n${judgedTable(all)}`;
}

interface Line {
  readonly what: string;
  readonly id: string;
  /** Of each of the three; a candidate of another name is one that there is not. */
  readonly figure: string;
  readonly ours?: string;
  readonly core?: string;
  readonly bare?: string;
}

const onDisk = { ours: "ours, disk" };

/** What somebody asks who chooses between packages. */
const SUMMARY: readonly Line[] = [
  { what: "events out, QoS 0", id: "event-out-qos-0", figure: "events" },
  { what: "events out, QoS 1, outbox in memory", id: "event-out-memory", figure: "events" },
  { what: "events out, QoS 1, outbox on disk", id: "event-out-disk", figure: "events" },
  { what: "messages in, 1 node", id: "device-in", figure: "messages", ...receivers(1) },
  ...[1_000, 10_000].map((nodes) => ({
    what: `messages in, ${nodes.toLocaleString("en")} nodes with a device each`,
    id: "device-in-many",
    figure: "messages",
    ...receivers(nodes),
  })),
  { what: "deploy of 1,000 nodes", id: "deploy", figure: "1,000 nodes" },
  { what: "deploy of one more node at 10", id: "deploy", figure: "one more at 10" },
  { what: "events accepted to disk while offline", id: "offline", figure: "accept" },
  { what: "60,000 events at once, outbox on disk", id: "burst", figure: "events", ...onDisk },
  {
    what: "the same, each received on this machine",
    id: "burst-received",
    figure: "events",
    ...onDisk,
  },
  { what: "99 % of 400 events/s arrive within", id: "latency-400", figure: "p99", ...onDisk },
  { what: "CPU of an event at 20 events/s", id: "latency-20", figure: "CPU", ...onDisk },
  { what: "memory for a million waiting events", id: "long-outage", figure: "memory" },
  { what: "longest block while they are sent", id: "long-outage", figure: "longest block" },
  { what: "loading the package", id: "start-up", figure: "time" },
];

function receivers(nodes: number) {
  return { ours: `ours, ${nodes}`, core: `core, ${nodes}` };
}

export function summary(all: readonly Result[]): string {
  const head = ["what", "m1 nodes", "core", "bare mqtt.js", "m1 to core"];
  const row = ({ what, id, figure: name, ours = "ours", core = "core", bare = "bare" }: Line) => {
    const { measured = [], judged = [] } = all.find((result) => result.id === id) ?? {};
    const cell = (candidate: string) => {
      const found = measured.find((each) => each.candidate === candidate && each.figure === name);
      return found ? `${figure(found.value.median, found.unit)} ${found.unit}` : "";
    };
    const compared = judged.find(
      ({ of, over }) =>
        of.candidate === ours &&
        of.figure === name &&
        over?.candidate === core &&
        over.figure === name,
    );
    const share = compared ? ratio(compared.value.median, compared.value) : "";
    return [what, cell(ours), cell(core), cell(bare), share];
  };
  return table(head, SUMMARY.map(row));
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
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...rows.map(line)].join("\n");
}
