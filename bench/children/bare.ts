// The candidate "bare": mqtt.js and nothing else, in a process of its own.
import { connectAsync, type MqttClient } from "mqtt";
import { obey } from "./commands";
import type { Progress } from "./progress";
import { Tally } from "./tally";
import { Window } from "./window";

let client: MqttClient;
const tally = new Tally();

obey({
  async connect({ url }: { url: string }) {
    client = await connectAsync(url, { reconnectPeriod: 0 });
  },

  send(options: { count: number; topic: string; last: string; payload: string; qos: 0 | 1 }) {
    const { count, topic, last, payload, qos } = options;
    const finished = (error?: unknown) => window.finished(error);
    const window = new Window((isLast) =>
      client.publish(isLast ? last : topic, payload, { qos }, finished),
    );
    return window.run(count);
  },

  async subscribe({ filter }: { filter: string }) {
    client.on("message", (_topic, payload) => {
      JSON.parse(payload.toString());
      tally.add();
    });
    await client.subscribeAsync(filter, { qos: 1 });
  },
  expect({ count, progress }: { count: number; progress: Progress }) {
    tally.expect(count, progress);
  },
  complete: () => tally.complete(),
});
