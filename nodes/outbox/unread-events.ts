// The middle of a queue on disk: the events that are on disk only, and the callbacks of those who wait
// for them.
import {
  type Done,
  type FoundEvent,
  noCallback,
  type QueuedEvent,
  readEvent,
  sizeOf,
} from "./event";
import type { EventStore } from "./event-store";

export class UnreadEvents {
  readonly #store: EventStore;
  /** By sequence number. */
  readonly #callbacks: Map<number, Done>;
  #length = 0;
  #bytes = 0;
  /** The sequence number of the newest event on disk. */
  #newest = 0;
  /** All up to this one have been read, stayed in memory or left. If there are newer ones, the next is still present. */
  #passed = 0;

  /** `callbacks` are those that a predecessor handed over. */
  constructor(store: EventStore, callbacks: ReadonlyMap<number, Done>) {
    this.#store = store;
    this.#callbacks = new Map(callbacks);
  }

  get length(): number {
    return this.#length;
  }

  /** Their size; where some of a block have left, nearly. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#passed >= this.#newest;
  }

  /** Whether it is still to be read, if it has not left. */
  isUnread(sequence: number): boolean {
    return sequence > this.#passed;
  }

  get newest(): number {
    return this.#newest;
  }

  get callbacks(): ReadonlyMap<number, Done> {
    return this.#callbacks;
  }

  /** So many were found on disk, the newest with that number, with so many bytes. */
  found(newest: number, count: number, bytes: number): void {
    this.#newest = newest;
    this.#length = count;
    this.#bytes = bytes;
    this.#passOver(0);
  }

  /** The next event was written and leaves memory. */
  push({ sequence, size, done, isDoneWhenStored }: QueuedEvent): void {
    this.#newest = sequence;
    this.#length += 1;
    this.#bytes += size;
    // Nobody waits for what is done by now: it costs no memory.
    if (!isDoneWhenStored && done !== noCallback) this.#callbacks.set(sequence, done);
  }

  /** The next event was written and is not to be read: it stayed in memory, or has left. Only while empty. */
  skip({ sequence }: QueuedEvent): void {
    this.#newest = sequence;
    this.#passed = sequence;
  }

  /** About so many of the oldest, or fewer with about so many bytes; they stay here until `take`. Rejects if the disk does. */
  async read(limit: number, bytes: number): Promise<readonly FoundEvent[]> {
    // What is written meanwhile is for the next time.
    const upTo = this.#newest;
    const found = await this.#store.read({ after: this.#passed, upTo, limit, bytes });
    if (found.length === 0) this.#passOver(upTo);
    return found;
  }

  /** Takes an event out that was read; undefined if it was dropped meanwhile. */
  take(found: FoundEvent): QueuedEvent | undefined {
    if (found.sequence <= this.#passed) return undefined;
    return readEvent(found, this.#leave(found.sequence, sizeOf(found)));
  }

  /** Takes the oldest out, without reading it. */
  dropOldest(): { readonly sequence: number; readonly done: Done } | undefined {
    if (this.isEmpty) return undefined;
    const sequence = this.#passed + 1;
    return { sequence, done: this.#leave(sequence, this.#bytes / this.#length) };
  }

  /** They cannot be read now and stay on disk for the next start. */
  giveUp(): void {
    this.#passed = this.#newest;
    this.#length = 0;
    this.#bytes = 0;
  }

  /** Those who wait for what is on disk, for the last time. */
  takeCallbacks(): readonly Done[] {
    return this.#takeCallbacks(() => true);
  }

  /** Those who wait for what is not on disk any more. */
  takeCallbacksOfMissing(): readonly Done[] {
    return this.#takeCallbacks(
      (sequence) =>
        sequence > this.#newest || this.#store.firstPresentAfter(sequence - 1) !== sequence,
    );
  }

  #takeCallbacks(isTaken: (sequence: number) => boolean): readonly Done[] {
    const taken = [...this.#callbacks].filter(([sequence]) => isTaken(sequence));
    for (const [sequence] of taken) this.#callbacks.delete(sequence);
    return taken.map(([, done]) => done);
  }

  #leave(sequence: number, size: number): Done {
    const done = this.#callbacks.get(sequence) ?? noCallback;
    this.#callbacks.delete(sequence);
    this.#length -= 1;
    this.#bytes = this.#length === 0 ? 0 : Math.max(0, this.#bytes - size);
    this.#passOver(sequence);
    return done;
  }

  /** That one, and what comes behind it and has left, need not be read. */
  #passOver(sequence: number): void {
    const next = this.#store.firstPresentAfter(Math.max(sequence, this.#passed));
    this.#passed = Math.max(this.#passed, Math.min(next - 1, this.#newest));
  }
}
