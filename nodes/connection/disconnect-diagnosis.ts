// Whose fault it is when a broker closes connections without a word, or falls silent: an event that it cannot bear,
// if it is the same one each time, or else another client with the same id (MQTT-3.1.4-2).
import type { Delivery } from "../outbox/event";
import type { Unacknowledged } from "../outbox/outbox";

/** So often may the broker close the connection on the same event before that goes into quarantine. */
const TRIES = 3;
/** As often where it has not taken another event over the same connection: then it may bear none at present. */
const TRIES_WITHOUT_PROOF = 6;
/** So often may an event go unanswered over connections that have taken another one; links fall silent by themselves. */
const TRIES_IN_SILENCE = 6;
/** In flight after a second silence on the same event: the one behind the event that is to blame shows that the broker takes others. */
const WINDOW_IN_SILENCE = 2;
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
  | {
      readonly cause: "event";
      readonly delivery: Delivery;
      readonly times: number;
      /** It was never answered; otherwise the broker closed the connections. */
      readonly isUnanswered: boolean;
    }
  /** `known`: the other client has had time to notice as well, so this one may yield. */
  | { readonly cause: "clash"; readonly known: boolean };

export interface DiagnosisTiming {
  /** Milliseconds between an event's sending and the disconnect that it is blamed for. */
  readonly blame: number;
  /** Milliseconds in which the takeovers must come to be a clash. */
  readonly clash: number;
}

interface Suspect {
  readonly delivery: Delivery;
  /** So often the broker has closed the connection on it. */
  closings: number;
  /** So often it went unanswered until the connection was given up; without proof that counts only to the point where proof is needed. */
  silences: number;
  sentAt: number;
}

export class DisconnectDiagnosis {
  readonly #timing: DiagnosisTiming;
  readonly #now: () => number;
  #suspect: Suspect | undefined;
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

  /** The event for which the broker should take another one first: a next disconnect could be the last for it. */
  get needsProof(): Delivery | undefined {
    const { delivery, closings, silences } = this.#suspect ?? { closings: 0, silences: 0 };
    const isNeeded = Math.max(closings, silences) >= TRIES - 1;
    return isNeeded && delivery?.removed === false ? delivery : undefined;
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
    this.#suspect = inFlight && newSuspect(inFlight.oldest, now);
    if (this.#suspect) this.#suspect.closings = 1;
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

  /**
   * The broker has answered nothing for too long, or nothing that can be read. On a link that is dead, or where the
   * broker takes nothing, no event is to blame.
   */
  silent(inFlight: Unacknowledged | undefined, isProven: boolean): Diagnosis {
    this.forgetTakeovers();
    // On a slow link the first acknowledgement may be late because so much is on its way.
    this.sendOneByOne();
    if (!inFlight) return { cause: "chance" };
    if (inFlight.oldest !== this.#suspect?.delivery) {
      this.#suspect = newSuspect(inFlight.oldest, this.#now());
    }
    const suspect = this.#suspect;
    if (isProven || suspect.silences < TRIES - 1) suspect.silences += 1;
    if (suspect.silences > 1) this.#window = WINDOW_IN_SILENCE;
    if (!isProven) return { cause: "chance" };
    return suspect.silences < TRIES_IN_SILENCE ? this.#search() : this.#verdict(suspect, true);
  }

  /** The connection has held, or failed for a reason that is known: takeovers count from here. */
  forgetTakeovers(): void {
    this.#takeovers = [];
  }

  #blame(suspect: Suspect, isProven: boolean): Diagnosis {
    suspect.closings += 1;
    if (suspect.closings < (isProven ? TRIES : TRIES_WITHOUT_PROOF)) return this.#search();
    // The first of them was counted as one.
    this.forgetTakeovers();
    return this.#verdict(suspect, false);
  }

  #verdict({ delivery, closings, silences }: Suspect, isUnanswered: boolean): Diagnosis {
    this.#suspect = undefined;
    const times = isUnanswered ? silences : closings;
    return { cause: "event", delivery, times, isUnanswered };
  }

  /** Not for ever: a broker that takes nothing is to be left alone for longer and longer. */
  #search(): Diagnosis {
    this.#fruitless += 1;
    return { cause: this.#fruitless <= TRIES ? "search" : "chance" };
  }
}

function newSuspect(delivery: Delivery, now: number): Suspect {
  return { delivery, closings: 0, silences: 0, sentAt: now };
}
