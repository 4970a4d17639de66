// Which refusals of an MQTT 5 broker are for good, and how long to wait after one that may pass
// (MQTT-5, 3.4.2.1 and 3.5.2.1).
import type { Delivery } from "../outbox/event";

export const QUOTA_EXCEEDED = 0x97;
const PACKET_IDENTIFIER_IN_USE = 0x91;
const PACKET_IDENTIFIER_NOT_FOUND = 0x92;
const UNSPECIFIED = 0x80;
const IMPLEMENTATION_SPECIFIC = 0x83;

/** PUBCOMP's answer to a release: the broker has confirmed the event before, and forgotten that. */
export function isAlreadyReceived(reasonCode: number): boolean {
  return reasonCode === PACKET_IDENTIFIER_NOT_FOUND;
}

/** No fault of an event: they pass, however long it takes. */
const PASSING: ReadonlySet<number> = new Set([QUOTA_EXCEEDED, PACKET_IDENTIFIER_IN_USE]);
/** The broker does not say whose fault it is: they may pass. */
const UNCLEAR: ReadonlySet<number> = new Set([UNSPECIFIED, IMPLEMENTATION_SPECIFIC]);

/** So often one event may be refused without a clear reason. */
const TRIES = 3;

export interface RefusalTiming {
  /** Milliseconds; doubles with each pause in which nothing was accepted. */
  readonly firstPause: number;
  readonly longestPause: number;
}

export class PublishRefusals {
  readonly #timing: RefusalTiming;
  readonly #times = new WeakMap<Delivery, number>();
  #pauses = 0;

  constructor(timing: RefusalTiming) {
    this.#timing = timing;
  }

  /** Whether the event goes into quarantine; if not, it is to be sent again after a pause. */
  isFinal(delivery: Delivery, reasonCode: number): boolean {
    if (PASSING.has(reasonCode)) return false;
    if (!UNCLEAR.has(reasonCode)) return true;
    const times = (this.#times.get(delivery) ?? 0) + 1;
    this.#times.set(delivery, times);
    return times >= TRIES;
  }

  /** The broker has taken an event: pauses begin short again. */
  accepted(): void {
    this.#pauses = 0;
  }

  /** Milliseconds until events are sent again. */
  nextPause(): number {
    const { firstPause, longestPause } = this.#timing;
    const pause = Math.min(longestPause, firstPause * 2 ** this.#pauses);
    this.#pauses += 1;
    return pause;
  }
}
