// From blocks to events: every event that should be there comes out, those that cannot be read with a fault.
import { M1Error } from "../protocol/errors";
import { type FoundEvent, type StoredEvent, sizeOf } from "./event";
import { type EventBlock, eventsOf } from "./event-block";
import { unseal } from "./seal";

/** What there is to say of an event that cannot be read. */
const UNKNOWN = { acceptedAt: 0, topic: "", payload: "", qos: 0 } as const;

/** What is wanted: events that have not left, of a range of sequence numbers, oldest first. */
export interface Wanted {
  /** The range begins after this one. */
  readonly after: number;
  /** The last of the range. */
  readonly upTo: number;
  /** About so many of them. */
  readonly limit: number;
  /** Or fewer, with about so many bytes. */
  readonly bytes: number;
}

export interface BlockReadingOwner {
  firstPresentAfter(sequence: number): number;
  /** Keeps a text that makes no sense; resolves with the error for the events that it should have held. */
  unreadable(text: string, cause: unknown): Promise<M1Error>;
}

export class BlockReading {
  readonly events: FoundEvent[] = [];
  readonly #wanted: Wanted;
  readonly #owner: BlockReadingOwner;
  /** The first event that is wanted and has not been found. */
  #next: number;
  #bytes = 0;
  /** Of the latest text that made no sense. */
  #fault: M1Error | undefined;

  constructor(wanted: Wanted, owner: BlockReadingOwner) {
    this.#wanted = wanted;
    this.#owner = owner;
    this.#next = owner.firstPresentAfter(wanted.after);
  }

  get isComplete(): boolean {
    const { upTo, limit, bytes } = this.#wanted;
    if (this.#next > upTo || this.events.length >= limit) return true;
    return this.#bytes >= bytes && this.events.length > 0;
  }

  /** The next block, as it lies on disk under that key. */
  async add(key: string, block: Omit<EventBlock, "bytes">): Promise<void> {
    let read = block.first - 1;
    try {
      const text = unseal(key, block.text);
      this.#miss(read);
      for (const event of eventsOf({ ...block, text })) {
        this.#take(event);
        read = event.sequence;
      }
    } catch (error) {
      // All that it held has left.
      if (this.#next > block.last) return;
      this.#fault = await this.#owner.unreadable(block.text, error);
    }
  }

  /** There are no more blocks. */
  end(): void {
    this.#miss(this.#wanted.upTo);
  }

  #take(event: StoredEvent): void {
    if (event.sequence < this.#next || event.sequence > this.#wanted.upTo) return;
    this.#miss(event.sequence - 1);
    if (event.sequence !== this.#next) return;
    this.events.push(event);
    this.#bytes += sizeOf(event);
    this.#next = this.#owner.firstPresentAfter(event.sequence);
  }

  /** Those up to that one have not been found. */
  #miss(last: number): void {
    while (this.#next <= Math.min(last, this.#wanted.upTo)) {
      if (this.events.length >= this.#wanted.limit) return;
      this.#fault ??= new M1Error("OUTBOX_MISSING");
      this.events.push({ ...UNKNOWN, sequence: this.#next, fault: this.#fault });
      this.#next = this.#owner.firstPresentAfter(this.#next);
    }
  }
}
