// A queue of events in memory: it survives outages and, handed over, deploys, but not the process.
import type { M1Error } from "../protocol/errors";
import { type Done, type Handover, type QueuedEvent, release } from "./event";
import type { EventQueue, Look, Place } from "./event-queue";
import { lookInMemory, turnOfOthers } from "./look-in-memory";
import { Quarantine } from "./quarantine";
import { type NumberedEntry, refusedEntry } from "./quarantine-entry";
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

  readonly quarantine: Quarantine;
  readonly isOnDisk = false;

  /** `quarantined` is what a predecessor has left. */
  constructor(owner: MemoryQueueOwner, quarantined: readonly NumberedEntry[] = []) {
    this.#owner = owner;
    this.quarantine = new Quarantine(undefined, quarantined);
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

  setAside(event: QueuedEvent, error: M1Error): void {
    this.head.remove(event);
    this.quarantine.keep(refusedEntry(event, error));
  }

  async opened(): Promise<void> {
    // It holds what it was handed over from the beginning.
  }

  async look(after: Place, limit: number): Promise<Look> {
    await turnOfOthers();
    return lookInMemory(after, limit, (visit, from) => this.head.some(visit, from));
  }

  async settle(): Promise<void> {
    // Nothing is on disk.
  }

  async close(): Promise<Handover> {
    const { inMemory: quarantined } = this.quarantine;
    return { events: this.head.remaining(), callbacks: new Map(), quarantined };
  }
}
