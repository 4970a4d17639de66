// A look at a queue on disk that takes nothing from it: what is on disk is read from there, wherever in the queue it is,
// and what is in memory only comes behind that.
import type { ClockCorrections } from "./clock-corrections";
import { noCallback, type QueuedEvent, readEvent } from "./event";
import type { Look, Place } from "./event-queue";
import type { EventStore } from "./event-store";
import type { SendQueue } from "./send-queue";
import type { UnreadEvents } from "./unread-events";
import type { WriteBuffer } from "./write-buffer";

/** Bytes that are read at once. */
const MOST_BYTES = 1_000_000;

interface Parts {
  readonly store: EventStore;
  readonly head: SendQueue<QueuedEvent>;
  readonly unread: UnreadEvents;
  readonly tail: WriteBuffer;
  readonly corrections: ClockCorrections;
}

export class DiskQueueLook {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Nothing on disk unless that is readable. Rejects if the disk does. */
  async look({ sequence, inMemory }: Place, limit: number, isReadable: boolean): Promise<Look> {
    const { unread } = this.#parts;
    for (let upTo = sequence; isReadable && unread.newest > upTo; ) {
      upTo = unread.newest;
      const events = await this.#onDisk(sequence, upTo, limit);
      const found = events.map((event) => ({ event, place: placeBehind(event) }));
      const next = found.at(-1)?.place;
      if (next) return { found, next };
      // What was written while the disk was read is not in memory only any more.
    }
    return this.#inMemory(sequence, inMemory, limit);
  }

  async #onDisk(after: number, upTo: number, limit: number): Promise<QueuedEvent[]> {
    const { store, head, unread, corrections } = this.#parts;
    const found = await store.look({ after, upTo, limit, bytes: MOST_BYTES });
    // That an event has left may not be written yet.
    const inHead = new Set(head.remaining().map((event) => event.sequence));
    return found.map((each) => {
      const event = readEvent(each, noCallback);
      corrections.apply(event);
      const isThere = inHead.has(event.sequence) || unread.isUnread(event.sequence);
      event.removed = each.fault !== undefined || !isThere;
      return event;
    });
  }

  #inMemory(sequence: number, skipped: number, limit: number): Look {
    const { head, tail } = this.#parts;
    const all = [...head.remaining(), ...tail.all].filter((event) => event.sequence === 0);
    const events = all.slice(skipped, skipped + limit);
    const place = (index: number) => ({ sequence, inMemory: skipped + index + 1 });
    const found = events.map((event, index) => ({ event, place: place(index) }));
    return skipped + limit < all.length ? { found, next: place(limit - 1) } : { found };
  }
}

function placeBehind({ sequence }: QueuedEvent): Place {
  return { sequence, inMemory: 0 };
}
