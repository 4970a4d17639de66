// Whether the broker does QoS 2, as far as it has shown. Where it does not, events go at QoS 1: a broker
// that answers PUBACK, closes the connection on a QoS 2 event or says nothing to it stops nothing for long.
import type { Delivery } from "../outbox/event";

/** So many QoS 2 events in a row that came through at QoS 1 only, after the connection had ended over them. */
const FAILURES = 2;

export class QoS2Support {
  /** A connection ended over it, and now it goes at QoS 1: if that works, it was QoS 2 that did not. */
  #suspect: Delivery | undefined;
  #failures = 0;

  /** Known until the next deploy. */
  get isMissing(): boolean {
    return this.#failures >= FAILURES;
  }

  /** Whether events are to go at QoS 2 now. */
  get isTried(): boolean {
    return !this.isMissing && (this.#suspect === undefined || this.#suspect.removed);
  }

  answeredAtQoS1(): void {
    this.#failures = FAILURES;
  }

  /** An exchange was completed. */
  completed(): void {
    this.#failures = 0;
  }

  /** A connection ended, closed by the broker or in silence, with this event at QoS 2 the oldest that it had not answered. */
  failed(delivery: Delivery): void {
    this.#suspect = delivery;
  }

  /** The broker has taken an event that was sent at QoS 1. */
  acknowledgedAtQoS1(delivery: Delivery): void {
    if (delivery !== this.#suspect) return;
    this.#suspect = undefined;
    this.#failures += 1;
  }
}
