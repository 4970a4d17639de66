// Messages in: how fast what the cloud sends to devices goes through a flow.

import type { Launch } from "../../test/support/node-red";
import { Child, type Servant } from "../child";
import type { Reading } from "../children/meter";
import { deviceTopic, ENVELOPE, inFlow, type Maker, updateTopic } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import { filledRound, type Timed } from "../rounds";
import type { Candidate, Running, Scenario, Target } from "../scenario";

const RATE = "messages";

export function nodeRedReceiver(maker: Maker, nodes: number, launch?: Launch): Candidate {
  return {
    name: `${maker}, ${nodes}`,
    async start(lab) {
      const user = `${maker}-${nodes}`;
      const nodeRed = await MeasuredNodeRed.start(lab, launch);
      // Retained for the last node: it shows when its subscription stands.
      const topics = [updateTopic(user, nodes - 1)];
      await lab.producer.ask("publish", { count: 1, topics, payload: ENVELOPE, retain: true });
      await nodeRed.ask("expect", { count: 1 });
      await nodeRed.deploy(inFlow(maker, user, lab.broker.port, nodes));
      await nodeRed.ask("complete");
      return receiver(lab, nodeRed, topicsOf(user, nodes));
    },
  };
}

const bareReceiver: Candidate = {
  name: "bare",
  async start(lab) {
    const bare = new Child("bare");
    lab.onClose(() => bare.stop());
    const topics = topicsOf("bare", 1);
    await bare.ask("connect", { url: lab.broker.url });
    await bare.ask("subscribe", { filter: topics[0] });
    return receiver(lab, bare, topics);
  },
};

function topicsOf(user: string, nodes: number): string[] {
  return Array.from({ length: nodes }, (_, index) => deviceTopic(user, index));
}

function receiver(lab: Lab, servant: Servant, topics: readonly string[]): Running {
  const run = (count: number) => receiveMessages(lab, servant, { topics, count });
  return { round: filledRound(lab, run) };
}

let runs = 0;

/** From a moment before the cloud publishes to the last message that came out of the nodes. */
async function receiveMessages(
  { producer, progressPort }: Lab,
  servant: Servant,
  { topics, count }: { readonly topics: readonly string[]; readonly count: number },
): Promise<Timed> {
  runs += 1;
  const run = runs;
  await servant.ask("expect", { count, progress: { port: progressPort, run } });
  const [{ from, to, cpu, rss }] = await Promise.all([
    servant.ask<Reading>("complete"),
    producer.ask("publish", { count, topics, payload: ENVELOPE, run }),
  ]);
  const seconds = (to - from) / 1000;
  return { seconds, sample: { figures: { [RATE]: count / seconds }, cpu: cpu / count, rss } };
}

function ratio(of: string, over: string, atLeast: number): Target {
  const figure = RATE;
  return { of: { candidate: of, figure }, over: { candidate: over, figure }, atLeast };
}

interface DeviceIn {
  readonly id: string;
  readonly title: string;
  readonly launch?: Launch;
  /** Ours to each of the others, at least. */
  readonly targets: Readonly<Record<string, number>>;
}

export function deviceInOne({ id, title, launch, targets }: DeviceIn): Scenario {
  return {
    id,
    title,
    figures: { [RATE]: "msg/s" },
    candidates: [
      nodeRedReceiver("ours", 1, launch),
      nodeRedReceiver("core", 1, launch),
      ...(launch ? [] : [bareReceiver]),
    ],
    targets: Object.entries(targets).map(([over, atLeast]) => ratio("ours, 1", over, atLeast)),
  };
}

export const devicesIn: readonly Scenario[] = [
  deviceInOne({
    id: "device-in",
    title: "device in, QoS 1, JSON, 1 node",
    targets: { "core, 1": 1, bare: 0.75 },
  }),
  {
    id: "device-in-many",
    title: "device in, many nodes, one device each",
    figures: { [RATE]: "msg/s" },
    candidates: [1, 100, 1_000, 10_000].flatMap((nodes) => {
      const ours = nodeRedReceiver("ours", nodes);
      return nodes < 10_000 ? [ours, nodeRedReceiver("core", nodes)] : [ours];
    }),
    targets: [ratio("ours, 10000", "ours, 1", 0.9), ratio("ours, 10000", "core, 1000", 30)],
  },
];
