// A queue of events in memory: it survives outages and, handed over, deploys, but not the process.
import { type Done, type Handover, type QueuedEvent, release } from "./event";
import type { EventQueue } from "./event-queue";
import { SendQueue } from "./send-queue";

/** The outbox that the queue belongs to. */
export interface MemoryQueueOwner {
  /** There is an event to send. */
  ready(): void;
  /** The event will be sent if the process lives on. */
  accepted(event: QueuedEvent): void;
}

export class MemoryQueue implements EventQueue {
  readonly head = new SendQueue<QueuedEvent>();
  readonly #owner: MemoryQueueOwner;

  constructor(owner: MemoryQueueOwner) {
    this.#owner = owner;
  }

  get length(): number {
    return this.head.length;
  }

  get bytes(): number {
    return this.head.bytes;
  }

  push(event: QueuedEvent): void {
    this.head.push(event);
    this.#owner.accepted(event);
    this.#owner.ready();
  }

  next(): QueuedEvent | undefined {
    return this.head.next();
  }

  putBack(): void {
    this.head.putBack();
  }

  remove(event: QueuedEvent): void {
    this.head.remove(event);
  }

  dropOldest(): Done | undefined {
    const oldest = this.head.next();
    if (!oldest) return undefined;
    this.head.remove(oldest);
    return release(oldest);
  }

  /** There is no place to keep it. */
  quarantine(event: QueuedEvent): void {
    this.head.remove(event);
  }

  async close(): Promise<Handover> {
    return { events: this.head.remaining(), callbacks: new Map() };
  }
}
