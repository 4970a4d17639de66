// Whose fault it is when a broker closes connections without a word: an event that it cannot bear, if
// it is the same one each time, or else another client with the same id (MQTT-3.1.4-2).
import type { Delivery } from "../outbox/event";
import type { Unacknowledged } from "../outbox/outbox";

/** So often the broker may hang up on the same event before it is set aside. */
const TRIES = 3;
/** So many hang-ups find a bad event among a thousand: with each, the distance to it is halved. */
const LONGEST_SEARCH = 12;
/** So many take-overs in a row are a clash of client ids, and no coincidence. */
const TAKE_OVERS = 3;

export type Diagnosis =
  /** As any connection ends now and then. */
  | { readonly cause: "chance" }
  /** The broker cannot bear it: it is to be set aside. */
  | { readonly cause: "event"; readonly delivery: Delivery; readonly times: number }
  /** `known`: the other client has had time to notice as well, so this one may yield. */
  | { readonly cause: "clash"; readonly known: boolean };

export interface DiagnosisTiming {
  /** Milliseconds between an event's sending and the hang-up that it is blamed for. */
  readonly blame: number;
  /** Milliseconds in which so many take-overs are a clash. */
  readonly clash: number;
}

export class DisconnectDiagnosis {
  readonly #timing: DiagnosisTiming;
  readonly #now: () => number;
  #suspect: { readonly delivery: Delivery; times: number; sentAt: number } | undefined;
  /** The newest on the wire when the search for a bad event began: it comes no later than this one. */
  #bound: Delivery | undefined;
  /** Hang-ups since then. */
  #searched = 0;
  #window = Number.POSITIVE_INFINITY;
  /** Times of those since `forgetTakeOvers`. */
  #takeOvers: number[] = [];

  constructor(timing: DiagnosisTiming, now: () => number = () => performance.now()) {
    this.#timing = timing;
    this.#now = now;
  }

  /**
   * How many events may be on the wire. After a hang-up one, so that nothing else is blamed for what
   * it does, and one more with each answer: an event further back is found in a few hang-ups.
   */
  get window(): number {
    return this.#window;
  }

  sent(delivery: Delivery): void {
    if (delivery === this.#suspect?.delivery) this.#suspect.sentAt = this.#now();
  }

  /** Acknowledged or refused: either way the broker could bear it. */
  answered(delivery: Delivery): void {
    if (delivery === this.#suspect?.delivery) this.#suspect = undefined;
    this.#window += 1;
  }

  /** The broker takes no events at present: one is enough to see when it does. */
  sendOneByOne(): void {
    this.#window = 1;
  }

  /** The broker hung up; `inFlight` is what it had been sent and had not answered. */
  disconnected(inFlight: Unacknowledged | undefined): Diagnosis {
    const now = this.#now();
    const suspect = this.#suspect;
    if (inFlight) this.sendOneByOne();
    if (inFlight && inFlight.oldest === suspect?.delivery) {
      // On a weak link any event can be the unlucky one; it is not struck down each time it is sent.
      if (now - suspect.sentAt > this.#timing.blame) return { cause: "chance" };
      return this.#accuse(suspect);
    }
    this.#suspect = inFlight && { delivery: inFlight.oldest, times: 1, sentAt: now };
    if (inFlight && this.#bound?.removed === false) {
      this.#searched += 1;
      if (this.#searched <= LONGEST_SEARCH) return { cause: "chance" };
    } else {
      this.#bound = inFlight?.newest;
      this.#searched = 0;
    }
    this.#takeOvers = [...this.#takeOvers.filter((time) => now - time < this.#timing.clash), now];
    const { length } = this.#takeOvers;
    return length < TAKE_OVERS
      ? { cause: "chance" }
      : { cause: "clash", known: length > TAKE_OVERS };
  }

  /** The connection has held, or failed for a reason that is known: take-overs count from here. */
  forgetTakeovers(): void {
    this.#takeOvers = [];
  }

  #accuse(suspect: { delivery: Delivery; times: number }): Diagnosis {
    suspect.times += 1;
    if (suspect.times < TRIES) return { cause: "chance" };
    this.#suspect = undefined;
    // The first of them was counted as one.
    this.forgetTakeovers();
    return { cause: "event", delivery: suspect.delivery, times: suspect.times };
  }
}
