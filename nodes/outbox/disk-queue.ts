// A queue of events on disk: it survives the process.
//
//     oldest                                                          newest
//     head, in memory, can be sent  |  unread, on disk only  |  tail, to be written
//
// An event enters at the tail, is written, and may be sent when it is in the head: it stays in memory
// if the head has room, and is read back otherwise. What the disk cannot take goes from the tail to
// the head without it.
import type { M1Error } from "../protocol/errors";
import type { Clock } from "./clock";
import { bringUpToDate, ClockCorrections } from "./clock-corrections";
import {
  type Done,
  type Finish,
  type FoundEvent,
  type Handover,
  type QueuedEvent,
  release,
  storedEvent,
} from "./event";
import type { EventQueue } from "./event-queue";
import type { EventStore } from "./event-store";
import { SendQueue } from "./send-queue";
import { unusable } from "./store-errors";
import { UnreadEvents } from "./unread-events";
import { type BatchOwner, WriteBuffer } from "./write-buffer";

/** How much of the queue is kept in memory, in events and characters. */
const HEAD = 4_000;
const HEAD_TEXT = 16_000_000;

/** The outbox that the queue belongs to. */
export interface QueueOwner {
  /** There are events to send that there were not before. */
  ready(): void;
  /** It is known now how many events an earlier process left, and for how many of them nobody waits. */
  counted(restored: number): void;
  /** Once for each trouble with the disk. */
  warning(warning: M1Error): void;
  /** Events have left that could not be read. */
  lost(): void;
  readonly finish: Finish;
}

export interface DiskQueueOptions {
  /** False: the store is only emptied, as after a change from disk to memory. */
  readonly storesNew: boolean;
  readonly callbacks: ReadonlyMap<number, Done>;
  readonly clock: Clock;
}

export class DiskQueue implements EventQueue {
  readonly head = new SendQueue<QueuedEvent>();
  readonly #unread: UnreadEvents;
  readonly #tail: WriteBuffer;
  readonly #store: EventStore;
  readonly #owner: QueueOwner;
  readonly #clock: Clock;
  readonly #corrections: ClockCorrections;
  readonly #unwatchClock: () => void;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #reading: Promise<void> | undefined;
  #quarantining: Promise<void> = Promise.resolve();
  #closing = false;
  #hasToldLost = false;

  constructor(
    store: EventStore,
    { storesNew, callbacks, clock }: DiskQueueOptions,
    owner: QueueOwner,
  ) {
    this.#store = store;
    this.#owner = owner;
    this.#clock = clock;
    this.#corrections = new ClockCorrections(store, clock, (error) => this.#fail(error));
    this.#unwatchClock = clock.watch(() => this.#clockSet());
    this.#unread = new UnreadEvents(store, callbacks);
    this.#tail = new WriteBuffer(store, storesNew, this.#batchOwner());
    // What is on disk is older than anything that comes now.
    if (store.exists()) void this.#open();
  }

  get length(): number {
    return this.head.length + this.#unread.length + this.#tail.length;
  }

  push(event: QueuedEvent): void {
    this.#tail.push(event);
    if (!this.#tail.acceptsEvents) this.#bypassDisk();
  }

  next(): QueuedEvent | undefined {
    const event = this.head.next();
    if (event) this.#corrections.sent(event);
    this.#readMore();
    return event;
  }

  putBack(): void {
    this.head.putBack();
    this.#corrections.notSent();
  }

  remove(event: QueuedEvent): void {
    this.head.remove(event);
    if (event.sequence > 0) this.#tail.remove(event.sequence);
    this.#readMore();
  }

  dropOldest(): Done | undefined {
    const oldest = this.head.next();
    if (oldest) {
      this.remove(oldest);
      return release(oldest);
    }
    const unread = this.#isOpen ? this.#unread.dropOldest() : undefined;
    if (!unread) return this.#tail.dropOldest();
    this.#tail.remove(unread.sequence);
    return unread.done;
  }

  quarantine(event: QueuedEvent, reason: string): void {
    this.head.remove(event);
    if (event.sequence === 0) return;
    const stored = storedEvent(event);
    this.#quarantining = this.#quarantining
      .then(() => this.#store.quarantine(stored, reason))
      .catch((error: unknown) => this.#fail(error));
  }

  /** Takes as many of the newest out as are not written yet, but none of the first `kept` of these. */
  takeNewest(count: number, kept: number): readonly QueuedEvent[] {
    return this.#tail.takeNewest(Math.min(count, this.#tail.length - kept));
  }

  async close(): Promise<Handover> {
    this.#closing = true;
    while (this.#tail.writing || this.#reading || (this.#opening && !this.#isOpen)) {
      await Promise.all([this.#tail.writing, this.#reading, this.#opening]);
    }
    await this.#quarantining;
    this.#unwatchClock();
    // What is written is written, and what is not has to be handed over all the same.
    await this.#store.close().catch((error: unknown) => this.#fail(error));
    const events = [...this.head.remaining(), ...this.#tail.takeAll()];
    const callbacks = new Map(this.#unread.callbacks);
    for (const { sequence, done } of events) if (sequence > 0) callbacks.set(sequence, done);
    return { events: events.filter(({ sequence }) => sequence === 0), callbacks };
  }

  // --- opening --------------------------------------------------------------------------------

  #open(): Promise<void> {
    this.#opening ??= this.#openStore().then((restored) => {
      this.#isOpen = true;
      this.#owner.counted(restored);
      this.#readMore();
      this.#bypassDisk();
    });
    return this.#opening;
  }

  async #openStore(): Promise<number> {
    try {
      const warning = await this.#store.open();
      if (warning) {
        this.#owner.warning(warning);
        if (warning.code === "OUTBOX_DAMAGED") this.#endCallbacks(warning);
      }
      const newest = await this.#store.last();
      const count = await this.#store.count();
      await this.#corrections.open(newest);
      this.#unread.found(newest, count);
      return Math.max(0, count - this.#unread.callbacks.size);
    } catch (error) {
      this.#giveUpReading(error);
      return 0;
    }
  }

  // --- from the tail, over the disk or past it, to the head --------------------------------------

  #batchOwner(): BatchOwner {
    const unread = this.#unread;
    return {
      get newestOnDisk() {
        return unread.newest;
      },
      open: () => this.#open(),
      written: (batch) => this.#written(batch),
      failed: (error) => this.#fail(error),
      idle: () => this.#bypassDisk(),
    };
  }

  #written(batch: readonly QueuedEvent[]): void {
    for (const event of batch) {
      if (event.removed) {
        // Dropped while it was written. All that is older has left, too.
        this.#unread.skip(event);
        this.#tail.remove(event.sequence);
      } else if (this.#unread.isEmpty && this.#hasRoom) {
        this.#unread.skip(event);
        this.head.push(event);
      } else {
        this.#unread.push(event);
      }
    }
    this.#owner.ready();
  }

  get #hasRoom(): boolean {
    return this.head.length < HEAD && this.head.characters < HEAD_TEXT;
  }

  /** What is not to be written goes to the head, once all that is on disk has. */
  #bypassDisk(): void {
    const isCounted = this.#opening === undefined || this.#isOpen;
    if (!isCounted || !this.#unread.isEmpty || !this.#tail.isBypassed) return;
    for (const event of this.#tail.takeAll()) this.head.push(event);
    this.#owner.ready();
  }

  // --- from disk to the head --------------------------------------------------------------------

  #readMore(): void {
    if (this.#unread.isEmpty || this.#reading || !this.#isOpen || this.#closing) return;
    const { waiting, characters } = this.head;
    if (waiting < HEAD / 2 && characters < HEAD_TEXT / 2) this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    try {
      const found = await this.#unread.read(HEAD / 2, HEAD_TEXT / 2);
      for (const each of found) this.#take(each);
      const fault = found.find((each) => each.fault)?.fault;
      if (fault) this.#tellLost(fault);
    } catch (error) {
      this.#giveUpReading(error);
    }
    this.#reading = undefined;
    this.#bypassDisk();
    this.#owner.ready();
  }

  #take(found: FoundEvent): void {
    const event = this.#unread.take(found);
    if (!event) return;
    this.#corrections.apply(event);
    this.head.push(event);
    if (!found.fault) return;
    this.remove(event);
    this.#owner.finish(release(event), found.fault);
  }

  // --- the clock was set ------------------------------------------------------------------------

  /** What is not written yet will be written right; for the rest the step is noted beside it. */
  #clockSet(): void {
    for (const event of this.#tail.waiting) bringUpToDate(event, this.#clock);
    this.#corrections.clockSet(this.#unread.newest + this.#tail.beingWritten);
  }

  // --- trouble with the disk --------------------------------------------------------------------

  /** What cannot be read now stays on disk for the next start; who waits for it is told. */
  #giveUpReading(error: unknown): void {
    this.#fail(error);
    this.#unread.giveUp();
    this.#endCallbacks(unusable(error));
    this.#owner.lost();
  }

  /** Once for all: a disk that holds another version's blocks has many. */
  #tellLost(fault: M1Error): void {
    if (!this.#hasToldLost) this.#owner.warning(fault);
    this.#hasToldLost = true;
    this.#owner.lost();
  }

  #endCallbacks(error: M1Error): void {
    for (const done of this.#unread.takeCallbacks()) this.#owner.finish(done, error);
  }

  /** From now on new events stay in memory. */
  #fail(error: unknown): void {
    if (this.#tail.stopAccepting()) this.#owner.warning(unusable(error));
  }
}
