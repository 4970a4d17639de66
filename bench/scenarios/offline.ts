// A long outage: how fast events are put by on disk, and how soon and fast they are sent after it.
import path from "node:path";
import type { Arrivals } from "../children/tally";
import { OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import type { Running, Sample, Scenario } from "../scenario";
import { sendEvents } from "./event-out";

const store = path.resolve(__dirname, "../../dist/outbox/event-store.js");

async function start(lab: Lab): Promise<Running> {
  const nodeRed = await MeasuredNodeRed.start(lab);
  await nodeRed.ask("watchStore", { store });
  const { port } = lab.broker;
  await nodeRed.deploy(outFlow("ours", { port, qos: 1, outbox: "disk" }));
  await nodeRed.connected(OUT);
  return { round: () => round(lab, nodeRed) };
}

async function round(lab: Lab, nodeRed: MeasuredNodeRed): Promise<Sample> {
  const { consumer, broker } = lab;
  const count = lab.scale.backlog;
  await broker.kill();
  const first = await accept(nodeRed, count);
  await consumer.ask("expect", { count });
  // Or it might send events before the consumer has subscribed.
  await nodeRed.frozen(() => lab.restoreBroker());
  const drained = await consumer.ask<Arrivals>("complete");
  await first.sent;
  const { sample } = await sendEvents(lab, nodeRed, { count });

  await broker.kill();
  await accept(nodeRed, count);
  await nodeRed.kill();
  await consumer.ask("expect", { count });
  await lab.restoreBroker();
  await nodeRed.resume();
  const recovered = await consumer.ask<Arrivals>("complete");
  const started = await nodeRed.ask<{ at: number }>("started");
  await nodeRed.ask("watchStore", { store });
  await nodeRed.connected(OUT);
  return {
    figures: {
      accept: first.rate,
      drain: perSecond(count, drained.to - drained.first),
      "drain after a restart": perSecond(count, recovered.to - recovered.first),
      online: sample.figures.events ?? Number.NaN,
      "restart to first publish": recovered.first - started.at,
    },
    ...(sample.rss === undefined ? {} : { rss: sample.rss }),
  };
}

/** Resolves once all are written to the disk; `sent`, once all are acknowledged, if that ever comes. */
async function accept(nodeRed: MeasuredNodeRed, count: number) {
  await nodeRed.ask("expectWritten", { count });
  const sent = nodeRed.ask("send", { count, outstanding: count });
  // It fails where Node-RED is killed meanwhile.
  const settled = sent.catch(() => undefined);
  const { from, to } = await nodeRed.ask<Arrivals>("written");
  const rate = perSecond(count, to - from);
  return { rate, sent: settled };
}

function perSecond(count: number, milliseconds: number): number {
  return (count * 1000) / milliseconds;
}

function of(figure: string) {
  return { candidate: "ours", figure };
}

export const offline: Scenario = {
  id: "offline",
  title: "offline, disk outbox",
  figures: {
    accept: "msg/s",
    drain: "msg/s",
    "drain after a restart": "msg/s",
    online: "msg/s",
    "restart to first publish": "ms",
  },
  candidates: [{ name: "ours", start }],
  targets: [
    { of: of("accept"), atLeast: 50_000 },
    { of: of("drain"), over: of("online"), atLeast: 0.8 },
    { of: of("drain after a restart"), over: of("online"), atLeast: 0.8 },
    { of: of("restart to first publish"), atMost: 500 },
  ],
};
