// Events out: how fast a flow's readings reach the broker.
import { Child, type Servant } from "../child";
import type { Reading } from "../children/meter";
import { ENVELOPE, eventTopic, type Maker, OUT, outFlow } from "../flows";
import type { Lab } from "../lab";
import { type Launch, MeasuredNodeRed } from "../node-red";
import { messagesFor } from "../rounds";
import type { Candidate, Running, Sample, Scenario, Target } from "../scenario";

export interface Sending {
  readonly qos: 0 | 1;
  readonly outbox: "memory" | "disk";
  readonly launch?: Launch;
}

const RATE = "events";

export function nodeRedSender(maker: Maker, { launch, ...sending }: Sending): Candidate {
  return {
    name: maker,
    async start(lab) {
      const nodeRed = await MeasuredNodeRed.start(launch);
      await nodeRed.deploy(outFlow(maker, { port: lab.broker.port, ...sending }));
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
      await bare.ask("connect", { url: lab.broker.url });
      return sender(lab, bare, { topic: eventTopic("bare"), payload: ENVELOPE, qos });
    },
  };
}

async function sender(lab: Lab, servant: Servant, parameters: object): Promise<Running> {
  const run = (count: number) => sendEvents(lab, servant, { ...parameters, count });
  const count = await messagesFor(lab.seconds, async (tried) => (await run(tried)).seconds);
  return {
    round: async () => (await run(count)).sample,
    stop: () => servant.stop(),
  };
}

/** From the first message that is sent to the last that the consumer has. */
export async function sendEvents(
  { consumer }: Lab,
  servant: Servant,
  parameters: { readonly count: number },
): Promise<{ seconds: number; sample: Sample }> {
  const { count } = parameters;
  await consumer.ask("expect", { count });
  const [sent, arrived] = await Promise.all([
    servant.ask<Reading>("send", parameters),
    consumer.ask<Reading>("complete"),
  ]);
  const seconds = (Math.max(sent.to, arrived.to) - sent.from) / 1000;
  const figures = { [RATE]: count / seconds };
  return { seconds, sample: { figures, cpu: sent.cpu / count, rss: sent.rss } };
}

function atLeast(share: number, candidate: string): Target {
  const figure = RATE;
  return { of: { candidate: "ours", figure }, over: { candidate, figure }, atLeast: share };
}

function eventOut(id: string, title: string, sending: Sending, targets: Target[]): Scenario {
  const candidates = [nodeRedSender("ours", sending), nodeRedSender("core", sending)];
  candidates.push(bareSender(sending.qos));
  return { id, title, figures: { [RATE]: "msg/s" }, candidates, targets };
}

export const eventOutQos0 = eventOut(
  "event-out-qos-0",
  "event out, QoS 0",
  { qos: 0, outbox: "memory" },
  [atLeast(1, "core")],
);

export const eventOutMemory = eventOut(
  "event-out-memory",
  "event out, QoS 1, memory",
  { qos: 1, outbox: "memory" },
  [atLeast(1.05, "core"), atLeast(0.9, "bare")],
);

export const eventOutDisk = eventOut(
  "event-out-disk",
  "event out, QoS 1, disk outbox",
  { qos: 1, outbox: "disk" },
  [atLeast(1, "core")],
);
