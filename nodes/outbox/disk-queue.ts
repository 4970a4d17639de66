// A queue of events on disk: it survives the process.
//
//     oldest                                                          newest
//     head, in memory, can be sent  |  unread, on disk only  |  tail, to be written
//
// An event enters at the tail, is written, and may be sent when it is in the head: it stays in memory
// if the head has room, and is read back otherwise. What the disk cannot take goes from the tail to
// the head without it.
import { M1Error } from "../protocol/errors";
import type { Clock } from "./clock";
import { bringUpToDate, ClockCorrections } from "./clock-corrections";
import { DiskQueueLook } from "./disk-queue-look";
import {
  type Done,
  type FoundEvent,
  type Handover,
  type QueuedEvent,
  release,
  storedEvent,
} from "./event";
import type { EventQueue, Look, Place } from "./event-queue";
import type { EventStore } from "./event-store";
import { turnOfOthers } from "./look-in-memory";
import { Quarantine } from "./quarantine";
import { type NumberedEntry, refusedEntry } from "./quarantine-entry";
import { SendQueue } from "./send-queue";
import { reasonOf, unusable } from "./store-errors";
import { UnreadEvents } from "./unread-events";
import { type BatchOwner, WriteBuffer } from "./write-buffer";

/** How much of the queue is kept in memory, in events and bytes. */
const HEAD = 4_000;
const HEAD_BYTES = 16_000_000;
/** Milliseconds to the next try with a disk that has failed. */
const RETRY = 30_000;

/** The outbox that the queue belongs to. */
export interface QueueOwner {
  /** There are events to send that there were not before. */
  ready(): void;
  /** The event is on disk; or the disk is of no use, and it waits in memory. */
  accepted(event: QueuedEvent): void;
  /** It is known now how many events an earlier process left, and for how many of them nobody waits. */
  counted(restored: number): void;
  /** Once for each trouble with the disk. */
  warning(warning: M1Error): void;
  /** The disk takes events again, after a warning. */
  resumed(): void;
  /** So many events have left as they could not be read. */
  lost(count: number): void;
}

export interface DiskQueueOptions {
  /** False: the store is only emptied, as after a change from disk to memory. */
  readonly storesNew: boolean;
  readonly callbacks: ReadonlyMap<number, Done>;
  readonly quarantined?: readonly NumberedEntry[] | undefined;
  /** Milliseconds to the next try with a disk that has failed. */
  readonly retry?: number;
  /** How many bytes may wait. */
  readonly limit: number;
  readonly clock: Clock;
}

export class DiskQueue implements EventQueue {
  readonly head = new SendQueue<QueuedEvent>();
  readonly quarantine: Quarantine;
  readonly #unread: UnreadEvents;
  readonly #tail: WriteBuffer;
  readonly #store: EventStore;
  readonly #owner: QueueOwner;
  readonly #clock: Clock;
  readonly #corrections: ClockCorrections;
  readonly #looking: DiskQueueLook;
  readonly #unwatchClock: () => void;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  /** The store could be opened. */
  #isUsable = false;
  #reading: Promise<void> | undefined;
  #settingAside: Promise<void> = Promise.resolve();
  #closing = false;
  readonly #retry: number;
  readonly #limit: number;
  #retryTimer: NodeJS.Timeout | undefined;
  #isReopening = false;
  readonly #storesNew: boolean;
  #hasToldUnusable = false;
  #hasToldUnreadable = false;
  #hasToldNotSynced = false;

  constructor(
    store: EventStore,
    { storesNew, callbacks, quarantined, clock, retry = RETRY, limit }: DiskQueueOptions,
    owner: QueueOwner,
  ) {
    this.#store = store;
    const opening = () => this.#opening;
    const left = (sequence: number) => this.#tail.remove(sequence);
    this.quarantine = new Quarantine(store.quarantine, quarantined, opening, left);
    store.quarantine.onFailed = (error) => this.#fail(error);
    this.#retry = retry;
    this.#limit = limit;
    this.#storesNew = storesNew;
    this.#owner = owner;
    store.onSyncFailed = (error) => this.#syncFailed(error);
    this.#clock = clock;
    this.#corrections = new ClockCorrections(store, clock, (error) => this.#fail(error));
    this.#unwatchClock = clock.watch(() => this.#clockSet());
    this.#unread = new UnreadEvents(store, callbacks);
    this.#tail = new WriteBuffer(store, storesNew, this.#batchOwner());
    this.#looking = new DiskQueueLook({
      store,
      head: this.head,
      unread: this.#unread,
      tail: this.#tail,
      corrections: this.#corrections,
    });
    // What is on disk is older than anything that comes now.
    if (store.exists()) void this.#open();
  }

  get length(): number {
    return this.head.length + this.#unread.length + this.#tail.length;
  }

  get bytes(): number {
    return this.head.bytes + this.#unread.bytes + this.#tail.bytes;
  }

  get isOnDisk(): boolean {
    return this.#tail.acceptsEvents;
  }

  push(event: QueuedEvent): void {
    this.#tail.push(event);
    if (this.#tail.acceptsEvents) return;
    this.#bypassDisk();
    this.#tellWaiting([event]);
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

  setAside(event: QueuedEvent, error: M1Error): void {
    this.head.remove(event);
    const stored = storedEvent(event);
    if (event.sequence === 0) {
      this.quarantine.keep(refusedEntry(stored, error));
      return;
    }
    this.#settingAside = this.#settingAside
      .then(() => this.#store.setAside(stored, error))
      .catch((failure: unknown) => {
        // `reopen` moves it there on disk. A process that is killed before that finds it in the queue.
        this.quarantine.keep(refusedEntry(stored, error), event.sequence);
        this.#fail(failure);
      });
  }

  async opened(): Promise<void> {
    await this.#opening;
  }

  async look(after: Place, limit: number): Promise<Look> {
    await this.#opening;
    if (!this.isOnDisk) await turnOfOthers();
    if (this.#closing) throw new M1Error("OUTBOX_CLOSED");
    try {
      return await this.#looking.look(after, limit, this.#isUsable && !this.#isReopening);
    } catch (error) {
      // A database that is closed meanwhile says so in its own way.
      throw this.#closing ? new M1Error("OUTBOX_CLOSED") : unusable(error);
    }
  }

  settle(): Promise<void> {
    return this.#store.settle();
  }

  /** Takes as many of the newest out as are not written yet, but none of the first `kept` of these. */
  takeNewest(count: number, kept: number): readonly QueuedEvent[] {
    return this.#tail.takeNewest(Math.min(count, this.#tail.length - kept));
  }

  async close(): Promise<Handover> {
    this.#closing = true;
    clearTimeout(this.#retryTimer);
    await Promise.all([this.#reading, this.#opening]);
    await this.#tail.flush();
    await this.#settingAside;
    this.#unwatchClock();
    // What is written is written, and what is not has to be handed over all the same.
    await this.#store.close().catch((error: unknown) => this.#fail(error));
    const events = [...this.head.remaining(), ...this.#tail.takeAll()];
    const callbacks = new Map(this.#unread.callbacks);
    for (const { sequence, done } of events) if (sequence > 0) callbacks.set(sequence, done);
    const { inMemory: quarantined } = this.quarantine;
    return { events: events.filter(({ sequence }) => sequence === 0), callbacks, quarantined };
  }

  // --- opening --------------------------------------------------------------------------------

  #open(): Promise<void> {
    this.#opening ??= this.#openStore().then((restored) => {
      this.#isOpen = true;
      this.#owner.counted(restored);
      this.#readMore();
      this.#bypassDisk();
      this.#tellWaiting(this.#tail.waiting);
      if (this.#isUsable && this.#tail.acceptsEvents) this.#storeQuarantined();
    });
    return this.#opening;
  }

  /** What a predecessor had in quarantine in memory. */
  #storeQuarantined(): void {
    const entries = [...this.quarantine.inMemory];
    if (entries.length === 0) return;
    const { setAside } = this.quarantine;
    this.#settingAside = this.#settingAside
      .then(() => this.#store.write({ quarantine: entries, setAside }))
      .then(() => this.quarantine.stored(entries))
      .catch((error: unknown) => this.#fail(error));
  }

  async #openStore(): Promise<number> {
    try {
      const { lost, warning } = await this.#store.open();
      if (warning) this.#owner.warning(warning);
      if (this.#tail.acceptsEvents) await this.#tellIfLittleRoom();
      await this.#corrections.open(this.#store.newest);
      for (const sequence of this.quarantine.setAside) this.#store.remove(sequence);
      // From here to `counted` nothing may come in between.
      const { newest, count, bytes } = this.#store;
      this.#isUsable = true;
      this.#unread.found(newest, count, bytes);
      this.#tellMissing(lost);
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
      idle: () => {
        this.#bypassDisk();
        this.#tellWaiting(this.#tail.waiting);
      },
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
    this.#tellAccepted(batch);
    this.#owner.ready();
  }

  get #hasRoom(): boolean {
    return this.head.length < HEAD && this.head.bytes < HEAD_BYTES;
  }

  /** What is not to be written goes to the head, once all that is on disk has. */
  #bypassDisk(): void {
    if (!this.#isBypassed || !this.#unread.isEmpty) return;
    const events = this.#tail.takeAll();
    for (const event of events) this.head.push(event);
    this.#tellAccepted(events);
    this.#owner.ready();
  }

  /** It is known what is on disk, and nothing more is written there. */
  get #isBypassed(): boolean {
    const isCounted = this.#opening === undefined || this.#isOpen;
    return isCounted && this.#tail.isBypassed;
  }

  /** What waits behind events on disk and is not to be written: it will be no safer, and the outage may take days. */
  #tellWaiting(events: readonly QueuedEvent[]): void {
    if (this.#isBypassed) this.#tellAccepted([...events]);
  }

  /** Not before all of them have their place: whoever is told may add another event. */
  #tellAccepted(events: readonly QueuedEvent[]): void {
    for (const event of events) if (!event.removed) this.#owner.accepted(event);
  }

  // --- from disk to the head --------------------------------------------------------------------

  #readMore(): void {
    if (this.#unread.isEmpty || this.#reading || this.#isReopening) return;
    if (!this.#isOpen || this.#closing) return;
    const { waiting, bytes } = this.head;
    if (waiting < HEAD / 2 && bytes < HEAD_BYTES / 2) this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    try {
      const found = await this.#unread.read(HEAD / 2, HEAD_BYTES / 2);
      for (const each of found) this.#take(each);
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
    this.#tellUnreadable(found.fault);
    this.remove(event);
    this.#owner.lost(1);
    release(event)(found.fault);
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
    this.#owner.lost(0);
  }

  /** Once for all, where the text lies: a disk that holds another version's blocks has many. */
  #tellUnreadable(fault: M1Error): void {
    if (!this.#hasToldUnreadable && fault.code === "OUTBOX_UNREADABLE") {
      this.#hasToldUnreadable = true;
      this.#owner.warning(fault);
    }
  }

  /** Before the disk is full, and not when it is. */
  async #tellIfLittleRoom(): Promise<void> {
    const free = await this.#store.freeBytes();
    const needed = this.#limit - this.#store.bytes;
    if (free >= needed || this.#limit === Number.POSITIVE_INFINITY) return;
    const details = { free: megabytes(free), needed: megabytes(needed) };
    this.#owner.warning(new M1Error("OUTBOX_LITTLE_ROOM", details));
  }

  #tellMissing(lost: number): void {
    const callbacks = this.#unread.takeCallbacksOfMissing();
    const count = Math.max(lost, callbacks.length);
    if (count > 0) this.#owner.lost(count);
    for (const done of callbacks) {
      done(new M1Error("OUTBOX_MISSING"));
    }
  }

  #endCallbacks(error: M1Error): void {
    for (const done of this.#unread.takeCallbacks()) done(error);
  }

  /** Told once. A folder that is gone takes nothing any more; on any other failure events are still written. */
  #syncFailed(error: unknown): void {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      this.#fail(error);
    } else if (!this.#hasToldNotSynced) {
      this.#hasToldNotSynced = true;
      this.#owner.warning(new M1Error("OUTBOX_NOT_SYNCED", { reason: reasonOf(error) }));
    }
  }

  /** From now on new events stay in memory. */
  #fail(error: unknown): void {
    const accepted = this.#tail.stopAccepting();
    // One that is only emptied never accepted any.
    if (!accepted && (this.#storesNew || this.#hasToldUnusable)) return;
    this.#hasToldUnusable = true;
    this.#owner.warning(unusable(error));
    if (accepted && this.#isUsable) this.#retryLater();
  }

  #retryLater(): void {
    this.#retryTimer = setTimeout(() => this.#reopen(), this.#retry).unref();
  }

  /** The disk may have room again. */
  async #reopen(): Promise<void> {
    await this.#reading;
    if (this.#closing) return;
    // Of a folder that is gone, what is open can still be read.
    const mayReopen = this.#unread.isEmpty || this.#store.exists();
    this.#isReopening = mayReopen;
    const inMemory = [...this.quarantine.inMemory];
    const { setAside } = this.quarantine;
    if (mayReopen && (await this.#store.reopen({ quarantine: inMemory, setAside }))) {
      // What the disk does not let go has left all the same.
      await this.quarantine.stored(inMemory).catch(() => undefined);
      this.#corrections.endAt(this.#store.newest);
      this.#tail.startAccepting();
      this.#owner.resumed();
    } else this.#retryLater();
    this.#isReopening = false;
    this.#readMore();
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1_000_000);
}
