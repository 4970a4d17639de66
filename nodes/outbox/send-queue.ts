// A queue with a cursor: the entries before it are in flight, those behind it wait to be sent. A lost
// connection moves the cursor back to the head of the queue, so order is kept by construction.

export interface QueueEntry {
  /** It counts no longer, and only holds its place until all before it are removed as well. */
  removed: boolean;
  /** Bytes. */
  readonly size: number;
}

/** Places of a new ring; a power of two. */
const FEWEST_PLACES = 16;

export class SendQueue<E extends QueueEntry> {
  /**
   * A ring buffer, its length a power of two; it never shrinks, at eight bytes a place. An array that is
   * cut at its start would be copied now and then, and each old copy, until the next full garbage
   * collection, would keep the events in memory that it refers to.
   */
  #ring: (E | undefined)[] = ring(FEWEST_PLACES);
  /** Positions count all entries that there have ever been; their last bits are a place in the ring. */
  #head = 0;
  #cursor = 0;
  #end = 0;
  /** How many are removed, and behind one that is not. */
  #gaps = 0;
  #bytes = 0;

  /** The size of all that are not removed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many entries are not removed. */
  get length(): number {
    return this.#end - this.#head - this.#gaps;
  }

  /** How many entries lie behind the cursor, removed ones included. */
  get waiting(): number {
    return this.#end - this.#cursor;
  }

  /** How many of those in flight are not removed. */
  get inFlight(): number {
    return this.#remaining(this.#head, this.#cursor).length;
  }

  /** The first that is not removed. */
  get oldest(): E | undefined {
    return this.#ring[this.#place(this.#head)];
  }

  /** The first and the last of those in flight. */
  get sent(): { readonly oldest: E; readonly newest: E } | undefined {
    const remaining = this.#remaining(this.#head, this.#cursor);
    const [oldest] = remaining;
    const newest = remaining.at(-1);
    return oldest && newest && { oldest, newest };
  }

  push(entry: E): void {
    if (this.#end - this.#head === this.#ring.length) this.#makeRoom();
    this.#ring[this.#place(this.#end)] = entry;
    this.#end += 1;
    this.#bytes += entry.size;
  }

  /** The first entry that waits. */
  peek(): E | undefined {
    while (this.#cursor < this.#end) {
      const entry = this.#ring[this.#place(this.#cursor)];
      if (entry && !entry.removed) return entry;
      this.#cursor += 1;
    }
    return undefined;
  }

  /** The first entry that waits, and moves the cursor past it. */
  next(): E | undefined {
    const entry = this.peek();
    if (entry) this.#cursor += 1;
    return entry;
  }

  /** Undoes the last `next`. */
  putBack(): void {
    this.#cursor -= 1;
  }

  rewind(): void {
    this.#cursor = this.#head;
  }

  /** Marks the entry; it is let go of once all before it are removed too, or when room is short. */
  remove(entry: E): void {
    entry.removed = true;
    this.#bytes -= entry.size;
    const before = this.#head;
    while (this.#head < this.#end) {
      const place = this.#place(this.#head);
      if (this.#ring[place]?.removed === false) break;
      this.#ring[place] = undefined;
      this.#head += 1;
    }
    const left = this.#head - before;
    if (left !== 1) this.#gaps += 1 - left;
    this.#cursor = Math.max(this.#cursor, this.#head);
  }

  /** The position that the next entry gets. */
  get end(): number {
    return this.#end;
  }

  /**
   * Calls `visit` with those that are not removed and their positions, from a position on, oldest first, until it
   * returns true. Returns whether it did.
   */
  some(visit: (entry: E, position: number) => boolean, from = 0): boolean {
    for (let position = Math.max(this.#head, from); position < this.#end; position += 1) {
      const entry = this.#ring[this.#place(position)];
      if (entry?.removed === false && visit(entry, position)) return true;
    }
    return false;
  }

  /** All that are not removed, oldest first. */
  remaining(): E[] {
    return this.#remaining(this.#head, this.#end);
  }

  #remaining(from: number, to: number): E[] {
    const entries: E[] = [];
    for (let position = from; position < to; position += 1) {
      const entry = this.#ring[this.#place(position)];
      if (entry?.removed === false) entries.push(entry);
    }
    return entries;
  }

  #place(position: number): number {
    return position & (this.#ring.length - 1);
  }

  /** Closing gaps takes time for all entries, so it has to give room for half as many. */
  #makeRoom(): void {
    if (this.#gaps * 2 < this.#ring.length) this.#grow();
    else this.#closeGaps();
  }

  #closeGaps(): void {
    let cursor = this.#head;
    let end = this.#head;
    for (let position = this.#head; position < this.#end; position += 1) {
      const place = this.#place(position);
      const entry = this.#ring[place];
      this.#ring[place] = undefined;
      if (entry?.removed === false) {
        this.#ring[this.#place(end)] = entry;
        end += 1;
      }
      if (position < this.#cursor) cursor = end;
    }
    this.#cursor = cursor;
    this.#end = end;
    this.#gaps = 0;
  }

  #grow(): void {
    const larger = ring<E>(this.#ring.length * 2);
    for (let position = this.#head; position < this.#end; position += 1) {
      larger[position & (larger.length - 1)] = this.#ring[this.#place(position)];
    }
    this.#ring = larger;
  }
}

function ring<E>(length: number): (E | undefined)[] {
  return new Array<E | undefined>(length).fill(undefined);
}
