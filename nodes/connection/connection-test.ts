// One attempt at each address, so that a person learns whether settings work: connects, subscribes and
// leaves. It publishes nothing, keeps no session, and takes over no other client.
import { connect, type MqttClient } from "mqtt";
import { type BrokerUrl, formatBrokerUrl } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import type { ProtocolVersion } from "../protocol/settings";
import { anyDeviceFilter } from "../protocol/topics";
import { testClientId } from "./client-id";
import {
  clientFailure,
  connectionFailure,
  failureBeforeConnack,
  isVersionInDoubt,
} from "./failure";
import { firstBytes } from "./foreign-peer";
import {
  type ConnectionSettings,
  clientOptions,
  closeClient,
  refuseBadPackets,
} from "./mqtt-client";
import { REFUSED, subscribeOnce } from "./subscription-wire";

/** What came of one address. */
export interface AddressTest {
  readonly broker: string;
  /** Milliseconds from SUBSCRIBE to SUBACK, if it works. */
  readonly roundTrip?: number;
  /**
   * If it does not, what a connection with these settings would show, or MQTT_NOT_SPOKEN,
   * SUBSCRIPTION_REFUSED or ONLY_MQTT_3.
   */
  readonly error?: M1Error;
}

/** Milliseconds until the answer must be there. */
const DEADLINE = 10_000;

/** Milliseconds for DISCONNECT; a person is waiting. */
const GOODBYE = 500;

interface Attempt {
  readonly settings: ConnectionSettings;
  readonly broker: BrokerUrl;
  /** When it must be over, on `performance`'s clock. */
  readonly deadline: number;
}

/** Tests all addresses at the same time, each in `milliseconds` at the most. Whatever happens, the clients have ended by then. */
export function testConnection(
  settings: ConnectionSettings,
  milliseconds = DEADLINE,
): Promise<AddressTest[]> {
  const deadline = performance.now() + milliseconds;
  const tests = settings.brokers.map((broker) => testAddress({ settings, broker, deadline }));
  return Promise.all(tests);
}

async function testAddress(attempt: Attempt): Promise<AddressTest> {
  const broker = formatBrokerUrl(attempt.broker);
  try {
    return { broker, roundTrip: await roundTripInAnyVersion(attempt) };
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    return { broker, error };
  }
}

/** Rejects with ONLY_MQTT_3 where MQTT 5 was asked for and only 3.1.1 works. */
async function roundTripInAnyVersion(attempt: Attempt): Promise<number> {
  try {
    return await roundTrip(attempt);
  } catch (error) {
    if (attempt.settings.protocolVersion !== 5 || !isVersionInDoubt(error)) throw error;
  }
  await roundTrip({ ...attempt, settings: inVersion(attempt.settings, 4) });
  throw new M1Error("ONLY_MQTT_3", { broker: formatBrokerUrl(attempt.broker) });
}

function inVersion(
  settings: ConnectionSettings,
  protocolVersion: ProtocolVersion,
): ConnectionSettings {
  return { ...settings, protocolVersion };
}

/** Milliseconds from SUBSCRIBE to SUBACK. */
async function roundTrip({ settings, broker, deadline }: Attempt): Promise<number> {
  const own = { ...settings, clientId: testClientId(settings.clientId), cleanSession: true };
  const milliseconds = deadline - performance.now();
  const client = open(own, broker, milliseconds);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      subscribe(client, own),
      failure(client, own, broker),
      new Promise<never>((_resolve, reject) => {
        const late = new M1Error("TIMED_OUT", { broker: formatBrokerUrl(broker) });
        timer = setTimeout(() => reject(late), milliseconds);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    await leave(client);
  }
}

function open(settings: ConnectionSettings, broker: BrokerUrl, milliseconds: number): MqttClient {
  try {
    // A little later than our own deadline, which has the better words.
    const client = connect(clientOptions(settings, broker, milliseconds + GOODBYE));
    refuseBadPackets(client);
    return client;
  } catch (error) {
    // mqtt.js and tls throw on unusable keys and certificates.
    throw connectionFailure(error, { broker, clientId: settings.clientId });
  }
}

/** Rejects with whatever goes wrong first; what follows are consequences. */
function failure(
  client: MqttClient,
  { clientId }: ConnectionSettings,
  broker: BrokerUrl,
): Promise<never> {
  const bytes = firstBytes(client);
  let speaksMqtt = false;
  client.once("connect", () => {
    speaksMqtt = true;
  });
  return new Promise((_resolve, reject) => {
    const fail = (reason: M1Error) => {
      // Whether it is the version, in MQTT 5, the next attempt will show.
      reject(speaksMqtt ? reason : failureBeforeConnack(reason, 4, broker, bytes()));
    };
    const context = { broker, clientId };
    client.on("error", (error) => fail(clientFailure(error, context)));
    // mqtt.js keeps to itself what has no code, such as a web server's refusal.
    client.stream.on("error", (error) => fail(connectionFailure(error, context)));
    client.on("close", () => fail(new M1Error("CONNECTION_CLOSED")));
  });
}

/** What every user may subscribe to, so a refusal shows that rights are missing. */
async function subscribe(
  client: MqttClient,
  { identity: who }: ConnectionSettings,
): Promise<number> {
  await new Promise((resolve) => client.once("connect", resolve));
  const filter = anyDeviceFilter(who);
  const start = performance.now();
  const [granted = REFUSED] = await subscribeOnce(client, [[filter, 0]]);
  if (granted >= REFUSED) throw new M1Error("SUBSCRIPTION_REFUSED", { filter });
  return performance.now() - start;
}

async function leave(client: MqttClient): Promise<void> {
  if (client.connected) await closeClient(client, true, GOODBYE);
  else client.end(true);
  client.stream.destroy();
}
