// The middle of a queue on disk: the events that are on disk only, and the callbacks of those who wait
// for them.
import { type Done, type FoundEvent, noCallback, type QueuedEvent, queuedEvent } from "./event";
import type { EventStore } from "./event-store";

export class UnreadEvents {
  readonly #store: EventStore;
  /** By sequence number. */
  readonly #callbacks: Map<number, Done>;
  #length = 0;
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

  get isEmpty(): boolean {
    return this.#passed >= this.#newest;
  }

  get newest(): number {
    return this.#newest;
  }

  get callbacks(): ReadonlyMap<number, Done> {
    return this.#callbacks;
  }

  /** So many were found on disk, the newest with that number. */
  found(newest: number, count: number): void {
    this.#newest = newest;
    this.#length = count;
    this.#passOver(0);
  }

  /** The next event was written and leaves memory. */
  push({ sequence, done }: QueuedEvent): void {
    this.#newest = sequence;
    this.#length += 1;
    this.#callbacks.set(sequence, done);
  }

  /** The next event was written and is not to be read: it stayed in memory, or has left. Only while empty. */
  skip({ sequence }: QueuedEvent): void {
    this.#newest = sequence;
    this.#passed = sequence;
  }

  /** About so many of the oldest, or fewer with about so many characters; they stay here until `take`. Rejects if the disk does. */
  async read(limit: number, characters: number): Promise<readonly FoundEvent[]> {
    // What is written meanwhile may or may not be among what is read.
    const newest = this.#newest;
    const found = await this.#store.read(this.#passed, limit, characters);
    const there = found.filter(({ sequence }) => sequence <= newest);
    if (there.length === 0) this.#passOver(newest);
    return there;
  }

  /** Takes an event out that was read; undefined if it was dropped meanwhile. */
  take({ acceptedAt, sequence, isStamped, ...content }: FoundEvent): QueuedEvent | undefined {
    if (sequence <= this.#passed) return undefined;
    const stampedIn = isStamped ? 0 : undefined;
    return queuedEvent(
      { ...content, stampedIn, done: this.#leave(sequence) },
      acceptedAt,
      sequence,
    );
  }

  /** Takes the oldest out, without reading it. */
  dropOldest(): { readonly sequence: number; readonly done: Done } | undefined {
    if (this.isEmpty) return undefined;
    const sequence = this.#passed + 1;
    return { sequence, done: this.#leave(sequence) };
  }

  /** They cannot be read now and stay on disk for the next start. */
  giveUp(): void {
    this.#passed = this.#newest;
    this.#length = 0;
  }

  /** Those who wait for what is on disk, for the last time. */
  takeCallbacks(): readonly Done[] {
    const callbacks = [...this.#callbacks.values()];
    this.#callbacks.clear();
    return callbacks;
  }

  #leave(sequence: number): Done {
    const done = this.#callbacks.get(sequence) ?? noCallback;
    this.#callbacks.delete(sequence);
    this.#length -= 1;
    this.#passOver(sequence);
    return done;
  }

  /** That one, and what comes behind it and has left, need not be read. */
  #passOver(sequence: number): void {
    const next = this.#store.firstPresentAfter(Math.max(sequence, this.#passed));
    this.#passed = Math.max(this.#passed, Math.min(next - 1, this.#newest));
  }
}
