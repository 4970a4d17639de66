// An outage of a million events whose messages are done when they are stored: what waits is on disk, and costs no
// memory; a person who looks at it or empties it holds nothing up.
import type { Arrivals } from "../children/tally";
import { OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import type { Running, Sample, Scenario } from "../scenario";

/** Of the config node of `outFlow`. */
const OUTBOX = "m1-connection/outbox/connection";

async function start(lab: Lab): Promise<Running> {
  const nodeRed = await MeasuredNodeRed.start(lab, {
    nodeOptions: ["--expose-gc"],
    watchesLoop: true,
  });
  const { port } = lab.broker;
  const flow = outFlow("ours", { port, qos: 1, outbox: "disk", complete: "stored" });
  await nodeRed.deploy(flow);
  await nodeRed.connected(OUT);
  return { round: () => round(lab, nodeRed) };
}

async function round(lab: Lab, nodeRed: MeasuredNodeRed): Promise<Sample> {
  const { broker, consumer } = lab;
  const count = lab.scale.backlog * 10;
  // Memory is what it takes beyond a Node-RED that has done nothing yet: one that has worked has some in reserve.
  await nodeRed.kill();
  await nodeRed.resume();
  await nodeRed.connected(OUT);
  await broker.kill();
  await nodeRed.ask("settle");
  await nodeRed.ask("watchLoop");
  const accepted = await nodeRed.ask<{ from: number; to: number }>("send", { count });
  const memory = await nodeRed.ask<{ megabytes: number; resident: number }>("grown");
  const look = await measured(nodeRed, () => lookAtIt(nodeRed));
  const download = await measured(nodeRed, () => nodeRed.download(`${OUTBOX}/waiting.jsonl`));

  await nodeRed.kill();
  await consumer.ask("expect", { count });
  await lab.restoreBroker();
  await nodeRed.resume();
  const drained = await consumer.ask<Arrivals>("complete");
  const started = await nodeRed.ask<{ at: number }>("started");
  const loop = await nodeRed.ask<{ longest: number }>("loop");
  await nodeRed.connected(OUT);

  await broker.kill();
  await nodeRed.ask("send", { count });
  const emptied = await measured(nodeRed, () => nodeRed.act(`${OUTBOX}/empty`));
  await lab.restoreBroker();
  await nodeRed.connected(OUT);
  return {
    figures: {
      accept: perSecond(count, accepted.to - accepted.from),
      memory: memory.megabytes,
      "memory, with reserve": memory.resident,
      drain: perSecond(count, drained.to - drained.first),
      "restart to first publish": drained.first - started.at,
      "longest block": loop.longest,
      "open the tab": look.milliseconds,
      "longest block, tab": look.longest,
      download: download.milliseconds,
      "longest block, download": download.longest,
      empty: emptied.milliseconds,
      "longest block, empty": emptied.longest,
    },
  };
}

/** What the sidebar asks when it is opened and both lists are unfolded, and a search that finds nothing. */
async function lookAtIt(nodeRed: MeasuredNodeRed): Promise<void> {
  for (const question of ["", "/waiting", "/quarantined", "/waiting?device=nobody"]) {
    await nodeRed.read(question === "" ? "m1-connection/outbox" : OUTBOX + question);
  }
}

async function measured(nodeRed: MeasuredNodeRed, during: () => Promise<void>) {
  await nodeRed.ask("watchLoop");
  const from = performance.now();
  await during();
  const milliseconds = performance.now() - from;
  const { longest } = await nodeRed.ask<{ longest: number }>("loop");
  return { milliseconds, longest };
}

function perSecond(count: number, milliseconds: number): number {
  return (count * 1000) / milliseconds;
}

function of(figure: string) {
  return { candidate: "ours", figure };
}

export const longOutage: Scenario = {
  id: "long-outage",
  title: "a million queued, done when stored",
  rounds: 2,
  figures: {
    accept: "msg/s",
    memory: "MB",
    "memory, with reserve": "MB",
    drain: "msg/s",
    "restart to first publish": "ms",
    "longest block": "ms",
    "open the tab": "ms",
    "longest block, tab": "ms",
    download: "ms",
    "longest block, download": "ms",
    empty: "ms",
    "longest block, empty": "ms",
  },
  candidates: [{ name: "ours", start }],
  targets: [
    { of: of("memory"), atMost: 40 },
    { of: of("longest block"), atMost: 50 },
    { of: of("open the tab"), atMost: 1_000 },
    { of: of("longest block, tab"), atMost: 50 },
    { of: of("longest block, download"), atMost: 50 },
    { of: of("longest block, empty"), atMost: 50 },
  ],
};
