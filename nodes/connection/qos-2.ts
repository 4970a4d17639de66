// The handshakes of QoS 2 events over one connection (MQTT-4.3.3): what mqtt.js leaves to its user, who
// keeps no state of them beyond the connection.
import type { MqttClient, Packet } from "mqtt";
import type { Delivery } from "../outbox/event";
import type { PacketIdentifiers } from "./packet-identifiers";

const PUBLISH = { qos: 2 } as const;

export class QoS2Handshakes {
  readonly #client: MqttClient;
  readonly #identifiers: PacketIdentifiers;
  readonly #advanced: () => void;
  /** Events on the wire. */
  #size = 0;
  /** The identifiers of those of them that the broker has not received yet, in the order of sending. */
  readonly #unreceived = new Set<number>();
  readonly #hasReleased: boolean;
  #isAnswered = false;

  /**
   * `afterOthers`: an earlier connection, or process, may have left handshakes half done, and the broker
   * keeps them. They are released first, or it would take what comes under their identifiers for
   * repetitions. `advanced` is called when the broker has received the next event.
   */
  constructor(
    client: MqttClient,
    identifiers: PacketIdentifiers,
    { afterOthers, advanced }: { afterOthers: boolean; advanced: () => void },
  ) {
    this.#client = client;
    this.#identifiers = identifiers;
    this.#advanced = advanced;
    this.#hasReleased = afterOthers;
    client.on("packetreceive", (packet) => this.#hear(packet));
    if (afterOthers) client.stream.write(identifiers.releases());
  }

  get size(): number {
    return this.#size;
  }

  /** The broker knows what they are. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Others were released, and the broker has not answered anything since. */
  get isReleaseUnanswered(): boolean {
    return this.#hasReleased && !this.#isAnswered;
  }

  publish({ topic, payload }: Delivery, published: (error: unknown) => void): void {
    let identifier = 0;
    this.#size += 1;
    this.#identifiers.from = this.#hasReleased ? "released" : "spare";
    this.#client.publish(topic, payload, PUBLISH, (error) => {
      this.#size -= 1;
      this.#unreceived.delete(identifier);
      published(error);
    });
    this.#identifiers.from = "others";
    identifier = this.#identifiers.getLastAllocated() ?? 0;
    this.#unreceived.add(identifier);
  }

  /** Before mqtt.js does. */
  #hear(packet: Packet): void {
    if (packet.cmd !== "pubrec" && packet.cmd !== "pubcomp") return;
    this.#isAnswered = true;
    const identifier = packet.messageId ?? 0;
    if (packet.cmd === "pubrec") {
      const [next] = this.#unreceived;
      this.#unreceived.delete(identifier);
      if (identifier === next) this.#advanced();
    } else if (this.#unreceived.has(identifier)) {
      // The answer to a release. mqtt.js would take it for the event's, and what it does not know it ignores.
      packet.messageId = 0;
    }
  }
}
