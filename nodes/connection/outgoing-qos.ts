// At which QoS an event goes: what its node asks for, unless the broker says or has shown that it does less.
// One that answers PUBACK to QoS 2, closes the connection on it or says nothing to it stops nothing for long.
import type { Delivery, OutgoingEvent } from "../outbox/event";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";

/** So many QoS 2 events in a row that came through at QoS 1 only, after the connection had ended over them. */
const FAILURES = 2;

type Asking = Pick<OutgoingEvent, "qos">;

export class OutgoingQoS {
  /** A connection ended over it, and now it goes at QoS 1: if that works, it was QoS 2 that did not. */
  #suspect: Delivery | undefined;
  #failures = 0;

  /** `maximum` is what an MQTT 5 broker says that it does. */
  of({ qos }: Asking, maximum: QoS): QoS {
    const best = Math.min(qos, maximum) as QoS;
    return best === 2 && !this.#isTried ? 1 : best;
  }

  /** QOS_LOWERED if the event goes at less than it asks for, and not only to see whether that works. */
  lowered(event: Asking, maximum: QoS): M1Error | undefined {
    const wanted = event.qos;
    const qos = this.of(event, maximum);
    const isForGood = wanted > maximum || this.#isMissing;
    return qos < wanted && isForGood ? new M1Error("QOS_LOWERED", { wanted, qos }) : undefined;
  }

  /** The broker has answered PUBACK to QoS 2. Known until the next deploy. */
  answeredAtQoS1(): void {
    this.#failures = FAILURES;
  }

  /** The broker has taken an event that was sent at that QoS. */
  accepted(delivery: Delivery, qos: QoS): void {
    // One that was answered by PUBACK has shown the contrary.
    if (qos === 2 && !this.#isMissing) this.#failures = 0;
    if (qos !== 1 || delivery !== this.#suspect) return;
    this.#suspect = undefined;
    this.#failures += 1;
  }

  /** A connection ended, closed by the broker or in silence, with this event at QoS 2 the oldest that it had not answered. */
  failed(delivery: Delivery): void {
    this.#suspect = delivery;
  }

  get #isMissing(): boolean {
    return this.#failures >= FAILURES;
  }

  get #isTried(): boolean {
    return !this.#isMissing && (this.#suspect === undefined || this.#suspect.removed);
  }
}
