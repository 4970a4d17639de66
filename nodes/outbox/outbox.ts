// The outbox: every event that was accepted and is not yet acknowledged, oldest first. What may enter,
// when an event leaves, and who is told of it; where the events lie is the matter of its queue.
import { M1Error } from "../protocol/errors";
import type { OutboxFull } from "../protocol/settings";
import { type Clock, systemClock } from "./clock";
import { acceptedAt, ageOf, bringUpToDate } from "./clock-corrections";
import { DiskQueue } from "./disk-queue";
import {
  type Delivery,
  type Handover,
  noCallback,
  type OutgoingEvent,
  type QueuedEvent,
  queuedEvent,
  release,
} from "./event";
import { BEGINNING, type EventQueue, type Place } from "./event-queue";
import type { EventStore } from "./event-store";
import { MemoryQueue } from "./memory-queue";
import type { Quarantine } from "./quarantine";
import type { Refused } from "./quarantine-entry";
import { RateMeter } from "./rate-meter";

export interface OutboxPolicy {
  /** How many events may wait. */
  readonly limit: number;
  /** And how many bytes of topics and payloads; whichever is reached first. */
  readonly bytes: number;
  readonly full: OutboxFull;
  /** Milliseconds that an unsent event is worth keeping; Infinity is for ever. */
  readonly maxAge: number;
}

/** What is in flight: given out, and not acknowledged. */
export interface Unacknowledged {
  readonly oldest: Delivery;
  readonly newest: Delivery;
}

/** How many events have left the outbox unsent. */
export interface Losses {
  dropped: number;
  expired: number;
  /** Lost on a damaged disk. */
  unreadable: number;
  /** Put into quarantine with nobody waiting for them. */
  quarantined: number;
}

/** A part of what waits. */
export interface Shown {
  /** Each with the place behind it. */
  readonly events: readonly (Refused & { readonly place: Place })[];
  /** Where the next part begins; absent if that was all. */
  readonly next?: Place;
}

export interface OutboxOptions {
  /** Without one the events are in memory. */
  readonly store?: EventStore | undefined;
  /** False: the store is only emptied, as after a change from disk to memory. */
  readonly storesNew?: boolean;
  readonly handover?: Handover | undefined;
  readonly clock?: Clock;
}

/** So many events are ended in one turn of the event loop. */
const EMPTIED_AT_ONCE = 100;

export class Outbox {
  /** Called when events can be sent that could not before. */
  onReady: () => void = () => undefined;
  /** Called once for each trouble with the disk. */
  onWarning: (warning: M1Error) => void = () => undefined;
  /** Called when events are kept on disk again after such a trouble. */
  onResumed: () => void = () => undefined;
  /** Called when events have left it that could not be read back, or had no room beside those on disk. */
  onLost: () => void = () => undefined;
  /** Called with the number of events found on disk for which nobody waits, if there are any. */
  onRestored: (count: number) => void = () => undefined;
  readonly losses: Losses = { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 };
  /** How many events went into quarantine since the last deploy, whether anybody waited for them or not. */
  quarantined = 0;
  readonly #rates: Readonly<Record<"in" | "out", RateMeter>>;
  readonly #policy: OutboxPolicy;
  readonly #clock: Clock;
  readonly #queue: EventQueue;
  /** The event that was given out last, if its time could be put right until then. */
  #stamped: QueuedEvent | undefined;
  #closed = false;
  /** How many events have come. */
  #added = 0;

  constructor(policy: OutboxPolicy, options: OutboxOptions = {}) {
    const { store, handover, clock = systemClock } = options;
    this.#policy = policy;
    this.#clock = clock;
    const now = () => clock.lastLook;
    this.#rates = { in: new RateMeter(now), out: new RateMeter(now) };
    this.#queue = store
      ? this.#diskQueue(store, options)
      : new MemoryQueue(
          { ready: () => this.onReady(), accepted: (event) => this.#accepted(event) },
          handover?.quarantined,
        );
    for (const event of handover?.events ?? []) {
      bringUpToDate(event, clock);
      this.#queue.push({ ...event });
    }
  }

  /** How many events it holds, those in flight included. */
  get size(): number {
    return this.#queue.length;
  }

  /** The size of their topics and payloads. */
  get bytes(): number {
    return this.#queue.bytes;
  }

  /** How many events may wait. */
  get limit(): number {
    return this.#policy.limit;
  }

  /** Of events that were accepted, and of those that have left, whichever way. */
  get rates(): Readonly<Record<"in" | "out", RateMeter>> {
    this.#clock.now();
    return this.#rates;
  }

  /** Whether what is accepted now is written to disk. */
  get isOnDisk(): boolean {
    return this.#queue.isOnDisk;
  }

  /** What the broker would not have, or nobody can read. */
  get quarantine(): Quarantine {
    return this.#queue.quarantine;
  }

  /** When the oldest event was accepted, in milliseconds since 1970; undefined while it is not in memory. */
  get oldest(): number | undefined {
    const { oldest } = this.#queue.head;
    return oldest && acceptedAt(oldest, this.#clock);
  }

  /** It has no room for another event as large as those that it holds. */
  get isFull(): boolean {
    const { size, bytes } = this;
    return size > 0 && !this.#hasRoom(bytes / size);
  }

  #hasRoom(bytes: number): boolean {
    return this.size < this.#policy.limit && this.bytes + bytes <= this.#policy.bytes;
  }

  /**
   * Throws OUTBOX_FULL; under "drop-oldest" the oldest waiting event makes room, its `done` told. An
   * event that comes before it is known how many are on disk may end with OUTBOX_FULL instead.
   */
  add(event: OutgoingEvent): void {
    if (this.#closed) throw new M1Error("OUTBOX_CLOSED");
    const now = this.#clock.now();
    const queued = this.#queued(event, now);
    if (!this.#hasRoom(queued.size)) {
      this.#expire(now);
      this.#makeRoom(queued.size);
    }
    this.#queue.push(queued);
    this.#added += 1;
    this.#rates.in.count();
  }

  /** With its times by the clock as it is set now. */
  #queued(event: OutgoingEvent, now: number): QueuedEvent {
    const { era } = this.#clock;
    const accepted = now - this.#clock.shiftSince(event.stampedIn ?? era);
    const queued = queuedEvent(event, accepted, 0, era);
    bringUpToDate(queued, this.#clock);
    return queued;
  }

  /** Throws OUTBOX_FULL if it cannot. Of events above the limit, which a deploy has handed over, one leaves for each new one. */
  #makeRoom(bytes: number): void {
    const { limit, bytes: most } = this.#policy;
    if (this.size >= limit) this.#dropFor(bytes);
    while (this.bytes + bytes > most) this.#dropFor(bytes);
  }

  #dropFor(bytes: number): void {
    const { full, bytes: most } = this.#policy;
    const mayDrop = full === "drop-oldest" && bytes <= most;
    if (!mayDrop || !this.#dropOldest()) throw this.#fullError();
  }

  #fullError(): M1Error {
    const megabytes = Math.ceil(this.bytes / 100_000) / 10;
    return new M1Error("OUTBOX_FULL", { events: this.size, megabytes });
  }

  /** The next event to send; undefined if none is ready. Expired ones are told and passed over. */
  next(): Delivery | undefined {
    this.#expire(this.#clock.now());
    const event = this.#queue.next();
    if (event) this.#fixTimes(event);
    return event;
  }

  /** Undoes the last `next`, before anything else happens. */
  putBack(): void {
    this.#queue.putBack();
    if (this.#stamped) this.#stamped.isStamped = true;
  }

  /** From now on it may have arrived, and a receiver knows a repetition by its time: it is not touched any more. */
  #fixTimes(event: QueuedEvent): void {
    bringUpToDate(event, this.#clock);
    this.#stamped = event.isStamped ? event : undefined;
    event.isStamped = false;
  }

  /** The broker has the event. To acknowledge one twice has no effect. */
  acknowledge(delivery: Delivery): void {
    const event = delivery as QueuedEvent;
    if (event.removed) return;
    this.#queue.remove(event);
    this.#end(event);
  }

  /** The broker will never take the event: it leaves the queue with that error, for the quarantine. */
  setAside(delivery: Delivery, error: M1Error): void {
    const event = delivery as QueuedEvent;
    if (event.removed) return;
    this.quarantined += 1;
    if (event.done === noCallback) this.losses.quarantined += 1;
    this.#queue.setAside(event, error);
    this.#end(event, error);
  }

  isOldest(delivery: Delivery): boolean {
    return delivery === this.#queue.head.oldest;
  }

  /** What a lost connection leaves in doubt, if anything. */
  get unacknowledged(): Unacknowledged | undefined {
    return this.#queue.head.sent;
  }

  /** After a lost connection: all that is not acknowledged waits again, in its old order. */
  rewind(): void {
    this.#queue.head.rewind();
  }

  /** About so many of the events that wait or are in flight, oldest first, for somebody who only looks. Rejects if the disk does. */
  async look(limit: number, after: Place = BEGINNING): Promise<Shown> {
    const { found, next } = await this.#queue.look(after, limit);
    const there = found.filter(({ event }) => !event.removed);
    const events = there.map(({ event, place }) => {
      const { topic, payload, qos } = event;
      return { acceptedAt: acceptedAt(event, this.#clock), topic, payload, qos, place };
    });
    return { events, ...(next && { next }) };
  }

  /**
   * Ends all that waits with that error, but what is in flight or comes meanwhile. Resolves with how many these were.
   * In turns: it may be a million, and others wait for the process. A deploy in between ends it: the rest is the
   * successor's.
   */
  async empty(error: M1Error): Promise<number> {
    const before = this.#added;
    await this.#queue.opened();
    const hasOlder = () => this.size - this.#queue.head.inFlight > this.#added - before;
    let count = 0;
    while (!this.#closed && hasOlder()) {
      const done = this.#queue.dropOldest();
      if (!done) break;
      count += 1;
      this.#rates.out.count();
      done(error);
      if (count % EMPTIED_AT_ONCE === 0) await nextTurn();
    }
    return count;
  }

  /** Resolves when what is on disk would outlast a power cut, as far as it ever will. */
  settle(): Promise<void> {
    return this.#queue.settle();
  }

  /** Writes what is still to write and closes the store. What is not acknowledged is for the successor. */
  close(): Promise<Handover> {
    this.#closed = true;
    return this.#queue.close();
  }

  /** Ends what has waited too long, up to the first that has not. */
  #expire(now: number): void {
    const { maxAge } = this.#policy;
    if (maxAge === Number.POSITIVE_INFINITY) return;
    const { head } = this.#queue;
    for (let event = head.peek(); event; event = head.peek()) {
      if (ageOf(event, this.#clock, now) <= maxAge) return;
      this.losses.expired += 1;
      this.#queue.remove(event);
      this.#end(event, new M1Error("OUTBOX_EXPIRED", { hours: maxAge / 3_600_000 }));
    }
  }

  #dropOldest(): boolean {
    const done = this.#queue.dropOldest();
    if (!done) return false;
    this.losses.dropped += 1;
    this.#rates.out.count();
    done(new M1Error("OUTBOX_DROPPED"));
    return true;
  }

  /** It is safe as far as it will be before it is sent. */
  #accepted(event: QueuedEvent): void {
    if (!event.isDoneWhenStored) return;
    const { done, payload } = event;
    event.done = noCallback;
    done(undefined, payload);
  }

  #end(event: QueuedEvent, error?: M1Error): void {
    const { payload } = event;
    const done = release(event);
    this.#rates.out.count();
    if (error) done(error);
    else done(undefined, payload);
  }

  #diskQueue(store: EventStore, { storesNew = true, handover }: OutboxOptions): DiskQueue {
    const { events, callbacks, quarantined } = handover ?? { events: [], callbacks: new Map() };
    const queue: DiskQueue = new DiskQueue(
      store,
      { storesNew, callbacks, quarantined, clock: this.#clock, limit: this.#policy.bytes },
      {
        ready: () => this.onReady(),
        accepted: (event) => this.#accepted(event),
        counted: (restored) => {
          if (restored > 0) this.onRestored(restored);
          this.#keepToLimit(queue, events.length);
        },
        warning: (warning) => this.onWarning(warning),
        resumed: () => this.onResumed(),
        lost: (count) => {
          this.losses.unreadable += count;
          this.onLost();
        },
      },
    );
    return queue;
  }

  /** What came before the events on disk were counted is weighed against them now; what was handed over had been accepted. */
  #keepToLimit(queue: DiskQueue, handedOver: number): void {
    const { limit, bytes, full } = this.#policy;
    const isOver = () => this.size > limit || this.bytes > bytes;
    if (!isOver()) return;
    if (full === "drop-oldest") {
      while (isOver() && this.#dropOldest());
    } else {
      const error = this.#fullError();
      const refused: QueuedEvent[] = [];
      while (isOver()) {
        const [newest] = queue.takeNewest(1, handedOver);
        if (!newest) break;
        refused.push(newest);
      }
      for (const event of refused.reverse()) this.#end(event, error);
    }
    this.onLost();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
