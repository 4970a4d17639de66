// A look at a queue on disk that takes nothing from it: what is on disk is read from there, wherever in the queue it is,
// and what is in memory only comes behind that.
import type { ClockCorrections } from "./clock-corrections";
import { noCallback, type QueuedEvent, readEvent } from "./event";
import type { Look, Place } from "./event-queue";
import type { EventStore } from "./event-store";
import { lookInMemory, MOST_BYTES_LOOKED_AT } from "./look-in-memory";
import type { SendQueue } from "./send-queue";
import type { UnreadEvents } from "./unread-events";
import type { WriteBuffer } from "./write-buffer";

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
  async look(after: Place, limit: number, isReadable: boolean): Promise<Look> {
    const { unread } = this.#parts;
    const { sequence } = after;
    for (let upTo = sequence; isReadable && unread.newest > upTo; ) {
      upTo = unread.newest;
      const events = await this.#onDisk(sequence, upTo, limit);
      const found = events.map((event) => ({ event, place: placeBehind(event) }));
      const next = found.at(-1)?.place;
      if (next) return { found, next };
      // What was written while the disk was read is not in memory only any more.
    }
    return this.#inMemory(after, limit);
  }

  async #onDisk(after: number, upTo: number, limit: number): Promise<QueuedEvent[]> {
    const { store, unread, corrections } = this.#parts;
    const found = await store.look({ after, upTo, limit, bytes: MOST_BYTES_LOOKED_AT });
    // That an event has left may not be written yet.
    const inHead = this.#inHead(after, found.at(-1)?.sequence ?? after);
    return found.map((each) => {
      const event = readEvent(each, noCallback);
      corrections.apply(event);
      const isThere = inHead.has(event.sequence) || unread.isUnread(event.sequence);
      event.removed = each.fault !== undefined || !isThere;
      return event;
    });
  }

  /** The sequence numbers of those between the two. */
  #inHead(after: number, upTo: number): Set<number> {
    const sequences = new Set<number>();
    this.#parts.head.some(({ sequence }) => {
      if (sequence > after && sequence <= upTo) sequences.add(sequence);
      return sequence > upTo;
    });
    return sequences;
  }

  #inMemory(after: Place, limit: number): Look {
    const { head, unread, tail } = this.#parts;
    // What goes from the tail to the head gets the positions there that it has here.
    const end = head.end + unread.length;
    return lookInMemory(after, limit, (visit, from) => {
      const visitInMemory = (event: QueuedEvent, position: number) =>
        event.sequence === 0 && visit(event, position);
      if (head.some(visitInMemory, from)) return;
      tail.some((event, index) => visitInMemory(event, end + index), from - end);
    });
  }
}

function placeBehind({ sequence }: QueuedEvent): Place {
  return { sequence, inMemory: 0 };
}
