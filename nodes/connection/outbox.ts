// Events that were accepted and are not yet acknowledged, oldest first, in memory.
import { M1Error } from "../protocol/errors";
import type { OutboxFull, QoS } from "../protocol/settings";

export interface OutboxPolicy {
  /** How many events may wait. */
  readonly limit: number;
  readonly full: OutboxFull;
  /** Milliseconds that an unsent event is worth keeping; Infinity is for ever. */
  readonly maxAge: number;
}

export interface OutgoingEvent {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  /** Called once: without an error when the event has been delivered. */
  readonly done: (error?: M1Error) => void;
}

interface Entry {
  readonly event: OutgoingEvent;
  readonly acceptedAt: number;
  /** Delivered, refused, dropped or expired: it only waits for its turn to leave the queue. */
  settled: boolean;
}

/** An event on its way to the broker; hand it back to `settle` once its fate is known. */
export type Delivery = { readonly event: OutgoingEvent };

/** What left the outbox unsent since the last report. */
export interface Losses {
  dropped: number;
  expired: number;
}

/**
 * One queue with a cursor: before it lies what is in flight, behind it what waits. A lost
 * connection moves the cursor back to the front, so order is kept by construction.
 */
export class MemoryOutbox {
  #policy: OutboxPolicy;
  readonly #now: () => number;
  #entries: (Entry | undefined)[] = [];
  #front = 0;
  #cursor = 0;
  #size = 0;
  readonly losses: Losses = { dropped: 0, expired: 0 };

  constructor(policy: OutboxPolicy, now: () => number = Date.now) {
    this.#policy = policy;
    this.#now = now;
  }

  /** A deploy may change the policy; what has been accepted stays. */
  set policy(policy: OutboxPolicy) {
    this.#policy = policy;
  }

  /** Events accepted and not yet settled, those in flight included. */
  get size(): number {
    return this.#size;
  }

  /** Throws OUTBOX_FULL; under "drop-oldest" the oldest waiting event makes room, its `done` told. */
  add(event: OutgoingEvent): void {
    const { limit, full } = this.#policy;
    if (this.#size >= limit) this.#expire();
    if (this.#size >= limit && !(full === "drop-oldest" && this.#dropOldest())) {
      throw new M1Error("OUTBOX_FULL", { limit });
    }
    this.#entries.push({ event, acceptedAt: this.#now(), settled: false });
    this.#size += 1;
  }

  /** The next event to send; undefined if nothing waits. Expired ones are told and passed over. */
  next(): Delivery | undefined {
    this.#expire();
    return this.#nextWaiting();
  }

  /** Ends a delivery, with the error if it failed for good. Ending one twice has no effect. */
  settle(delivery: Delivery, error?: M1Error): void {
    const entry = delivery as Entry;
    if (entry.settled) return;
    entry.settled = true;
    this.#size -= 1;
    this.#trim();
    entry.event.done(error);
  }

  /** After a lost connection: all that is not settled waits again, in its old order. */
  rewind(): void {
    this.#cursor = this.#front;
  }

  /** Ends everything unsent with the error that `reason` makes, once per event. */
  discard(reason: () => M1Error): void {
    for (const entry of this.#entries.slice(this.#front)) {
      if (entry) this.settle(entry, reason());
    }
  }

  /** Ends what has waited too long, up to the first that has not. */
  #expire(): void {
    const { maxAge } = this.#policy;
    for (let entry = this.#nextWaiting(); entry; entry = this.#nextWaiting()) {
      if (this.#now() - entry.acceptedAt <= maxAge) {
        this.#cursor -= 1;
        return;
      }
      this.losses.expired += 1;
      this.settle(entry, new M1Error("OUTBOX_EXPIRED", { hours: maxAge / 3_600_000 }));
    }
  }

  #dropOldest(): boolean {
    const oldest = this.#nextWaiting();
    if (!oldest) return false;
    this.losses.dropped += 1;
    this.settle(oldest, new M1Error("OUTBOX_DROPPED", { limit: this.#policy.limit }));
    return true;
  }

  /** Moves the cursor past the first entry that waits, and returns it. */
  #nextWaiting(): Entry | undefined {
    while (this.#cursor < this.#entries.length) {
      const entry = this.#entries[this.#cursor];
      this.#cursor += 1;
      if (entry && !entry.settled) return entry;
    }
    return undefined;
  }

  /** Frees the settled front; the array itself is cut now and then, not with every event. */
  #trim(): void {
    while (this.#front < this.#entries.length && this.#entries[this.#front]?.settled !== false) {
      this.#entries[this.#front] = undefined;
      this.#front += 1;
    }
    this.#cursor = Math.max(this.#cursor, this.#front);
    if (this.#front < 1024 || this.#front * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#front);
    this.#cursor -= this.#front;
    this.#front = 0;
  }
}
