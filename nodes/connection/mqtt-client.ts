// mqtt.js's client as this package uses it: its options, its pings, its packets that change subscriptions, its end.
import { Socket } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { IClientOptions, MqttClient } from "mqtt";
import { type BrokerUrl, isEncrypted } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import type { ProtocolVersion, QoS } from "../protocol/settings";
import type { Identity } from "../protocol/topics";
import type { SubscriptionWire } from "../subscriptions/subscriptions";
import type { Timing } from "./timing";

export interface ConnectionSettings {
  readonly broker: BrokerUrl;
  readonly identity: Identity;
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  readonly protocolVersion: ProtocolVersion;
  /** Seconds; 0 is off. */
  readonly keepalive: number;
  readonly cleanSession: boolean;
  /** What `tls.connect` takes beyond host and port; certificates are verified unless it says otherwise. */
  readonly tls: TlsOptions;
}

/** Brokers limit the length of a packet; ten thousand devices must not fail on it. */
const FILTERS_A_PACKET = 100;

/** To PINGREQ, or as good as that. */
const ANSWERS: ReadonlySet<string> = new Set(["pingresp", "puback", "pubcomp"]);

/** MQTT 5: a session that never expires, which is what 3.1.1 means by clean session 0. */
const NEVER_EXPIRES = 0xffff_ffff;

export function clientOptions(settings: ConnectionSettings, timing: Timing): IClientOptions {
  const { broker, protocolVersion, cleanSession } = settings;
  const isWebSocket = broker.scheme === "ws" || broker.scheme === "wss";
  const persistent = protocolVersion === 5 && !cleanSession;
  return {
    ...(isEncrypted(broker) ? { rejectUnauthorized: true, ...settings.tls } : {}),
    // mqtt.js passes on to a WebSocket only some of the TLS options, and not the server's name.
    ...(isWebSocket ? { path: broker.path, wsOptions: { ...settings.tls } } : {}),
    ...(persistent ? { properties: { sessionExpiryInterval: NEVER_EXPIRES } } : {}),
    protocol: broker.scheme,
    hostname: isWebSocket && broker.host.includes(":") ? `[${broker.host}]` : broker.host,
    port: broker.port,
    clientId: settings.clientId,
    username: settings.username,
    // As bytes: mqtt-packet would log text, under DEBUG=mqtt-packet*.
    password: Buffer.from(settings.password),
    keepalive: settings.keepalive,
    clean: cleanSession,
    protocolVersion,
    connectTimeout: timing.connect,
    // All this is done by the connection, its subscriptions and its outbox.
    reconnectPeriod: 0,
    reschedulePings: false,
    resubscribe: false,
    queueQoSZero: false,
    // mqtt.js would log the CONNECT packet, password included, under DEBUG=mqttjs*.
    log: () => undefined,
  } as IClientOptions;
}

/**
 * An acknowledgement shows as well as an answer to PINGREQ that the broker is there: on a slow uplink
 * the latter comes late. While none is awaited it puts nothing off: the broker wants to hear of us, too.
 */
export function acceptAcknowledgementsAsPings(client: MqttClient): void {
  let awaited = false;
  client.on("packetsend", ({ cmd }) => {
    if (cmd === "pingreq") awaited = true;
  });
  client.on("packetreceive", ({ cmd }) => {
    if (!awaited || !ANSWERS.has(cmd)) return;
    awaited = false;
    if (cmd !== "pingresp") client.reschedulePing(true);
  });
}

/** MQTT-3.2.2-21: the broker's keep-alive counts, even where ours is off; then mqtt.js would not see it. */
export function followServerKeepAlive(client: MqttClient): void {
  client.on("packetreceive", (packet) => {
    if (packet.cmd !== "connack") return;
    const { serverKeepAlive } = packet.properties ?? {};
    if (serverKeepAlive) client.options.keepalive = serverKeepAlive;
  });
}

/** Resolves when the socket is closed: by DISCONNECT if `graceful`, by force after `deadline` ms. */
export function closeClient(
  client: MqttClient,
  graceful: boolean,
  deadline: number,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      client.stream.destroy();
      resolve();
    }, deadline);
    client.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    client.end(!graceful);
  });
}

/** `sendNow` sends what the client's stream has gathered. Each answer takes `acknowledge` milliseconds at the most. */
export function subscriptionWire(
  client: MqttClient,
  sendNow: () => void,
  { acknowledge }: Timing,
): SubscriptionWire {
  return {
    async subscribe(filters) {
      const codes = new Map<string, number>();
      for (const batch of batches([...filters])) {
        const answer = atOnce(client, sendNow, () => subscribeOnce(client, batch));
        const granted = await within(acknowledge, answer);
        batch.forEach(([filter], index) => {
          codes.set(filter, granted[index] ?? 128);
        });
      }
      return codes;
    },
    async unsubscribe(filters) {
      for (const batch of batches(filters)) {
        await within(acknowledge, client.unsubscribeAsync([...batch]));
      }
    },
  };
}

/**
 * A small packet waits until TCP has heard of the one before, which may take it 40 ms. Under load that
 * makes the broker answer many events together; somebody who has pressed Deploy need not wait for it.
 */
async function atOnce<T>(
  { stream }: MqttClient,
  sendNow: () => void,
  exchange: () => Promise<T>,
): Promise<T> {
  const socket = stream instanceof Socket ? stream : undefined;
  socket?.setNoDelay(true);
  try {
    const answer = exchange();
    sendNow();
    return await answer;
  } finally {
    socket?.setNoDelay(false);
  }
}

/** Rejects with KEEPALIVE_LOST if the answer takes longer than so many milliseconds. */
async function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new M1Error("KEEPALIVE_LOST")), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function subscribeOnce(
  client: MqttClient,
  batch: readonly [string, QoS][],
): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const filters = Object.fromEntries(batch.map(([filter, qos]) => [filter, { qos }]));
    client.subscribe(filters, (error, _grants, suback) => {
      // mqtt.js makes an error of a refused filter, but hands over the whole answer all the same.
      if (suback) resolve(suback.granted as number[]);
      else reject(error ?? new Error("no SUBACK"));
    });
  });
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += FILTERS_A_PACKET) {
    yield items.slice(start, start + FILTERS_A_PACKET);
  }
}
