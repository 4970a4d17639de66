// The exchanges of QoS 2 events over one connection (MQTT-4.3.3): PUBLISH, PUBREC, PUBREL, PUBCOMP.
//
// The first event goes alone, as nobody knows what a broker makes of QoS 2: PUBREC proves that it does
// it, PUBACK that it does QoS 1 only. An earlier connection, or process, may have left exchanges half
// done, and the broker would take what comes under their identifiers for repetitions: they are released
// once it is known that it understands that, and not before. RabbitMQ falls silent on such a PUBREL.
import type { MqttClient, Packet } from "mqtt";
import type { Delivery } from "../outbox/event";
import type { PacketIdentifiers } from "./packet-identifiers";

const PUBLISH = { qos: 2 } as const;

export interface QoS2Options {
  /** Whether what earlier connections left half done is to be released. */
  readonly releases: boolean;
  /** The broker has received the next event: it makes progress, and its deadline begins anew. */
  advanced(): void;
  /** The broker has answered PUBACK: it does QoS 1 only. */
  answeredAtQoS1(): void;
}

export class QoS2Exchanges {
  readonly #client: MqttClient;
  readonly #identifiers: PacketIdentifiers;
  readonly #options: QoS2Options;
  /** Events in flight. */
  #size = 0;
  /** The identifiers of those that the broker has not received yet, in the order of sending. */
  readonly #unreceived = new Set<number>();
  /** Of those that it has received, and whose exchange is not complete. */
  readonly #received = new Set<number>();
  #isProven = false;
  #hasCompleted = false;
  #isReleaseUnanswered = false;

  constructor(client: MqttClient, identifiers: PacketIdentifiers, options: QoS2Options) {
    this.#client = client;
    this.#identifiers = identifiers;
    this.#options = options;
    client.on("packetreceive", (packet) => this.#hear(packet));
  }

  /** How many of at most `limit` more may be sent now. */
  room(limit: number): number {
    return (this.#isProven ? limit : 1) - this.#size;
  }

  /** An event went through all four steps. */
  get hasCompleted(): boolean {
    return this.#hasCompleted;
  }

  /** What was left half done has been released, and the broker has answered nothing of QoS 2 since. */
  get isReleaseUnanswered(): boolean {
    return this.#isReleaseUnanswered;
  }

  publish({ topic, payload }: Delivery, published: (error: unknown) => void): void {
    const identifiers = this.#identifiers;
    let identifier = 0;
    this.#size += 1;
    identifiers.source = this.#isProven ? "exchanges" : "probes";
    this.#client.publish(topic, payload, PUBLISH, (error) => {
      this.#size -= 1;
      this.#unreceived.delete(identifier);
      this.#received.delete(identifier);
      // At the end of the connection it stays half done.
      if (!error) identifiers.completed(identifier);
      published(error);
    });
    identifiers.source = "others";
    identifier = identifiers.getLastAllocated() ?? 0;
    this.#unreceived.add(identifier);
  }

  /** Before mqtt.js does. */
  #hear(packet: Packet): void {
    if (packet.cmd === "puback") {
      if (this.#unreceived.has(packet.messageId ?? 0)) this.#options.answeredAtQoS1();
    } else if (packet.cmd === "pubrec") {
      this.#hearReceived(packet.messageId ?? 0);
    } else if (packet.cmd === "pubcomp") {
      this.#isReleaseUnanswered = false;
      if (this.#received.has(packet.messageId ?? 0)) this.#hasCompleted = true;
      // The answer to a release. mqtt.js would take it for the event's, and what it does not know it ignores.
      if (this.#unreceived.has(packet.messageId ?? 0)) packet.messageId = 0;
    }
  }

  #hearReceived(identifier: number): void {
    const [next] = this.#unreceived;
    const isOurs = this.#unreceived.delete(identifier);
    if (isOurs) this.#received.add(identifier);
    if (isOurs && !this.#isProven) {
      this.#isProven = true;
      if (this.#options.releases) this.#release(identifier);
    }
    if (identifier === next) this.#options.advanced();
  }

  #release(underWay: number): void {
    this.#isReleaseUnanswered = true;
    this.#client.stream.write(this.#identifiers.releases(underWay));
  }
}
