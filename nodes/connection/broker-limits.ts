// What an MQTT 5 broker says in CONNACK that it takes (MQTT-3.2.2.3); one of 3.1.1 says nothing.
import type { IConnackPacket } from "mqtt";
import type { OutgoingEvent } from "../outbox/event";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";

/** Unacknowledged events on the wire at a time: enough to keep a fast link busy. */
const IN_FLIGHT = 1_000;
/**
 * Of them at QoS 2. mosquitto keeps twenty half-done exchanges for a session and answers no more: with
 * these left by an earlier process, it still answers the first of a new one.
 */
const IN_FLIGHT_QOS_2 = 16;

/** In a PUBLISH beside topic and payload, at the most: header, length, two lengths, packet identifier. */
const OVERHEAD = 10;

/** A UTF-16 unit is three bytes of UTF-8 at the most. */
const MOST_BYTES = 3;

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

  /** EVENT_TOO_LARGE if so it is for the broker, which would close the connection on it (MQTT-3.2.2-15). */
  excess({ topic, payload }: OutgoingEvent): M1Error | undefined {
    const least = topic.length + payload.length + OVERHEAD;
    if (least * MOST_BYTES <= this.#packet) return undefined;
    const size = topic.length + Buffer.byteLength(payload) + OVERHEAD;
    if (size <= this.#packet) return undefined;
    return new M1Error("EVENT_TOO_LARGE", { size, limit: this.#packet });
  }
}
