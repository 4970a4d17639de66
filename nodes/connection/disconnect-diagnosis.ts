// Whose fault it is when a broker closes connections without a word: an event that it cannot bear, if
// it is the same one each time, or else another client with the same id (MQTT-3.1.4-2).
import type { Delivery } from "../outbox/event";
import type { Unacknowledged } from "../outbox/outbox";

/** So often may the broker close the connection on the same event before that goes into quarantine. */
const TRIES = 3;
/** As often where it has not taken another event over the same connection: then it may bear none at present. */
const TRIES_WITHOUT_PROOF = 6;
/** So many disconnects find a bad event among a thousand: with each, the distance to it is halved. */
const LONGEST_SEARCH = 12;
/** So many times in a row that another client has taken over are a clash of client ids, and no coincidence. */
const TAKEOVERS = 3;

export type Diagnosis =
  /** As any connection ends now and then. */
  | { readonly cause: "chance" }
  /** An event may be to blame; which one shows soon if the connection comes back soon. */
  | { readonly cause: "search" }
  /** The broker cannot bear the event: it is to go into quarantine. */
  | { readonly cause: "event"; readonly delivery: Delivery; readonly times: number }
  /** `known`: the other client has had time to notice as well, so this one may yield. */
  | { readonly cause: "clash"; readonly known: boolean };

export interface DiagnosisTiming {
  /** Milliseconds between an event's sending and the disconnect that it is blamed for. */
  readonly blame: number;
  /** Milliseconds in which the takeovers must come to be a clash. */
  readonly clash: number;
}

export class DisconnectDiagnosis {
  readonly #timing: DiagnosisTiming;
  readonly #now: () => number;
  #suspect: { readonly delivery: Delivery; times: number; sentAt: number } | undefined;
  /** The newest event in flight when the search for a bad one began: that comes no later than this. */
  #searchEnd: Delivery | undefined;
  /** Disconnects since then. */
  #searchLength = 0;
  /** Disconnects in the search since the broker has taken anything. */
  #fruitless = 0;
  #window = Number.POSITIVE_INFINITY;
  /** When other clients may have taken over, since `forgetTakeovers`. */
  #takeovers: number[] = [];

  constructor(timing: DiagnosisTiming, now: () => number = () => performance.now()) {
    this.#timing = timing;
    this.#now = now;
  }

  /**
   * How many events may be in flight. After a disconnect one, so that no other event is blamed for what
   * it does, and one more with each answer: a bad event further back is found in a few disconnects.
   */
  get window(): number {
    return this.#window;
  }

  /** The next disconnect would be the last for the event under suspicion: the broker should take another one first. */
  get needsProof(): boolean {
    const { delivery, times } = this.#suspect ?? { times: 0 };
    return delivery?.removed === false && times >= TRIES - 1;
  }

  sent(delivery: Delivery): void {
    if (delivery === this.#suspect?.delivery) this.#suspect.sentAt = this.#now();
  }

  /** Acknowledged or refused: either way the broker could bear it. */
  answered(delivery: Delivery): void {
    if (delivery === this.#suspect?.delivery) this.#suspect = undefined;
    this.#window += 1;
    this.#fruitless = 0;
  }

  /** The broker takes no events at present: one is enough to see when it does. */
  sendOneByOne(): void {
    this.#window = 1;
  }

  /**
   * The broker has closed the connection; `inFlight` is what it had been sent and had not answered. `isProven`:
   * it has taken another event over this connection.
   */
  disconnected(inFlight: Unacknowledged | undefined, isProven: boolean): Diagnosis {
    const now = this.#now();
    const suspect = this.#suspect;
    if (inFlight) this.sendOneByOne();
    if (inFlight && inFlight.oldest === suspect?.delivery) {
      // On a weak link any event can be the unlucky one; it is not struck down each time it is sent.
      if (now - suspect.sentAt > this.#timing.blame) return { cause: "chance" };
      return this.#blame(suspect, isProven);
    }
    this.#suspect = inFlight && { delivery: inFlight.oldest, times: 1, sentAt: now };
    if (inFlight && this.#searchEnd?.removed === false) {
      this.#searchLength += 1;
      if (this.#searchLength <= LONGEST_SEARCH) return this.#search();
    } else {
      this.#searchEnd = inFlight?.newest;
      this.#searchLength = 0;
    }
    this.#takeovers = [...this.#takeovers.filter((time) => now - time < this.#timing.clash), now];
    const { length } = this.#takeovers;
    return length < TAKEOVERS ? { cause: "chance" } : { cause: "clash", known: length > TAKEOVERS };
  }

  /** The connection has held, or failed for a reason that is known: takeovers count from here. */
  forgetTakeovers(): void {
    this.#takeovers = [];
  }

  #blame(suspect: { delivery: Delivery; times: number }, isProven: boolean): Diagnosis {
    suspect.times += 1;
    if (suspect.times < (isProven ? TRIES : TRIES_WITHOUT_PROOF)) return this.#search();
    this.#suspect = undefined;
    // The first of them was counted as one.
    this.forgetTakeovers();
    return { cause: "event", delivery: suspect.delivery, times: suspect.times };
  }

  /** Not for ever: a broker that takes nothing is to be left alone for longer and longer. */
  #search(): Diagnosis {
    this.#fruitless += 1;
    return { cause: this.#fruitless <= TRIES ? "search" : "chance" };
  }
}
