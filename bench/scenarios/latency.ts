// Events at a steady rate: how long each takes from its node to the cloud.

import type { Paced } from "../children/pace";
import type { Arrivals } from "../children/tally";
import { type Maker, OUT, type OutOptions, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import type { Candidate, Sample, Scenario } from "../scenario";

/** Milliseconds: nothing takes an event that long but waiting for a timer. */
const LONG = 8;
const OVER = `over ${LONG} ms`;
/** Of the whole process, for each event: at a maker's pace most of it is Node.js waking up. */
const CPU = "CPU";
/** Core's node behind a source that writes each message into a LevelDB first: the least that a disk can cost. */
const STORED = "core behind LevelDB";

interface Timed extends Arrivals {
  readonly times: readonly number[];
}

/** Events a second, and of a round of one second. */
function latency(rate: number, events: number): Scenario {
  const candidate = (
    name: string,
    maker: Maker,
    options: Pick<OutOptions, "outbox" | "isStored">,
  ): Candidate => ({
    name,
    async start(lab) {
      const nodeRed = await MeasuredNodeRed.start(lab);
      await nodeRed.deploy(outFlow(maker, { port: lab.broker.port, qos: 1, ...options }));
      await nodeRed.connected(OUT);
      const count = Math.ceil(events * lab.scale.seconds);
      return { round: () => round(lab, nodeRed, rate, count) };
    },
  });
  return {
    id: `latency-${rate}`,
    title: `latency at ${rate} events/s, QoS 1`,
    figures: { median: "ms", p99: "ms", [OVER]: "%", [CPU]: "µs" },
    candidates: [
      candidate("ours, memory", "ours", { outbox: "memory" }),
      candidate("ours, disk", "ours", { outbox: "disk" }),
      candidate("core", "core", { outbox: "memory" }),
      candidate(STORED, "core", { outbox: "memory", isStored: true }),
    ],
    targets: [
      ...["ours, memory", "ours, disk"].map((name) => ({
        of: { candidate: name, figure: OVER },
        atMost: 0.1,
      })),
      {
        of: { candidate: "ours, disk", figure: CPU },
        over: { candidate: "core", figure: CPU },
        atMost: 1.5,
      },
      {
        of: { candidate: "ours, disk", figure: CPU },
        over: { candidate: STORED, figure: CPU },
        atMost: 1.1,
      },
    ],
  };
}

/** One connection keeps the order: the event that arrives as the third was sent as the third. */
async function round(
  { consumer }: Lab,
  nodeRed: MeasuredNodeRed,
  rate: number,
  count: number,
): Promise<Sample> {
  await consumer.ask("expect", { count, timed: true });
  const [paced, arrived] = await Promise.all([
    nodeRed.ask<Paced>("pace", { count, rate }),
    consumer.ask<Timed>("complete"),
  ]);
  const taken = paced.sent.map((sent, index) => (arrived.times[index] ?? Number.NaN) - sent);
  taken.sort((one, other) => one - other);
  const at = (share: number) => taken[Math.floor(share * (count - 1))] ?? Number.NaN;
  const long = taken.filter((each) => each > LONG).length;
  return {
    figures: {
      median: at(0.5),
      p99: at(0.99),
      [OVER]: (long * 100) / count,
      [CPU]: paced.cpu / count,
    },
    rss: paced.rss,
  };
}

export const latencies: readonly Scenario[] = [latency(20, 100), latency(400, 800)];
