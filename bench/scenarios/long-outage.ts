// An outage of a million events whose messages are done when they are stored: what waits is on disk, and costs no memory.
import type { Arrivals } from "../children/tally";
import { OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import type { Running, Sample, Scenario } from "../scenario";

async function start(lab: Lab): Promise<Running> {
  const nodeRed = await MeasuredNodeRed.start(lab, { nodeOptions: ["--expose-gc"] });
  const { port } = lab.broker;
  const flow = outFlow("ours", { port, qos: 1, outbox: "disk", complete: "stored" });
  await nodeRed.deploy(flow);
  await nodeRed.connected(OUT);
  return { round: () => round(lab, nodeRed) };
}

async function round(lab: Lab, nodeRed: MeasuredNodeRed): Promise<Sample> {
  const { broker, consumer } = lab;
  const count = lab.scale.backlog * 10;
  await broker.kill();
  await nodeRed.ask("settle");
  await nodeRed.ask("watchLoop");
  const accepted = await nodeRed.ask<{ from: number; to: number }>("send", { count });
  const { megabytes } = await nodeRed.ask<{ megabytes: number }>("grown");

  await nodeRed.kill();
  await consumer.ask("expect", { count });
  await lab.restoreBroker();
  await nodeRed.resume();
  await nodeRed.ask("watchLoop");
  const drained = await consumer.ask<Arrivals>("complete");
  const started = await nodeRed.ask<{ at: number }>("started");
  const loop = await nodeRed.ask<{ longest: number }>("loop");
  await nodeRed.connected(OUT);
  return {
    figures: {
      accept: perSecond(count, accepted.to - accepted.from),
      memory: megabytes,
      drain: perSecond(count, drained.to - drained.first),
      "restart to first publish": drained.first - started.at,
      "longest block": loop.longest,
    },
  };
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
    drain: "msg/s",
    "restart to first publish": "ms",
    "longest block": "ms",
  },
  candidates: [{ name: "ours", start }],
  targets: [
    { of: of("memory"), atMost: 40 },
    { of: of("longest block"), atMost: 50 },
  ],
};
