// `npm run bench:wear`: what the outbox on disk costs a card, for each setting and rate; the table of docs/wear.md.
// `-- --quick` takes half a minute and keeps nothing.
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { feedFlow, openFeed } from "../test/support/feed";
import { installation } from "../test/support/installation";
import { Mosquitto } from "../test/support/mosquitto";
import { NodeRed } from "../test/support/node-red";
import { freePort, run } from "../test/support/processes";
import { READING } from "./flows";
import { keepIn } from "./report";
import { table } from "./tables";

interface Rate {
  readonly name: string;
  readonly eventsPerDay: number;
  /** How it is measured. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Between two events the system writes back what it has, as it does half a minute after a write. */
  readonly isWrittenBack?: boolean;
}

const DAY = 86_400;
const RATES: readonly Rate[] = [
  { name: "1/min", eventsPerDay: DAY / 60, perSecond: 1, seconds: 20, isWrittenBack: true },
  { name: "1/s", eventsPerDay: DAY, perSecond: 1, seconds: 60 },
  { name: "20/s", eventsPerDay: 20 * DAY, perSecond: 20, seconds: 60 },
  // So long that LevelDB fills a log and makes a table of it.
  { name: "500/s", eventsPerDay: 500 * DAY, perSecond: 500, seconds: 90 },
];
const SYNCS = ["second", "always", "never"] as const;

interface Case {
  readonly sync: (typeof SYNCS)[number];
  readonly isOnline: boolean;
}

const CASES: readonly Case[] = [true, false].flatMap((isOnline) =>
  SYNCS.map((sync) => ({ sync, isOnline })),
);

/** Of one event. */
interface Cost {
  readonly bytes: number;
  readonly syncs: number;
}

/** Bytes: 16 GB, of which each can be erased a thousand times. */
const CARD = 16e9 * 1_000;
/** Bytes: a page at the end of a log, and ext4's journal and tables. A sync costs that, and so does each write-back. */
const FLUSH = 4_096 + 16_384;
/** The system writes back half a minute after a write. */
const WRITE_BACKS_PER_DAY = 2 * 24 * 60;
/** So many times what is written to it a card writes itself: in small pieces, and in large ones. */
const SMALL = 10;
const LARGE = 2;

async function measure({ sync, isOnline }: Case, rate: Rate, seconds: number): Promise<Cost> {
  const broker = isOnline ? await Mosquitto.start() : undefined;
  const feedPort = await freePort();
  const url = broker?.url ?? `mqtt://127.0.0.1:${await freePort()}`;
  const flow = feedFlow(url, feedPort, { outboxSync: sync, outboxLimit: "1000000" });
  const { userDir, remove } = await installation(flow);
  const trace = path.join(userDir, "syncs");
  const strace = ["-D", "-f", "--seccomp-bpf", "-y", "-e", "trace=fsync,fdatasync", "-o", trace];
  const nodeRed = await NodeRed.start(userDir, {}, { wrapper: ["strace", ...strace, "--"] });
  try {
    const feed = await openFeed(feedPort);
    const writtenBack = rate.isWrittenBack ? userDir : undefined;
    // The outbox is open and the connection stands before it counts.
    await feeding(feed, 5, 1);
    if (isOnline) await nodeRed.status("out", ({ fill }) => fill === "green");
    await pause(2_000);
    const before = await counters(nodeRed, trace);
    const events = await feeding(feed, rate.perSecond, seconds, writtenBack);
    await pause(1_000);
    const after = await counters(nodeRed, trace);
    feed.destroy();
    return {
      bytes: (after.bytes - before.bytes) / events,
      syncs: (after.syncs - before.syncs) / events,
    };
  } finally {
    await nodeRed.stop();
    await broker?.stop();
    await remove();
  }
}

/** Resolves with how many events it has sent. */
async function feeding(
  feed: Socket,
  perSecond: number,
  seconds: number,
  writtenBack?: string,
): Promise<number> {
  const began = performance.now();
  let sent = 0;
  for (; sent < perSecond * seconds; sent += 1) {
    const wait = began + (sent * 1_000) / perSecond - performance.now();
    if (wait > 0) await pause(wait);
    feed.write(`${JSON.stringify(READING)}\n`);
    if (!writtenBack) continue;
    await pause(900);
    await run("sync", ["-f", writtenBack]);
  }
  return sent;
}

/** What the process has asked for so far: pages of files that were clean and no longer are, and syncs of the outbox. */
async function counters(nodeRed: NodeRed, trace: string): Promise<Cost> {
  const io = await readFile(`/proc/${nodeRed.pid}/io`, "utf8");
  const syncs = (await readFile(trace, "utf8")).split("\n").filter(isOfOutbox);
  return { bytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1]), syncs: syncs.length };
}

/** One that was interrupted has two lines, of which the first has the file. */
function isOfOutbox(line: string): boolean {
  return line.includes("m1-outbox");
}

function row(rate: Rate, { sync, isOnline }: Case, { bytes, syncs }: Cost): string[] {
  const { eventsPerDay } = rate;
  const flushes = syncs * eventsPerDay + Math.min(eventsPerDay, WRITE_BACKS_PER_DAY);
  const perDay = LARGE * bytes * eventsPerDay + SMALL * FLUSH * flushes;
  const years = CARD / perDay / 365;
  return [
    rate.name,
    isOnline ? "online" : "offline",
    sync,
    Math.round(bytes).toLocaleString("en"),
    syncs === 0 ? "0" : syncs.toPrecision(2),
    (perDay / 1e9).toLocaleString("en", { maximumSignificantDigits: 2 }),
    years > 100 ? "over 100" : years.toLocaleString("en", { maximumSignificantDigits: 2 }),
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  const rows: string[][] = [];
  for (const rate of RATES) {
    const seconds = values.quick ? 3 : rate.seconds;
    console.error(`${rate.name}: ${seconds} s`);
    const costs = await Promise.all(CASES.map((each) => measure(each, rate, seconds)));
    rows.push(...costs.map((cost, index) => row(rate, CASES[index] as Case, cost)));
  }
  const head = ["events", "broker", "setting", "bytes", "syncs", "GB a day", "years"];
  const result = table(head, rows);
  console.log(result);
  if (!values.quick) await keepIn("docs/wear.md", result);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
