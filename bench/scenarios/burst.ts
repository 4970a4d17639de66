// A burst: all messages handed over in one turn of the event loop, while the broker is there.

import { type Maker, OUT, outFlow } from "../flows";
import { MeasuredNodeRed } from "../node-red";
import type { Candidate, Scenario } from "../scenario";
import { sendEvents } from "./event-out";

const FIGURE = "events";

function sender(name: string, maker: Maker, outbox: "memory" | "disk"): Candidate {
  return {
    name,
    async start(lab) {
      const nodeRed = await MeasuredNodeRed.start(lab);
      await nodeRed.deploy(outFlow(maker, { port: lab.broker.port, qos: 1, outbox }));
      await nodeRed.connected(OUT);
      // As many as core's can bear at once: MQTT has 65,535 packet identifiers.
      const count = lab.scale.backlog * 0.6;
      const all = { count, outstanding: count };
      return { round: async () => (await sendEvents(lab, nodeRed, all)).sample };
    },
  };
}

const common = {
  figures: { [FIGURE]: "msg/s" },
  candidates: [
    sender("ours, disk", "ours", "disk"),
    sender("ours, memory", "ours", "memory"),
    sender("core", "core", "memory"),
  ],
} as const;

export const bursts: readonly Scenario[] = [
  {
    ...common,
    id: "burst",
    title: "burst, QoS 1",
    isLastOnly: true,
    targets: [
      {
        of: { candidate: "ours, disk", figure: FIGURE },
        over: { candidate: "core", figure: FIGURE },
        atLeast: 0.9,
      },
      {
        of: { candidate: "ours, memory", figure: FIGURE },
        over: { candidate: "core", figure: FIGURE },
        atLeast: 1,
      },
    ],
  },
  { ...common, id: "burst-received", title: "burst, QoS 1, all received", targets: [] },
];
