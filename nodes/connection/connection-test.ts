// One attempt at the broker, so that a person learns whether settings work: connects, subscribes and
// leaves. It publishes nothing, keeps no session, and takes over no other client.
import { connect, type MqttClient } from "mqtt";
import { formatBrokerUrl } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import { anyDeviceFilter } from "../protocol/topics";
import { testClientId } from "./client-id";
import { connectionFailure } from "./failure";
import { type ConnectionSettings, clientOptions, closeClient } from "./mqtt-client";
import { subscribeOnce } from "./subscription-wire";
import { TIMING } from "./timing";

export interface ConnectionTest {
  /** Milliseconds from SUBSCRIBE to SUBACK. */
  readonly roundTrip: number;
}

/** Milliseconds until the answer must be there. */
const DEADLINE = 10_000;

/** Milliseconds for DISCONNECT; a person is waiting. */
const GOODBYE = 500;

/** SUBACK: this and above is a refusal (MQTT-3.9.3-2; MQTT 5, table 3-7). */
const REFUSED = 0x80;

/**
 * Rejects with the M1Error that a connection with these settings would show, or with
 * MQTT_NOT_SPOKEN or SUBSCRIPTION_REFUSED. Whatever happens, the client has ended by then.
 */
export async function testConnection(
  settings: ConnectionSettings,
  deadline = DEADLINE,
): Promise<ConnectionTest> {
  const own = { ...settings, clientId: testClientId(settings.clientId), cleanSession: true };
  const client = open(own);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      subscribe(client, own),
      failure(client, own),
      new Promise<never>((_resolve, reject) => {
        const late = new M1Error("TIMED_OUT", { broker: formatBrokerUrl(own.broker) });
        timer = setTimeout(() => reject(late), deadline);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    await leave(client);
  }
}

function open(settings: ConnectionSettings): MqttClient {
  try {
    return connect(clientOptions(settings, TIMING));
  } catch (error) {
    // mqtt.js and tls throw on unusable keys and certificates.
    throw connectionFailure(error, settings);
  }
}

/** Rejects with whatever goes wrong first; what follows are consequences. */
function failure(client: MqttClient, settings: ConnectionSettings): Promise<never> {
  const { broker } = settings;
  let speaksMqtt = false;
  client.once("connect", () => {
    speaksMqtt = true;
  });
  return new Promise((_resolve, reject) => {
    const fail = (reason: M1Error) => {
      const isClosed = reason.code === "CONNECTION_CLOSED" || reason.code === "CONNECTION_LOST";
      // Not of a WebSocket: there the reason holds what the web server said.
      const isPuzzling = isClosed && !speaksMqtt && broker.scheme.startsWith("mqtt");
      const url = formatBrokerUrl(broker);
      reject(isPuzzling ? new M1Error("MQTT_NOT_SPOKEN", { broker: url }) : reason);
    };
    const failed = (error: unknown) => fail(connectionFailure(error, settings));
    client.on("error", failed);
    // mqtt.js keeps to itself what has no code, such as a web server's refusal.
    client.stream.on("error", failed);
    client.on("close", () => fail(new M1Error("CONNECTION_CLOSED")));
  });
}

/** What every user may subscribe to, so a refusal shows that rights are missing. */
async function subscribe(
  client: MqttClient,
  { identity: who }: ConnectionSettings,
): Promise<ConnectionTest> {
  await new Promise((resolve) => client.once("connect", resolve));
  const filter = anyDeviceFilter(who);
  const start = performance.now();
  const [granted = REFUSED] = await subscribeOnce(client, [[filter, 0]]);
  if (granted >= REFUSED) throw new M1Error("SUBSCRIPTION_REFUSED", { filter });
  return { roundTrip: performance.now() - start };
}

async function leave(client: MqttClient): Promise<void> {
  if (client.connected) await closeClient(client, true, GOODBYE);
  else client.end(true);
  client.stream.destroy();
}
