// A queue with a cursor: before it lies what is in flight, behind it what waits to be sent.
// A lost connection moves the cursor back to the front, so order is kept by construction.

export interface Entry {
  /** Delivered, refused, dropped or expired: it only waits for its turn to leave the queue. */
  settled: boolean;
}

/** Below this many settled entries at the front it is not worth copying the rest. */
const SHORTEST_CUT = 1024;

export class EntryQueue<E extends Entry> {
  #entries: (E | undefined)[] = [];
  #front = 0;
  #cursor = 0;

  /** From the oldest that is not settled to the newest. */
  get length(): number {
    return this.#entries.length - this.#front;
  }

  /** Those behind the cursor. */
  get waiting(): number {
    return this.#entries.length - this.#cursor;
  }

  /** The first and the last of those before the cursor that are not settled. */
  get sent(): { readonly oldest: E; readonly newest: E } | undefined {
    const unsettled = this.#entries
      .slice(this.#front, this.#cursor)
      .filter((entry) => entry?.settled === false);
    const [oldest] = unsettled;
    const newest = unsettled.at(-1);
    return oldest && newest && { oldest, newest };
  }

  push(entry: E): void {
    this.#entries.push(entry);
  }

  /** The first entry that waits. */
  peek(): E | undefined {
    while (this.#cursor < this.#entries.length) {
      const entry = this.#entries[this.#cursor];
      if (entry && !entry.settled) return entry;
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

  rewind(): void {
    this.#cursor = this.#front;
  }

  /** Marks the entry; it is let go of as soon as all before it are settled too. */
  settle(entry: E): void {
    entry.settled = true;
    while (this.#front < this.#entries.length && this.#entries[this.#front]?.settled !== false) {
      this.#entries[this.#front] = undefined;
      this.#front += 1;
    }
    this.#cursor = Math.max(this.#cursor, this.#front);
    if (this.#front < SHORTEST_CUT || this.#front * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#front);
    this.#cursor -= this.#front;
    this.#front = 0;
  }

  /** All that is not settled, oldest first. */
  unsettled(): E[] {
    return this.#entries.filter((entry) => entry !== undefined && !entry.settled) as E[];
  }
}
