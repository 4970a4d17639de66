// A client of the tests' own beside the package's: it hears everything on its filters, in order, and publishes.
import { EventEmitter, once } from "node:events";
import { connectAsync, type MqttClient } from "mqtt";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";

export interface Heard {
  readonly topic: string;
  readonly payload: Buffer;
}

/** A user of the broker that may read and write everything. */
export const OBSERVER = { username: "observer", password: "observes" };

/** For mosquitto: the demo user with the rights that Medium One gives it, and the observer. */
export const DEMO_BROKER = {
  users: {
    [`${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}`]: `${DEMO_ACCOUNT.apiKey}/${DEMO_ACCOUNT.userPassword}`,
    [OBSERVER.username]: OBSERVER.password,
  },
  acl: [
    `user ${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}`,
    `topic write 0/${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}/#`,
    `topic read 1/${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}/#`,
    `topic read 2/${DEMO_ACCOUNT.projectMqtt}/#`,
    `user ${OBSERVER.username}`,
    "topic readwrite #",
  ],
  // Nothing that a test counts may be thrown away by the broker.
  settings: ["max_queued_messages 0"],
};

export class Observer {
  readonly heard: Heard[] = [];
  readonly #client: MqttClient;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("message", (topic, payload) => {
      this.heard.push({ topic, payload });
      this.#changes.emit("heard");
    });
    // The broker may be killed under it; it comes back by itself.
    client.on("error", () => undefined);
  }

  static async start(broker: { readonly url: string }, filters = ["0/#"]): Promise<Observer> {
    const clientId = `observer-${Math.random().toString(16).slice(2)}`;
    const options = { ...OBSERVER, clientId, clean: false, reconnectPeriod: 20 };
    const client = await connectAsync(broker.url, options);
    const observer = new Observer(client);
    if (filters.length > 0) await client.subscribeAsync(filters, { qos: 1 });
    return observer;
  }

  publish(topic: string, payload: string | Buffer): Promise<unknown> {
    return this.#client.publishAsync(topic, payload, { qos: 1 });
  }

  /** Resolves once `enough` holds for what has been heard, which is asked after each message. */
  async until(enough: (heard: readonly Heard[]) => boolean): Promise<readonly Heard[]> {
    while (!enough(this.heard)) await once(this.#changes, "heard");
    return this.heard;
  }

  /** The numbers that events carry under `value`, repetitions included, once `count` different ones came. */
  async numbers(count: number): Promise<number[]> {
    const different = new Set<number>();
    let read = 0;
    await this.until((heard) => {
      for (; read < heard.length; read += 1) different.add(numberOf(heard[read] as Heard));
      return different.size >= count;
    });
    return this.heard.map(numberOf);
  }

  stop(): Promise<void> {
    return this.#client.endAsync(true);
  }
}

function numberOf({ payload }: Heard): number {
  const { event_data } = JSON.parse(payload.toString()) as { event_data: { value: number } };
  return event_data.value;
}
