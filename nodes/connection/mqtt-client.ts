// mqtt.js's client as this package uses it: how it is opened and closed, and what shows that the broker is there.
import { Socket } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { type BrokerUrl, isEncrypted } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import type { ProtocolVersion } from "../protocol/settings";
import type { Identity } from "../protocol/topics";
import type { BrokerUrls } from "./broker-addresses";
import { EmptyStore } from "./empty-store";
import { firstBytes } from "./foreign-peer";
import { PacketIdentifiers } from "./packet-identifiers";
import type { Session } from "./session";
import { coalesceWrites } from "./write-coalescing";

export interface ConnectionSettings {
  /** In the order in which they are tried. */
  readonly brokers: BrokerUrls;
  readonly identity: Identity;
  readonly username: string;
  readonly password: string;
  readonly clientId: string;
  readonly protocolVersion: ProtocolVersion;
  /** Seconds; 0 is off. */
  readonly keepalive: number;
  readonly cleanSession: boolean;
  /** Events per second at most; Infinity is as fast as the broker acknowledges. */
  readonly sendRate: number;
  /** What `tls.connect` takes beyond host and port; certificates are verified unless it says otherwise. */
  readonly tls: TlsOptions;
}

export interface OpenClient {
  readonly client: MqttClient;
  readonly flush: () => void;
  readonly firstBytes: () => Uint8Array | undefined;
}

/** Packets that answer a PINGREQ, or are as good as that. */
const ANSWERS: ReadonlySet<string> = new Set(["pingresp", "puback", "pubcomp"]);

/**
 * Bytes of a packet from the broker, at the most. Medium One sends some 100 KB; MQTT allows 256 MB, all of which
 * mqtt.js would gather in memory before anybody knows what it is.
 */
const LONGEST_PACKET = 16 * 1_024 * 1_024;

/** What mqtt-packet says where the bytes for it are missing. */
const NO_IDENTIFIER = -1;

/** MQTT 5: a session that never expires, which is what 3.1.1 means by clean session 0. */
const NEVER_EXPIRES = 0xffff_ffff;

/**
 * Begins to connect to `broker`, for `connectTimeout` milliseconds at the most. `flush` sends what the client
 * has written in this turn of the event loop; `firstBytes` is how the answer began. Throws what mqtt.js and tls throw on unusable keys and certificates.
 */
export function openClient(
  settings: ConnectionSettings,
  broker: BrokerUrl,
  connectTimeout: number,
  session: Session,
): OpenClient {
  session.identifiers = new PacketIdentifiers(session.identifiers);
  const client = connect({
    ...clientOptions(settings, broker, connectTimeout),
    messageIdProvider: session.identifiers,
    incomingStore: session.unreleased,
    outgoingStore: new EmptyStore(),
  });
  refuseBadPackets(client);
  const flush = coalesceWrites(client.stream);
  // A turn's packets go out together anyway: nothing is gained if the next turn's wait, as TCP would have them,
  // until the broker has acknowledged these. A WebSocket sees to that itself.
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  acceptAcknowledgementsAsPings(client);
  followServerKeepAlive(client);
  return { client, flush, firstBytes: firstBytes(client) };
}

export function clientOptions(
  settings: ConnectionSettings,
  broker: BrokerUrl,
  connectTimeout: number,
): IClientOptions {
  const { protocolVersion, cleanSession } = settings;
  const isWebSocket = broker.scheme === "ws" || broker.scheme === "wss";
  return {
    ...(isEncrypted(broker) ? { rejectUnauthorized: true, ...settings.tls } : {}),
    // mqtt.js passes on to a WebSocket only some of the TLS options, and not the server's name.
    ...(isWebSocket
      ? { path: broker.path, wsOptions: { ...settings.tls, maxPayload: LONGEST_PACKET } }
      : {}),
    ...(protocolVersion === 5 ? { properties: connectProperties(cleanSession) } : {}),
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
    connectTimeout,
    // All this is done by the connection, its subscriptions and its outbox.
    reconnectPeriod: 0,
    reschedulePings: false,
    resubscribe: false,
    queueQoSZero: false,
    // mqtt.js would log the CONNECT packet, password included, under DEBUG=mqttjs*.
    log: () => undefined,
  } as IClientOptions;
}

function connectProperties(cleanSession: boolean): IClientOptions["properties"] {
  const session = cleanSession ? {} : { sessionExpiryInterval: NEVER_EXPIRES };
  return { maximumPacketSize: LONGEST_PACKET, ...session };
}

/**
 * Ends the connection on packets that mqtt.js lets pass and cannot cope with: too large ones; a CONNACK that ends
 * before its code, after which it would wait for ever; and what ends before its identifier, on which its answer
 * would be an exception that nobody catches.
 */
export function refuseBadPackets(client: MqttClient): void {
  boundPackets(client);
  client.on("packetreceive", (packet) => {
    if (packet.cmd === "connack" && (packet.returnCode ?? packet.reasonCode) === undefined) {
      client.emit("error", new Error("CONNACK without a code"));
    } else if (packet.messageId === NO_IDENTIFIER) {
      // It is handled all the same, and this at least can be written.
      packet.messageId = 0;
      client.emit("error", new Error("packet without an identifier"));
    }
  });
}

/** Ends the connection with PACKET_TOO_LARGE when so much has come and is no packet yet. */
function boundPackets(client: MqttClient): void {
  let gathered = 0;
  client.on("packetreceive", () => {
    gathered = 0;
  });
  client.stream.on("data", ({ length }: Buffer) => {
    gathered += length;
    if (gathered <= LONGEST_PACKET) return;
    client.stream.destroy(new M1Error("PACKET_TOO_LARGE", { limit: LONGEST_PACKET }));
  });
}

/**
 * An acknowledgement shows as well as an answer to PINGREQ that the broker is there: on a slow uplink
 * the latter comes late. While none is awaited it puts nothing off: the broker wants to hear of us, too.
 */
function acceptAcknowledgementsAsPings(client: MqttClient): void {
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
function followServerKeepAlive(client: MqttClient): void {
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
