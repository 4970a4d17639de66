// What an MQTT 5 broker says in CONNACK that it takes (MQTT-3.2.2.3); one of 3.1.1 says nothing.
import type { IConnackPacket } from "mqtt";
import { type OutgoingEvent, sizeOf } from "../outbox/event";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";

/** Unacknowledged events on the wire at a time: enough to keep a fast link busy. */
const IN_FLIGHT = 1_000;
/**
 * Of them at QoS 2. mosquitto keeps twenty half-done exchanges for a session and answers no more: with
 * these left by an earlier process, it still answers the first of a new one.
 */
const IN_FLIGHT_QOS_2 = 16;

export class BrokerLimits {
  readonly inFlight: number;
  readonly inFlightQoS2: number;
  readonly maximumQoS: QoS;
  readonly #packet: number;

  constructor(properties: IConnackPacket["properties"] = {}) {
    this.inFlight = Math.min(IN_FLIGHT, properties.receiveMaximum ?? IN_FLIGHT);
    this.inFlightQoS2 = Math.min(IN_FLIGHT_QOS_2, this.inFlight);
    this.maximumQoS = (properties.maximumQoS ?? 2) as QoS;
    this.#packet = properties.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  /** EVENT_TOO_LARGE if so it is at that QoS for the broker, which would close the connection on it (MQTT-3.2.2-15). */
  excess(event: OutgoingEvent, qos: QoS): M1Error | undefined {
    if (this.#packet === Number.POSITIVE_INFINITY) return undefined;
    const size = publishLength(sizeOf(event), qos);
    if (size <= this.#packet) return undefined;
    return new M1Error("EVENT_TOO_LARGE", { size, limit: this.#packet });
  }
}

/** Bytes of the PUBLISH that carries so many of topic and payload (MQTT-3.3), without properties. */
function publishLength(content: number, qos: QoS): number {
  const topicLength = 2;
  const identifier = qos > 0 ? 2 : 0;
  const propertyLength = 1;
  const remaining = topicLength + content + identifier + propertyLength;
  return 1 + bytesOfLength(remaining) + remaining;
}

/** A length of packets has seven bits in each byte (MQTT-1.5.5). */
function bytesOfLength(length: number): number {
  return length < 128 ? 1 : 1 + bytesOfLength(length >> 7);
}
