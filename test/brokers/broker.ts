// What a broker of the lab is: how it runs, where the cloud's end is, and what it is known to do otherwise.
import { EventEmitter, once } from "node:events";
import { connectAsync, type ISubscriptionMap, type MqttClient } from "mqtt";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";

/**
 * What a broker may do otherwise than MQTT asks, or than others do. The promises are about our side, and each
 * holds on every broker; where one of these is named, what our side makes of it is what is promised.
 */
export type Peculiarity =
  | "closesOnMqtt5"
  | "refusesMqtt5"
  | "qos2AsQoS1"
  | "retainedOnlyForExactTopics"
  | "grantsForbiddenSubscriptions"
  | "closesOnForbiddenSubscription"
  | "refusesSubscriptionUnreadably"
  | "dotBecomesSlash"
  | "starBecomesPlus"
  | "closesOnRefusedPublish";

export interface LabBroker {
  readonly name: string;
  readonly peculiarities: ReadonlySet<Peculiarity>;
  /** With the demo user, who has the rights that Medium One gives it, and the cloud's own. */
  start(): Promise<RunningBroker>;
}

export interface RunningBroker {
  readonly url: string;
  readonly cloud: Cloud;
  /** As a power cut would. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

/** The other side: it hears every event and sends to devices and groups. */
export interface Cloud {
  readonly heard: readonly Message[];
  send(
    topic: string,
    payload: string,
    options?: { qos?: 0 | 1 | 2; retain?: boolean },
  ): Promise<void>;
  /** Resolves once `enough` holds for what has been heard. */
  until(enough: (heard: readonly Message[]) => boolean): Promise<void>;
}

/** By user name: the password. */
export const DEVICE_USER = `${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}`;
export const DEVICE_PASSWORD = `${DEMO_ACCOUNT.apiKey}/${DEMO_ACCOUNT.userPassword}`;
export const CLOUD_USER = { username: "cloud", password: "reads-and-writes" };

/** The cloud as a client of the broker that may do everything. */
export class MqttCloud implements Cloud {
  readonly heard: Message[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #client: MqttClient | undefined;

  /** To one of the addresses; to the next when it is lost. */
  async connect(...urls: readonly string[]): Promise<void> {
    const clientId = `cloud-${process.pid}`;
    const servers = urls.map((url) => {
      const { hostname, port } = new URL(url);
      return { protocol: "mqtt", host: hostname, port: Number(port) } as const;
    });
    const options = { ...CLOUD_USER, clientId, clean: false, reconnectPeriod: 50 };
    const client = await connectAsync({ ...options, servers });
    client.on("message", (topic, payload) => {
      this.heard.push({ topic, payload: payload.toString() });
      this.#changes.emit("heard");
    });
    // The broker is killed under it; it comes back by itself.
    client.on("error", () => undefined);
    this.#client = client;
    await this.subscribe();
  }

  /** Once more where the broker has forgotten it; resolves once that knows. */
  async subscribe(): Promise<void> {
    // mqtt.js answers at once for a filter that it has subscribed to before, connected or not, unless it is told.
    const filters: object = { "0/#": { qos: 1 }, resubscribe: true };
    const granted = await this.#client?.subscribeAsync(filters as ISubscriptionMap);
    if (granted?.length !== 1) throw new Error("The cloud has not subscribed");
  }

  async send(topic: string, payload: string, options: { qos?: 0 | 1 | 2; retain?: boolean } = {}) {
    await this.#client?.publishAsync(topic, payload, { qos: 1, ...options });
  }

  async until(enough: (heard: readonly Message[]) => boolean): Promise<void> {
    while (!enough(this.heard)) await once(this.#changes, "heard");
  }

  async leave(): Promise<void> {
    await this.#client?.endAsync(true);
  }
}
