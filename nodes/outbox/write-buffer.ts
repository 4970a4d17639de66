// The tail of a queue on disk: events that are about to be written, many to a batch, and when the disk is told
// of those that have left.
import { setTimeout as pause } from "node:timers/promises";
import { type Done, type QueuedEvent, release, storedEvent } from "./event";
import type { EventStore } from "./event-store";

/** So many events in one batch mean that more are coming, and so many are worth a batch of their own. */
const MANY = 10;
const ENOUGH = 500;
/** Milliseconds to wait for more of them. */
const GATHER = 2;
/**
 * Milliseconds that a removal may wait for a batch of events, and how many may. What the disk has not been told of
 * when the process is killed comes again.
 */
const LAZY = 1_000;
const MOST_LAZY = 20;
/** What one batch holds at the most, in events and bytes: none may block the process for long, or be one huge copy. */
const LARGEST_BATCH = 4_000;
const LARGEST_BATCH_BYTES = 4_000_000;

/** The queue that the buffer belongs to. */
export interface BatchOwner {
  /** The sequence number of the newest event on disk. */
  readonly newestOnDisk: number;
  /** Resolves when the store is open, or has failed to. */
  open(): Promise<void>;
  /** A batch is on disk, its events numbered from `newestOnDisk` on; those dropped meanwhile, its first, are marked as removed. */
  written(batch: readonly QueuedEvent[]): void;
  /** A batch could not be written; its events wait in the buffer again. */
  failed(error: unknown): void;
  /** All is written that can be. */
  idle(): void;
}

export class WriteBuffer {
  readonly #store: EventStore;
  readonly #owner: BatchOwner;
  /** In the order of their acceptance. */
  #waiting: QueuedEvent[] = [];
  #bytes = 0;
  /** Older than those: being written. */
  #batch: readonly QueuedEvent[] = [];
  /** So many of its first have been dropped meanwhile. */
  #droppedOfBatch = 0;
  /** Of so many events that have left the disk has not been told. */
  #removals = 0;
  /** Since when. */
  #removalsSince = 0;
  #removalTimer: NodeJS.Timeout | undefined;
  #areRemovalsDue = false;
  #writing: Promise<void> | undefined;
  #acceptsEvents: boolean;

  /** Without `acceptsEvents` only removals are written, and the events wait for `takeAll`. */
  constructor(store: EventStore, acceptsEvents: boolean, owner: BatchOwner) {
    this.#store = store;
    this.#acceptsEvents = acceptsEvents;
    this.#owner = owner;
  }

  /** How many events it holds, those being written included. */
  get length(): number {
    return this.#waiting.length + this.#batch.length - this.#droppedOfBatch;
  }

  /** Their size. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it writes events to disk. */
  get acceptsEvents(): boolean {
    return this.#acceptsEvents;
  }

  /** Those that are not being written; they may still be changed. */
  get waiting(): readonly QueuedEvent[] {
    return this.#waiting;
  }

  /** Calls `visit` with those that have not been dropped and their index, from an index on, oldest first, until it returns true. */
  some(visit: (event: QueuedEvent, index: number) => boolean, from: number): boolean {
    const batched = this.#batch.length - this.#droppedOfBatch;
    for (let index = Math.max(0, from); index < batched + this.#waiting.length; index += 1) {
      const event = this.#batch[this.#droppedOfBatch + index] ?? this.#waiting[index - batched];
      if (event && visit(event, index)) return true;
    }
    return false;
  }

  /** How many are being written, those dropped meanwhile included. */
  get beingWritten(): number {
    return this.#batch.length;
  }

  /** Its events can be sent without having been written. */
  get isBypassed(): boolean {
    return !this.#acceptsEvents && this.#batch.length === 0;
  }

  push(event: QueuedEvent): void {
    this.#waiting.push(event);
    this.#bytes += event.size;
    if (this.#acceptsEvents) this.#start();
  }

  /** The event with that number has left: the disk is told soon. */
  remove(sequence: number): void {
    this.#store.remove(sequence);
    if (this.#removals === 0) this.#removalsSince = performance.now();
    this.#removals += 1;
    if (this.#removals === MOST_LAZY) this.#writeRemovals();
    else this.#removalTimer ??= setTimeout(() => this.#writeIfLate(), LAZY);
  }

  /** One timer serves many removals that go with events: to set one for each would cost more than they do. */
  #writeIfLate(): void {
    this.#removalTimer = undefined;
    if (this.#removals === 0) return;
    const left = this.#removalsSince + LAZY - performance.now();
    if (left > 0) this.#removalTimer = setTimeout(() => this.#writeIfLate(), left);
    else this.#writeRemovals();
  }

  /** Resolves when all is written that can be. */
  async flush(): Promise<void> {
    clearTimeout(this.#removalTimer);
    this.#removalTimer = undefined;
    this.#writeRemovals();
    while (this.#writing) await this.#writing;
    // What was dropped while it was written: the store writes that when it is closed.
    clearTimeout(this.#removalTimer);
    this.#removalTimer = undefined;
  }

  dropOldest(): Done | undefined {
    const inBatch = this.#batch[this.#droppedOfBatch];
    if (inBatch) this.#droppedOfBatch += 1;
    const event = inBatch ?? this.#waiting.shift();
    if (!event) return undefined;
    event.removed = true;
    this.#bytes -= event.size;
    return release(event);
  }

  /** All that is not being written. */
  takeAll(): readonly QueuedEvent[] {
    return this.#taken(this.#waiting.splice(0));
  }

  /** As many of the newest as there are. */
  takeNewest(count: number): readonly QueuedEvent[] {
    return this.#taken(
      this.#waiting.splice(Math.max(0, this.#waiting.length - Math.max(0, count))),
    );
  }

  #taken(events: readonly QueuedEvent[]): readonly QueuedEvent[] {
    for (const { size, removed } of events) if (!removed) this.#bytes -= size;
    return events;
  }

  /** Writes no more events from now on. Returns whether it did. */
  stopAccepting(): boolean {
    const accepted = this.#acceptsEvents;
    this.#acceptsEvents = false;
    return accepted;
  }

  /** Undoes `stopAccepting`, for what comes from now on. */
  startAccepting(): void {
    this.#acceptsEvents = true;
  }

  /** What is under way, if anything; it never rejects. */
  get writing(): Promise<void> | undefined {
    return this.#writing;
  }

  #writeRemovals(): void {
    this.#areRemovalsDue = this.#removals > 0;
    if (this.#areRemovalsDue) this.#start();
  }

  #start(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // What comes in the same turn of the event loop makes one batch.
    await new Promise(setImmediate);
    await this.#owner.open();
    while (this.#areRemovalsDue || (this.#acceptsEvents && this.#waiting.length > 0)) {
      this.#batch = this.#acceptsEvents ? this.#waiting.splice(0, batchLength(this.#waiting)) : [];
      const { length } = this.#batch;
      if (!(await this.#writeBatch())) break;
      // Where much comes, one batch of what comes in a moment costs less than many small ones.
      if (length >= MANY && this.#waiting.length < ENOUGH) await pause(GATHER);
    }
    this.#writing = undefined;
    this.#owner.idle();
  }

  async #writeBatch(): Promise<boolean> {
    this.#removals = 0;
    this.#areRemovalsDue = false;
    const first = this.#owner.newestOnDisk + 1;
    const add = this.#batch.map((event, index) => storedEvent(event, first + index));
    try {
      await this.#store.write({ add });
    } catch (error) {
      const left = this.#endBatch().filter(({ removed }) => !removed);
      this.#waiting = [...left, ...this.#waiting];
      this.#owner.failed(error);
      return false;
    }
    const batch = this.#taken(this.#endBatch());
    for (const [index, event] of batch.entries()) event.sequence = first + index;
    this.#owner.written(batch);
    return true;
  }

  #endBatch(): readonly QueuedEvent[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#droppedOfBatch = 0;
    return batch;
  }
}

/** How many of the first events make the next batch. */
function batchLength(events: readonly QueuedEvent[]): number {
  let bytes = 0;
  for (const [index, { size }] of events.entries()) {
    if (index === LARGEST_BATCH || bytes >= LARGEST_BATCH_BYTES) return index;
    bytes += size;
  }
  return events.length;
}
