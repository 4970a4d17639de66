// Events out: how fast a flow's readings reach the broker.

import type { Launch } from "../../test/support/node-red";
import { Child, type Servant } from "../child";
import type { Reading } from "../children/meter";
import { ENVELOPE, eventTopic, type Maker, OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { MeasuredNodeRed } from "../node-red";
import { filledRound, type Timed } from "../rounds";
import type { Candidate, Running, Scenario } from "../scenario";

interface EventOut {
  readonly id: string;
  readonly title: string;
  readonly qos: 0 | 1;
  readonly outbox: "memory" | "disk";
  readonly launch?: Launch;
  readonly isLastOnly?: boolean;
  /** Ours to each of the others, at least. */
  readonly targets: Readonly<Record<string, number>>;
}

export function eventOut(options: EventOut): Scenario {
  const { id, title, targets, isLastOnly = true, ...sending } = options;
  const candidates = [
    nodeRedSender("ours", sending),
    nodeRedSender("core", sending),
    ...(sending.launch ? [] : [bareSender(sending.qos)]),
  ];
  const figure = "events";
  return {
    id,
    title,
    isLastOnly,
    figures: { [figure]: "msg/s" },
    candidates,
    targets: Object.entries(targets).map(([candidate, atLeast]) => ({
      of: { candidate: "ours", figure },
      over: { candidate, figure },
      atLeast,
    })),
  };
}

type Sending = Pick<EventOut, "qos" | "outbox" | "launch">;

function nodeRedSender(maker: Maker, { launch, qos, outbox }: Sending): Candidate {
  return {
    name: maker,
    async start(lab) {
      const nodeRed = await MeasuredNodeRed.start(lab, launch);
      await nodeRed.deploy(outFlow(maker, { port: lab.broker.port, qos, outbox }));
      await nodeRed.connected(OUT);
      return sender(lab, nodeRed, {});
    },
  };
}

function bareSender(qos: 0 | 1): Candidate {
  return {
    name: "bare",
    async start(lab) {
      const bare = new Child("bare");
      lab.onClose(() => bare.stop());
      await bare.ask("connect", { url: lab.broker.url });
      const topics = { topic: eventTopic("bare", false), last: eventTopic("bare", true) };
      return sender(lab, bare, { ...topics, payload: ENVELOPE, qos });
    },
  };
}

function sender(lab: Lab, servant: Servant, parameters: object): Running {
  const run = (count: number) => sendEvents(lab, servant, { ...parameters, count });
  return { round: filledRound(lab, run) };
}

/** From the first message that is sent to the last that the consumer has. */
export async function sendEvents(
  lab: Lab,
  servant: Servant,
  parameters: { readonly count: number },
): Promise<Timed> {
  const { count } = parameters;
  await lab.expect(count);
  const [sent, arrived] = await Promise.all([
    servant.ask<Reading>("send", parameters),
    lab.consumer.ask<Reading>("complete"),
  ]);
  const seconds = (Math.max(sent.to, arrived.to) - sent.from) / 1000;
  const figures = { events: count / seconds };
  return { seconds, sample: { figures, cpu: sent.cpu / count, rss: sent.rss } };
}

export const eventsOut: readonly Scenario[] = [
  eventOut({
    id: "event-out-qos-0",
    title: "event out, QoS 0",
    qos: 0,
    outbox: "memory",
    targets: { core: 1 },
  }),
  eventOut({
    id: "event-out-memory",
    title: "event out, QoS 1, memory",
    qos: 1,
    outbox: "memory",
    targets: { core: 1.05, bare: 0.9 },
  }),
  eventOut({
    id: "event-out-disk",
    title: "event out, QoS 1, disk outbox",
    qos: 1,
    outbox: "disk",
    targets: { core: 1 },
  }),
  // Four processes on two cores, and all of them busy: what it leaves out of the others shows here.
  eventOut({
    id: "event-out-received",
    title: "event out, QoS 1, memory, all received",
    qos: 1,
    outbox: "memory",
    isLastOnly: false,
    targets: {},
  }),
];
